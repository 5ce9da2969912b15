"""How long a job of theirs waits while one tenant has thousands."""

import statistics
import time

import sqlalchemy as sa

from benchmarks import stand
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.parts import job_processes
from benchmarks.parts.job_kinds import NAP, NAP_SECONDS
from benchmarks.stand import Stand
from benchmarks.timing import percentile
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue

BAR = AtMost(3)
_MANY, _WAVES = 10_000, 6
_OPEN_FOR = 1.0  # seconds since a tenant has signed up
_MOST = 60.0


def measure(ground: Stand, *, tiny: bool) -> Part:
    many, waves = (40, 1) if tiny else (_MANY, _WAVES)
    busy, *others = ground.tenants
    new = list[str]()
    with ground.app.app_context(), transaction():
        db.session.execute(sa.delete(Job))
        _ask(busy, many)
    with job_processes.running(ground):
        for _ in range(waves):
            new.append(stand.open_tenant(ground.app))
            time.sleep(_OPEN_FOR)
            with ground.app.app_context(), transaction():
                for tenant in (*others, new[-1]):
                    _ask(tenant, 1)
        waits = _waits(ground, [*others, *new], waves * (len(others) + 1))
        done = _done(ground, busy)
    of_new = [wait for tenant, wait in waits if tenant in new]
    all_ = [wait for _, wait in waits]
    figures = [
        Figure(f"others' wait beside {many:,} jobs, p99", percentile(all_, 99), "s", BAR),
        Figure("the longest of a tenant opened a second ago", max(of_new), "s", BAR),
        Figure("others' wait, median", statistics.median(all_), "s"),
        Figure("the many that were done meanwhile", done, "jobs"),
    ]
    return Part(figures, _how(many, waves, len(others)))


def _how(many: int, waves: int, others: int) -> str:
    return (
        f"Neighbours: a tenant of the free plan has {many:,} jobs of {NAP_SECONDS * 1000:g} ms; {waves} times {others} "
        f"others, and one that has signed up {_OPEN_FOR:g} s before, ask for one each at the same moment. Two "
        "dispatchers and two workers. A wait is from that moment to a worker's begin; without fairness it would be up "
        f"to {many * NAP_SECONDS / job_processes.WORKERS:.0f} s."
    )


def _ask(tenant: str, number: int) -> None:
    for n in range(number):
        enqueue(NAP, tenant, [n])


def _waits(ground: Stand, tenants: list[str], jobs: int) -> list[tuple[str, float]]:
    wait = sa.extract("epoch", Job.began_at - Job.run_at)
    theirs = sa.select(Job.tenant, wait).where(Job.tenant.in_(tenants), Job.name == NAP, Job.state == JobState.DONE)
    until = time.monotonic() + _MOST
    while time.monotonic() < until:
        with ground.app.app_context():
            found = [(str(tenant), float(wait)) for tenant, wait in db.session.execute(theirs)]
        if len(found) == jobs:
            return found
        time.sleep(0.1)
    raise RuntimeError(f"only {len(found)} of the others' {jobs} jobs were done within {_MOST:.0f} s")


def _done(ground: Stand, tenant: str) -> int:
    mine = sa.select(sa.func.count()).where(Job.tenant == tenant, Job.state == JobState.DONE)
    with ground.app.app_context():
        return db.session.scalar(mine) or 0
