"""Ends what a killed launcher left behind.

The launcher runs this file as a process of its own and tells it through a pipe which sessions it started:
`watch SESSION SIGNAL` before the process may begin, `forget SESSION` once it is gone. A killed launcher can
say nothing more, but its end of the pipe closes, and that needs neither Linux nor a cooperative child. Each
process leads a session, since a session, unlike a parent, does not change when somebody in between dies.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE = 10.0  # seconds between asking a process to stop and killing it
_STEP = 0.02
_LINUX = Path("/proc/self/stat")


def end(session: int, number: int, grace: float = GRACE) -> None:
    """Send signal `number` to the leader of `session`, wait `grace` seconds, then kill all that is left."""
    if session in members(session):
        _signal(session, number)
    deadline = time.monotonic() + grace
    while session in members(session) and time.monotonic() < deadline:
        time.sleep(_STEP)
    deadline = time.monotonic() + grace  # the kernel itself may take a while to take a process down
    while (left := members(session)) and time.monotonic() < deadline:
        for pid in left:
            _signal(pid, signal.SIGKILL)
        time.sleep(_STEP)


def members(session: int) -> list[int]:
    """The living processes of a session, whoever their parents are."""
    return [pid for pid in _living() if _session(pid) == session]


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return 0


def _living() -> list[int]:
    """All pids but those of zombies, which hold nothing and, where pid 1 does not reap, stay for ever."""
    if not _LINUX.exists():
        rows = subprocess.check_output(["/bin/ps", "-A", "-o", "pid=,stat="], text=True).splitlines()
        return [int(row.split()[0]) for row in rows if "Z" not in row]
    entries = os.listdir("/proc")  # noqa: PTH208 - several times faster than pathlib, and done in a loop
    return [int(entry) for entry in entries if entry.isdigit() and not _is_zombie(entry)]


def _is_zombie(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except OSError:
        return True


def _listen(parent: int) -> dict[int, int]:
    """Follow the launcher's reports until it is gone; return what it left running, in order of its start."""
    watched: dict[int, int] = {}
    rest = b""
    # A forked child of the launcher may hold a copy of the pipe; hence the look at the parent as well.
    while os.getppid() == parent:
        if not select.select([0], [], [], 1.0)[0]:
            continue
        chunk = os.read(0, 4096)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _note(watched, line.decode().split())
    return watched


def _note(watched: dict[int, int], words: list[str]) -> None:
    if words[0] == "watch":
        watched[int(words[1])] = int(words[2])
    else:
        watched.pop(int(words[1]), None)


def main() -> None:
    """Run as a script; the only argument is the launcher's pid."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watched = _listen(int(sys.argv[1]))
    for session, number in reversed(watched.items()):
        end(session, number)


if __name__ == "__main__":
    main()
