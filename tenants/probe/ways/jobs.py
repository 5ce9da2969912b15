"""Through a job of one tenant that is given the other's ids, run as a worker runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from saas.core.database import db, transaction
from saas.core.errors import PlatformError
from saas.core.ids import uuid7
from saas.core.jobs import Job, JobState, handler, registry
from tenants import isolation
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.probe.canaries import MARKERS
from tenants.probe.contexts import inside
from tenants.probe.outcomes import NOT_FOUND, Answer, Attempt, blind, judged
from tenants.probe.sides import Side

JOBS, PEEK = "jobs", "isolation.peek"

_seen: ContextVar[list[str] | None] = ContextVar("seen", default=None)  # by the job that this process runs just now


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    control = _run(theirs, theirs)
    if not theirs.shown_in(control.text):
        yield blind(JOBS, "a job of its own", control.unanswered or NOT_FOUND)
        return
    yield judged(JOBS, "a job that is given its ids", _run(mine, theirs), theirs)
    yield _row(mine, theirs)


@handler(PEEK, queue="slow", scope="tenant")
def peek(record: str, tenant: str) -> None:
    """Look at everything in the tenant that the job is bound to, and for what its arguments name, there and beyond."""
    collection = collections.get(MARKERS)
    _note(records.page(collection, after=None, limit=records.MOST_PER_PAGE).records)
    for beyond in (False, True):
        try:
            if beyond:
                isolation.bind(tenant)
            _note(records.get(collection, UUID(record)))
        except (PlatformError, isolation.IsolationError) as error:
            _note(type(error).__name__)


def _note(found: object) -> None:
    if (seen := _seen.get()) is not None:
        seen.append(str(found))


def _row(mine: Side, theirs: Side) -> Attempt:
    """Its job's row, by its id, bound to the one and to the other."""
    tried = "the row of its job"
    with _leased(theirs, theirs) as job:
        own, foreign = (_whose(side, job) for side in (theirs, mine))
    if own != theirs.tenant:
        return blind(JOBS, tried)
    return judged(JOBS, tried, Answer(foreign), theirs, by_id=True)


def _whose(side: Side, job: UUID) -> str:
    with inside(side.tenant) as session:
        return str(session.scalar(sa.select(Job.tenant).where(Job.id == job)))


def _run(who: Side, theirs: Side) -> Answer:
    """As the dispatcher leases a job and a worker takes it up, here and now."""
    seen: list[str] = []
    token = _seen.set(seen)
    try:
        with _leased(who, theirs) as job:
            registry.get(PEEK)(str(job), 1)
        return Answer("\n".join(seen))
    except Exception as error:  # noqa: BLE001  whatever a job may fail of; the runner has noted it
        return Answer("\n".join([*seen, str(error)]), unanswered=f"it failed: {type(error).__name__}")
    finally:
        _seen.reset(token)


@contextmanager
def _leased(who: Side, theirs: Side) -> Iterator[UUID]:
    """A row that no dispatcher looks at, since its lease is long; gone afterwards."""
    job = Job(id=uuid7(), name=PEEK, tenant=who.tenant, args=[str(theirs.record), theirs.tenant], queue="slow")
    job.limit_seconds, job.max_tries, job.state, job.lease = 60, 8, JobState.LEASED, 1
    job.due_at = sa.func.now() + timedelta(hours=1)
    job.tick = f"{PEEK}@{job.id}"  # so that it is seen to be nobody's business
    with transaction():
        db.session.add(job)
    try:
        yield job.id
    finally:
        with transaction():
            db.session.execute(sa.delete(Job).where(Job.id == job.id))
