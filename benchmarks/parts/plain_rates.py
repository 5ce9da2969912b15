"""How many jobs that do nothing plain RQ does in a second."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from rq import Queue

from benchmarks.figures import Figure, Part
from benchmarks.parts import plain_pool
from benchmarks.parts.plain_rq import Ground, await_that

FIRST, LAST = 0.1, 0.9  # what is before and after is not counted: processes start, and one of them ends first


def measure(ground: Ground, rounds: int, jobs: int) -> Part:
    ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "Worker, which forks": partial(ground.working, plain_pool.QUEUE),
        "SimpleWorker": partial(ground.working, plain_pool.QUEUE, kind="rq.SimpleWorker"),
        "a pool of two SimpleWorkers": partial(_pool, ground),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, running in ways.items():
            ground.redis.flushall()
            with running():
                found[name].append(drained(ground.queue(plain_pool.QUEUE), jobs))
    figures = [Figure(f"{name}: jobs a second", statistics.median(each), "a second") for name, each in found.items()]
    return Part(figures, _how(rounds, jobs))


def _how(rounds: int, jobs: int) -> str:
    return (
        f"Rates: {jobs:,} jobs that do nothing from a full queue, {rounds} times and in turn; the middle four fifths "
        "count, and the figure is the median."
    )


def drained(queue: Queue, jobs: int) -> float:
    """Jobs a second, by workers that are there. RQ keeps no times that are fine enough, so its queue is looked at."""
    queue.enqueue_many([Queue.prepare_data(plain_pool.nothing, [number]) for number in range(jobs)])
    looks = list[tuple[float, int]]()

    def look() -> bool:
        looks.append((time.monotonic(), jobs - queue.count))
        return looks[-1][1] == jobs

    await_that(look)
    first, last = (next(look for look in looks if look[1] >= jobs * part) for part in (FIRST, LAST))
    return (last[1] - first[1]) / (last[0] - first[0])


@contextmanager
def _pool(ground: Ground) -> Iterator[None]:
    pool = ground.start("pool", plain_pool.__name__, ground.server.url)
    try:
        yield
    finally:
        pool.stop()
