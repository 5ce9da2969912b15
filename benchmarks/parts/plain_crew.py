"""A few workers of plain RQ, each replaced when it is killed or told to end."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.parts.plain_rq import Ground, await_that, listens
from saas.devstack import guard
from saas.devstack.processes import Child

WORKERS = 2
_PAUSE = 0.03  # seconds; a hit comes at most so long after the job that it is told by
_ENDS_WITHIN = 10.0

Hit = Callable[[Child, random.Random], bool]  # returns whether the worker ends by it


class Crew:
    def __init__(self, ground: Ground, queues: tuple[str, ...], dice: random.Random) -> None:
        self._ground, self._queues, self._dice = ground, queues, dice
        self._former = list[Child]()
        self._workers = list[Child]()
        for _ in range(WORKERS):
            self._add()

    def hit(self, hit: Hit) -> None:
        """One of those that have begun to take jobs, at any moment of a job."""
        await_that(lambda: any(map(listens, self._workers)))
        worker = self._dice.choice([worker for worker in self._workers if listens(worker)])
        time.sleep(self._dice.uniform(0, _PAUSE))
        if hit(worker, self._dice):
            self._workers.remove(worker)
            self._former.append(worker)
            self._add()

    def end(self) -> None:
        """Each once it has done what it is at; RQ's own races may leave one that never ends."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in (*self._former, *self._workers):
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(_ENDS_WITHIN)

    def remove(self) -> None:
        """Whatever is left, and what they have started."""
        for worker in (*self._former, *self._workers):
            worker.stop(grace=0)

    def _add(self) -> None:
        number = len(self._former) + len(self._workers)
        self._workers.append(self._ground.worker(f"worker-{number}", *self._queues))


@contextmanager
def working(ground: Ground, queues: tuple[str, ...], dice: random.Random) -> Iterator[Crew]:
    """They have ended in peace when nothing has gone wrong inside."""
    crew = Crew(ground, queues, dice)
    try:
        yield crew
        crew.end()
    finally:
        crew.remove()


def kill_any(worker: Child, dice: random.Random) -> bool:
    """By -9: the worker, the process that does its job, or both."""
    working = [pid for pid in guard.members(worker.pid) if pid != worker.pid]
    victims = dice.choice([[worker.pid], working or [worker.pid], [worker.pid, *working]])
    _kill(victims)
    return worker.pid in victims


def kill(worker: Child, _dice: random.Random) -> bool:
    """By -9, with the process that does its job."""
    _kill(guard.members(worker.pid))
    return True


def tell(worker: Child, _dice: random.Random) -> bool:
    """To end, by SIGTERM, as each deploy does."""
    worker.process.terminate()
    return True


def _kill(processes: list[int]) -> None:
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # its job was done
