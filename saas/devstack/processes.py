"""Processes that never outlive their launcher, each with a log of its own.

A process starts behind a gate: a shell that waits for one line before it becomes the command. The launcher
tells the guard about the process first and opens the gate then; if it is killed in between, the gate reads
end of file and the command never runs. So there is no moment at which a process lives and nobody knows it.
"""

import atexit
import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from saas.devstack import guard
from saas.devstack.account import Account
from saas.devstack.errors import DevstackError

_GATE = 'read -r go && exec "$@" </dev/null'
_kept_open: list[int] = []  # what the guard is to inherit


@dataclass(frozen=True)
class Program:
    """What to run: a command, its environment (nothing is inherited), and the file its output goes to."""

    name: str
    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str]
    cwd: Path = Path("/")
    account: Account | None = None  # to run it as somebody else
    stop_with: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Child:
    """A running program that leads a session of its own."""

    program: Program
    process: subprocess.Popen[bytes]

    @property
    def name(self) -> str:
        """What people know it as."""
        return self.program.name

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.program.log

    @property
    def pid(self) -> int:
        """The process's id, which is its session's id too."""
        return self.process.pid

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.process.poll()

    def stop(self, grace: float = guard.GRACE) -> None:
        """Ask it to stop, wait up to `grace` seconds, then kill it and all it started. May be repeated."""
        guard.end(self.pid, self.program.stop_with, grace)
        self.process.wait()
        with contextlib.suppress(DevstackError):  # without the guard there is nobody who needs to forget it
            _tell(f"forget {self.pid}")

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def hold(descriptor: int) -> None:
    """Keep a file, and a lock on it, open until all processes are gone. Call it before the first start."""
    _kept_open.append(descriptor)


def start(program: Program) -> Child:
    """Start a program, its log begun anew. It ends when this process does, in whatever way that happens."""
    _guard(os.getpid())
    program.log.parent.mkdir(parents=True, exist_ok=True)
    gate, opener = os.pipe()
    try:
        process = _spawn(program, gate)
        _tell(f"watch {process.pid} {int(program.stop_with)}")
        os.write(opener, b"go\n")
    finally:
        os.close(gate)
        os.close(opener)
    return Child(program, process)


def _spawn(program: Program, gate: int) -> subprocess.Popen[bytes]:
    account = program.account
    with program.log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            ["/bin/sh", "-c", _GATE, "sh", *program.command],
            stdin=gate,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=program.env,
            cwd=program.cwd,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def _tell(line: str) -> None:
    try:
        os.write(_guard(os.getpid()).pipe, line.encode() + b"\n")
    except BrokenPipeError as error:
        raise DevstackError("The process that cleans up after this one was killed: start again.") from error


@dataclass(frozen=True)
class _Guard:
    process: subprocess.Popen[bytes]
    pipe: int


@functools.cache
def _guard(launcher: int) -> _Guard:
    """The one guard of this process; isolated and without site, so that its start costs little."""
    reading, writing = os.pipe()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", guard.__file__, str(launcher)],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        pass_fds=_kept_open,
    )
    os.close(reading)
    made = _Guard(process, writing)
    atexit.register(_dismiss, made, launcher)
    return made


def _dismiss(made: _Guard, launcher: int) -> None:
    if os.getpid() == launcher:  # a forked child runs this too
        os.close(made.pipe)
        made.process.wait()
