"""A worker of the tour's own, killed while it is at a job."""

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from saas.devstack import processes, surroundings
from saas.devstack.processes import Child, Program
from saas.devstack.state import ROOT
from saas.devstack.tour.telling import Broken
from saas.devstack.tour.visitor import wait_for

_BEGUN = re.compile(r"report\.begun[^\n]*?job\W+([0-9a-f-]{36})")  # as text, and as JSON


@dataclass(frozen=True)
class Worker:
    child: Child

    @property
    def pid(self) -> int:
        return self.child.pid

    def begun(self) -> str | None:
        """The id of the report that it is at, as its log says."""
        found = _BEGUN.search(self._log())
        return found[1] if found else None

    def started(self) -> bool:
        return "worker.started" in self._log()

    def kill(self) -> int:
        """As `kill -9` does; returns the status that it ended with."""
        self.child.process.send_signal(signal.SIGKILL)
        return self.child.process.wait(10)

    def _log(self) -> str:
        return self.child.log.read_text(errors="replace")


@contextmanager
def worker(settings: Mapping[str, str]) -> Iterator[Worker]:
    """One more worker on the queue `fast`. It ends with the tour, in whatever way that ends."""
    with tempfile.TemporaryDirectory(prefix="freehold-tour-") as folder:
        command = [sys.executable, "worker.py", "--queue", "fast"]
        env = surroundings.for_process(settings)
        child = processes.start(Program("tour-worker", command, Path(folder) / "worker.log", env, cwd=ROOT))
        try:
            made = Worker(child)
            wait_for("the worker to start", made.started)
            yield made
        finally:
            child.stop()


def saas(settings: Mapping[str, str], *words: str) -> str:
    """What a command of the platform prints. Raises Broken when it fails."""
    return asked(begin_saas(settings, *words))


def begin_saas(settings: Mapping[str, str], *words: str) -> "subprocess.Popen[str]":
    """Start a command without waiting for it: Python takes its time to end."""
    env = surroundings.for_process(settings)
    command = [sys.executable, "-m", "saas.app", *words]
    return subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def asked(command: "subprocess.Popen[str]") -> str:
    printed, errors = command.communicate(timeout=60)
    if command.returncode:
        raise Broken(f"a command ended with {command.returncode}: {errors.strip().rpartition(chr(10))[2]}")
    return printed.strip()
