"""`./dev run` as it is: story and tour work on it, a second run finds its data, no way to die leaves a process."""

import contextlib
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
from tests.devstack.conftest import PATIENCE

LOST = "Everything runs, but the demo is not complete: the next start goes on with it.\n"

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

    def business(address: str) -> bool:
        answer = requests.get(
            f"http://127.0.0.1:{port}/home", headers={"Host": f"{address}.localhost:{port}"}, allow_redirects=False,
            timeout=PATIENCE,
        )  # fmt: skip
        return answer.status_code != 404

    try:
        running = dev("run", "--port", port)
        summary = printed(running)
        assert records(summary) == 18, "the printed curl line works"
        assert eventually(lambda: living(pids.below(running.pid)))  # the summary comes before it
        (demo,) = living(pids.below(running.pid))
        assert eventually(lambda: business("harbour-cycles"))
        psutil.Process(demo).kill()
        assert running.stdout
        assert running.stdout.readline() == LOST
        assert not business("studio-lumen"), "the demo was killed in its middle"
        smoke = dev("smoke")
        assert smoke.wait(PATIENCE) == 0, smoke.stdout and smoke.stdout.read()
        below = pids.below(running.pid)
        webs = [pid for pid in below if "granian" in words_of(pid)]
        master = min(webs, key=lambda pid: psutil.Process(pid).create_time())
        psutil.Process(master).kill()
        words = running.communicate(timeout=PATIENCE)[0]
        assert "web ended with status -9" in words, words
        assert running.returncode == 1
        assert eventually(lambda: not pids.alive(below))

        again = dev("run", "--port", port)
        assert records(printed(again)) == 18, "the second run finds the first one's data"
        assert eventually(lambda: business("studio-lumen")), "the second run completes the demo"
        tour = dev("tour", "--fast")
        told = tour.communicate(timeout=5 * PATIENCE)[0]
        assert tour.returncode == 0, told
        assert "Everything was as promised" in told
        below = pids.below(again.pid)
        again.kill()
        assert eventually(lambda: not pids.alive(below)), pids.alive(below)

        last = dev("run", "--port", port)
        assert records(printed(last)) == 18
        below = pids.below(last.pid)
        last.send_signal(signal.SIGINT)
        assert last.wait(PATIENCE) == 0
        assert not pids.alive(below)
    finally:
        postgres.remove(state)


def living(below: list[int]) -> list[int]:
    """The process that fills the demo beside the stack."""
    return [pid for pid in below if "live" in words_of(pid)]


def words_of(pid: int) -> list[str]:
    """A process' command line; empty when it has ended meanwhile, as PostgreSQL's own come and go."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(psutil.Process(pid).cmdline())
    return []


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
    answer = requests.get(f"http://127.0.0.1:{parts.port}{parts.path}", headers=headers, timeout=PATIENCE)
    return len(answer.json()["data"])
