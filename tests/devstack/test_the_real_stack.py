"""`./dev run` as it is: the story works on it, a second run finds its data, and no way to die leaves a process."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import requests

from saas.devstack import ports, postgres

Launch = Callable[..., "subprocess.Popen[str]"]


def test_runs_smokes_dies_in_each_way_and_comes_back(
    launch: Launch, tmp_path: Path, pids: Any, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    state, port = tmp_path / "state", ports.free()
    own = {"FREEHOLD_STATE": str(state), "PYTHONDONTWRITEBYTECODE": ""}

    def dev(*arguments: object) -> "subprocess.Popen[str]":
        unset = [
            word for name in ("DATABASE_URL", "DATABASE_ADMIN_URL", "REDIS_URL", "SECRET_KEY") for word in ("-u", name)
        ]
        return launch("env", *unset, sys.executable, "-m", "saas.devstack", *arguments, **own)

    try:
        running = dev("run", "--port", port)
        summary = printed(running)
        assert records(summary) == 6, "the printed curl line works"
        smoke = dev("smoke")
        assert smoke.wait(60) == 0, smoke.stdout and smoke.stdout.read()
        below = pids.below(running.pid)
        webs = [pid for pid in below if "granian" in psutil.Process(pid).cmdline()]
        master = min(webs, key=lambda pid: psutil.Process(pid).create_time())
        psutil.Process(master).kill()
        words = running.communicate(timeout=30)[0]
        assert words.startswith("web ended with status -9"), words
        assert running.returncode == 1
        assert eventually(lambda: not pids.alive(below))

        again = dev("run", "--port", port)
        assert records(printed(again)) == 6, "the second run finds the first one's data"
        below = pids.below(again.pid)
        again.kill()
        assert eventually(lambda: not pids.alive(below)), pids.alive(below)

        last = dev("run", "--port", port)
        assert records(printed(last)) == 6
        below = pids.below(last.pid)
        last.send_signal(signal.SIGINT)
        assert last.wait(30) == 0
        assert not pids.alive(below)
    finally:
        postgres.remove(state)


def printed(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    said = ""
    while "Ctrl-C stops everything" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def records(summary: str) -> int:
    """Make the call of the printed command line; returns how many records it lists."""
    found = re.search(r'curl -H "Authorization: (Bearer \S+)" (\S+)', summary)
    assert found, summary
    parts = urlsplit(found[2])
    headers = {"Authorization": found[1], "Host": parts.netloc}
    answer = requests.get(f"http://127.0.0.1:{parts.port}{parts.path}", headers=headers, timeout=10)
    return len(answer.json()["data"])
