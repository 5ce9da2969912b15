"""How many jobs that do nothing two workers do in a second: ours, and RQ's own pool."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from redis import Redis
from rq import Queue

from benchmarks.figures import AtLeast, Figure, Part
from benchmarks.parts import job_kinds, job_processes, plain_pool, plain_rates
from benchmarks.parts.plain_rates import FIRST, LAST
from benchmarks.stand import Stand
from saas.core.database import db, transaction
from saas.core.jobs import Job, enqueue
from saas.core.jobs.models import OPEN
from saas.devstack import processes
from saas.devstack.processes import Program
from saas.devstack.state import ROOT

BAR = AtLeast(0.7)
_JOBS = 4_000
_MOST = 120.0  # seconds


def measure(ground: Stand, rounds: int, *, tiny: bool) -> Part:
    jobs = 60 if tiny else _JOBS
    ours, theirs = list[float](), list[float]()
    for number in range(rounds):
        for way in (_theirs, _ours) if number % 2 else (_ours, _theirs):
            (ours if way is _ours else theirs).append(way(ground, jobs))
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    figures = [
        Figure("jobs a second / plain RQ's", ratio, "ratio", BAR),
        Figure("jobs a second", statistics.median(ours), "a second"),
        Figure("plain RQ's", statistics.median(theirs), "a second"),
    ]
    return Part(figures, _how(jobs, rounds))


def _how(jobs: int, rounds: int) -> str:
    return (
        f"{jobs:,} jobs that do nothing, by two workers from a full queue, {rounds} times and in turn with RQ's own "
        "pool of two SimpleWorkers with its defaults; the middle four fifths count, and a ratio is the median of the "
        "rounds'. Ours are bound to tenants and pass the table, two dispatchers, RQ and the table again."
    )


def _ours(ground: Stand, jobs: int) -> float:
    with ground.app.app_context(), transaction():
        db.session.execute(sa.delete(Job))
        for number in range(jobs):
            enqueue(job_kinds.NOTHING, ground.tenants[number % len(ground.tenants)], [number])
    with job_processes.running(ground):
        _await(lambda: not _open(ground))
    with ground.app.app_context():
        ended = list(
            db.session.scalars(
                sa.select(Job.finished_at).where(Job.name == job_kinds.NOTHING).order_by(Job.finished_at)
            )
        )
    first, last = int(jobs * FIRST), int(jobs * LAST)
    return (last - first) / (ended[last] - ended[first]).total_seconds()


def _open(ground: Stand) -> bool:
    with ground.app.app_context():
        mine = sa.exists().where(Job.name == job_kinds.NOTHING, Job.state.in_(OPEN))
        return bool(db.session.scalar(sa.select(mine)))


def _theirs(ground: Stand, jobs: int) -> float:
    with _pool(ground) as queue:
        return plain_rates.drained(queue, jobs)


@contextmanager
def _pool(ground: Stand) -> Iterator[Queue]:
    url = ground.settings.redis_url
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder, Redis.from_url(url) as redis:
        command = [sys.executable, "-m", plain_pool.__name__, url]
        pool = processes.start(Program("pool", command, Path(folder) / "pool.log", dict(os.environ), ROOT))
        try:
            yield Queue(plain_pool.QUEUE, connection=redis)
        finally:
            pool.stop()
            redis.flushdb()


def _await(done: Callable[[], bool]) -> None:
    until = time.monotonic() + _MOST
    while not done():
        if time.monotonic() > until:
            raise RuntimeError(f"not all jobs were done within {_MOST:.0f} s")
        time.sleep(0.2)
