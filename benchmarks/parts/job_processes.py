"""Dispatchers and workers that know the benchmark's jobs."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.parts import job_main
from benchmarks.stand import Stand
from saas.devstack import processes, stack
from saas.devstack.errors import DevstackError
from saas.devstack.processes import Child, Program
from saas.devstack.state import ROOT

WORKERS = 2
_READY_WITHIN = 60.0  # seconds
_ROLES = {"dispatcher": ("dispatch",), "worker": ("--queue", "fast")}


@contextmanager
def running(ground: Stand) -> Iterator[list[Child]]:
    """Two dispatchers and two workers on one queue, ready."""
    values = ground.settings.model_dump()
    env = os.environ | {name.upper(): str(value) for name, value in values.items() if value is not None}
    started = [(role, number) for role in _ROLES for number in range(WORKERS)]
    with ExitStack() as ending, tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder:
        children = list[Child]()
        for role, number in started:
            command = [sys.executable, "-m", job_main.__name__, *_ROLES[role]]
            log = Path(folder) / f"{role}-{number}.log"
            children.append(processes.start(Program(f"{role}-{number}", command, log, env, ROOT)))
            ending.callback(children[-1].stop)
        for (role, _), child in zip(started, children, strict=True):
            _await(child, lambda child=child, role=role: f"{role}.started" in child.log.read_text())  # type: ignore[misc]
        yield children


def _await(child: Child, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _READY_WITHIN
    while not ready():
        if child.poll() is not None or time.monotonic() > until:
            raise DevstackError(stack.ended(child))
        time.sleep(0.02)
