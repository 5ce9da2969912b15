"""What asking for a job costs its caller, and how soon a worker begins it where nothing else is going on."""

import os
import random
import statistics
import time
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from benchmarks.figures import AtMost, Figure, Part
from benchmarks.parts import job_processes
from benchmarks.parts.job_kinds import NOTHING
from benchmarks.stand import Stand
from benchmarks.timing import Way, interleave, percentile
from saas.core import audit
from saas.core.database import db, transaction
from saas.core.jobs import Job, enqueue
from saas.devstack.processes import Child

SEED = 5
_JOBS, _ROUNDS = 300, 60
_IDLE = 5.0  # seconds
_MOST = 30.0


def measure(ground: Stand, *, tiny: bool) -> Part:
    jobs, rounds = (5, 2) if tiny else (_JOBS, _ROUNDS)
    asked = _asked(ground, rounds)
    with job_processes.running(ground) as children:
        idle = _share(children[0], 0.5 if tiny else _IDLE)
        waits = [_wait(ground, number, dice) for dice in [random.Random(SEED)] for number in range(jobs)]
    figures = [
        Figure("asking for a job, in its caller's transaction", asked * 1000, "ms", AtMost(0.5)),
        Figure("from commit to start, median", statistics.median(waits) * 1000, "ms", AtMost(30)),
        Figure("from commit to start, p99", percentile(waits, 99) * 1000, "ms", AtMost(150)),
        Figure("processor time of an idle dispatcher", idle * 100, "% of a core"),
    ]
    return Part(figures, _how(jobs, rounds))


def _how(jobs: int, rounds: int) -> str:
    return (
        f"Asking: a transaction that writes a line of the audit and asks for a job, against one that writes the line, "
        f"in {rounds} rounds of turns; the median of the turns' differences. Start: {jobs} jobs, one after the other, "
        f"at random moments (seed {SEED}), from before the COMMIT is sent to what the database says of its begin."
    )


def _asked(ground: Stand, rounds: int) -> float:
    ways: dict[str, Way] = {
        "with": lambda: _transaction(ground.app, ground.tenants[0]),
        "without": lambda: _transaction(ground.app, None),
    }
    seconds = interleave(ways, rounds).seconds
    return statistics.median(one - other for one, other in zip(seconds["with"], seconds["without"], strict=True))


def _transaction(app: Flask, tenant: str | None) -> float:
    with app.app_context():
        db.session.connection()
        began = time.perf_counter()
        with transaction():
            audit.record("bench.written", actor="system", tenant=None)
            if tenant:
                enqueue(NOTHING, tenant, [0])
        return time.perf_counter() - began


def _wait(ground: Stand, number: int, dice: random.Random) -> float:
    time.sleep(dice.uniform(0.03, 0.09))
    with ground.app.app_context():
        with transaction():
            job = enqueue(NOTHING, ground.tenants[number % len(ground.tenants)], [number])
            asked = time.time()  # the same clock as the database's, on this machine
        return _began(job) - asked


def _began(job: UUID | None) -> float:
    until = time.monotonic() + _MOST
    while time.monotonic() < until:
        time.sleep(0.01)
        if (began := db.session.scalar(sa.select(sa.extract("epoch", Job.began_at)).where(Job.id == job))) is not None:
            return float(began)
        db.session.rollback()
    raise RuntimeError(f"a job was not begun within {_MOST:.0f} s")


def _share(child: Child, seconds: float) -> float:
    """Of a core's time, that a process takes."""
    before, began = _ticks(child.pid), time.monotonic()
    time.sleep(seconds)
    return (_ticks(child.pid) - before) / (time.monotonic() - began)


def _ticks(pid: int) -> float:
    """Seconds of processor time; 0 where the kernel does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
