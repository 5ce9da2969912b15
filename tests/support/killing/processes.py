"""What a test sees of the nursery's processes: started, asked to end, killed, and how they ended."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saas.core.settings import Settings
from tests.support import live
from tests.support.killing import clock, jobs
from tests.support.killing.fates import Fate

DISPATCH, FAST, SLOW = ("dispatch",), ("--queue", "fast"), ("--queue", "slow")


@dataclass
class Process:
    """One of the platform, in a group of its own with all that it has started."""

    nursery: "Nursery"
    pid: int
    log: Path
    status: int | None = None  # of what the nursery started; None while it runs

    def running(self) -> bool:
        if self.status is None:
            self.status = self.nursery.tell(do="poll", pid=self.pid)["status"]
        return self.status is None

    def kill(self) -> None:
        """With all of its group, by -9."""
        self._group(signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """Ask it to end, and nobody else of its group."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds: float = 60.0) -> int:
        """Its status; negative for a signal."""
        live.eventually(lambda: not self.running(), seconds)
        self._group(signal.SIGKILL)  # whoever of it has outlived it
        assert self.status is not None
        return self.status

    def _group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Nursery:
    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._lock, self._folder = process, threading.Lock(), folder
        self.ledger = folder / "ledger"  # a line for each that met its fate: "id of the process|point|job"
        self.ledger.touch()
        self._ready = False

    def start(self, name: str, command: Sequence[str], fate: Fate | None = None, *, own_clock: bool = False) -> Process:
        """Its output goes to `<folder>/<name>.log`."""
        log = self._folder / f"{name}.log"
        wanted = {"command": command, "log": str(log), "ledger": str(self.ledger), "own_clock": own_clock}
        return Process(self, self.tell(do="start", fate=fate and fate.as_json(), **wanted)["pid"], log)

    def log(self, name: str) -> str:
        file = self._folder / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def struck(self) -> dict[int, tuple[str, str]]:
        """The point and the job of each process that has met its fate, by the id of what was started."""
        lines = (line.split("|") for line in self.ledger.read_text().splitlines())
        return {int(pid): (point, job) for pid, point, job in lines}

    def tell(self, **what: Any) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin
            assert self._process.stdout
            if not self._ready:  # it starts beside whatever else is prepared
                assert self._process.stdout.readline(), (self._folder / "nursery.log").read_text()
                self._ready = True
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
            return answer


@contextmanager
def nursery(settings: Settings, site: str, receiver: str, folder: Path, *, off: float = 0) -> Iterator[Nursery]:
    """Its processes' clocks are `off` by so many seconds. They all end with it."""
    given = live.environment(settings, site) | {jobs.RECEIVER: receiver, clock.VARIABLE: str(off)}
    with (folder / "nursery.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.killing.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=live.ROOT,
            env={name: value for name, value in given.items() if not name.startswith("COV")},  # they die too early
        )
    with process:
        yield Nursery(process, folder)


def until(what: Any, seconds: float, pause: float = 0.05) -> bool:
    """Whether `what()` was true before so many seconds were over."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
