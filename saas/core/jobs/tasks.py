"""Keeping the platform's own tables short."""

import time
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog

from saas.core.attempts import Attempts
from saas.core.database import db, transaction
from saas.core.jobs.models import Job, JobState
from saas.core.jobs.registry import handler
from saas.core.jobs.running import current

KEEP = {
    JobState.DONE: timedelta(days=7),
    JobState.CANCELLED: timedelta(days=30),
    JobState.DISMISSED: timedelta(days=30),
    JobState.DEAD: timedelta(days=90),  # somebody should have looked at it by then
}
BATCH = 2000  # jobs a transaction, with their timelines
_SECONDS = 240.0  # for which a sweep goes on; what is left then, the next one takes

log = structlog.get_logger()


def _sweep(_job: UUID) -> int:
    """Batch by batch, each a transaction of its own, so that no lock is held for long."""
    until, swept = time.monotonic() + _SECONDS, 0
    for state, age in KEEP.items():
        while time.monotonic() < until:
            with transaction():
                gone = _delete(state, age)
            swept += gone
            if gone:
                current().progress(swept, message="Jobs that ended long ago are swept away")
            if gone < BATCH:
                break
    return swept


@handler("core.sweep", queue="slow", limit_seconds=300, every=3600, outside=_sweep)
def sweep(swept: int) -> None:
    db.session.execute(sa.delete(Attempts).where(Attempts.until < sa.func.now()))
    if swept:
        log.info("jobs.swept", swept=swept)


def _delete(state: JobState, age: timedelta) -> int:
    """The oldest first, as they are in the index."""
    old = sa.select(Job.id).where(Job.state == state, Job.finished_at < sa.func.now() - age)
    batch = old.order_by(Job.finished_at).limit(BATCH).with_for_update(skip_locked=True)
    return len(db.session.execute(sa.delete(Job).where(Job.id.in_(batch)).returning(Job.id)).all())
