"""A tenant's own jobs, as its people and programs may see them. The tenant is bound, so that row security looks too.

Arguments, errors and operators' reasons stay with the operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from saas.core import identity
from saas.core.database import db
from saas.core.jobs import Job, JobState
from saas.core.jobs.looking import NoSuchJob, Shown
from saas.core.jobs.models import OPEN

MOST = 50  # shown of a tenant
LOOKED_AT = 2_000  # its newest jobs, among which those are that tell how far they are

_WORDS = {
    JobState.WAITING: "waiting",
    JobState.LEASED: "waiting",
    JobState.RUNNING: "running",
    JobState.DONE: "done",
    JobState.DEAD: "failed",
    JobState.DISMISSED: "failed",
    JobState.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class Work:
    """One job of the tenant's."""

    id: UUID
    name: str
    state: str  # "waiting", "running", "done", "failed" or "cancelled"
    done: int | None
    total: int | None
    percent: int | None
    message: str | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def open(self) -> bool:
        return self.state in {"waiting", "running"}


def get(job_id: UUID) -> Work:
    """Raises NoSuchJob, for another tenant's as well."""
    job = db.session.scalar(sa.select(Job).where(Job.id == job_id, Job.tenant == identity.tenant().id))
    if job is None:
        raise NoSuchJob
    return _work(job)


def recent() -> Sequence[Work]:
    """What waits or runs, and what has told how far it came; the newest first."""
    newest = sa.select(Job).where(Job.tenant == identity.tenant().id).order_by(Job.id.desc()).limit(LOOKED_AT)
    job = aliased(Job, newest.subquery())
    telling = sa.or_(job.state.in_(OPEN), job.done.is_not(None), job.message.is_not(None))
    found = db.session.scalars(sa.select(job).where(telling).order_by(job.id.desc()).limit(MOST))
    return [_work(one) for one in found]


def _work(job: Job) -> Work:
    times = job.created_at, job.finished_at
    return Work(job.id, job.name, _WORDS[job.state], job.done, job.total, Shown(job).percent, job.message, *times)
