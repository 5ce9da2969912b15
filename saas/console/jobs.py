"""What operators do to jobs, on a page or in a terminal; the audit keeps it."""

from uuid import UUID

import sqlalchemy as sa

from saas.core import audit
from saas.core.database import db
from saas.core.errors import Invalid
from saas.core.jobs import Job, looking, steering
from saas.core.jobs.steering import Outcome


class CannotCancel(Invalid):
    title = "This job can't be cancelled"


class NotDead(Invalid):
    title = "This job is not dead"


def retry(*job_ids: UUID, actor: str, reason: str = "") -> int:
    """Give dead jobs all their tries again; returns how many there were. What is not dead (any more) is left alone."""
    found = db.session.scalars(sa.select(Job).where(Job.id.in_(job_ids))).all()
    return sum(_retry(job, actor, reason) for job in found)


def retry_kind(name: str, *, reason: str, actor: str) -> int:
    """The same for all dead jobs of a name."""
    count = steering.retry_kind(name)
    audit.record("jobs.retried", actor=actor, tenant=None, name=name, jobs=count, reason=reason)
    return count


def cancel(job_id: UUID, *, reason: str, actor: str) -> Outcome:
    """Raises NoSuchJob, and CannotCancel when it has ended."""
    job = looking.get(job_id).job
    outcome = steering.cancel(job_id, reason)
    if outcome not in {Outcome.CANCELLED, Outcome.ASKED}:
        raise CannotCancel("It has ended, so there is nothing to cancel.")
    audit.record("job.cancelled", actor=actor, tenant=job.tenant, job=str(job_id), name=job.name, reason=reason)
    return outcome


def dismiss(job_id: UUID, *, reason: str, actor: str) -> None:
    """Raises NoSuchJob and NotDead."""
    job = looking.get(job_id).job
    if not steering.dismiss(job_id, reason):
        raise NotDead("Only a dead job is dismissed; one that is still to run can be cancelled.")
    audit.record("job.dismissed", actor=actor, tenant=job.tenant, job=str(job_id), name=job.name, reason=reason)


def dismiss_kind(name: str, *, reason: str, actor: str) -> int:
    """All dead jobs of a name; returns how many there were."""
    count = steering.dismiss_kind(name, reason)
    audit.record("jobs.dismissed", actor=actor, tenant=None, name=name, jobs=count, reason=reason)
    return count


def pause_queue(name: str, *, reason: str, actor: str) -> bool:
    """False if it is paused already."""
    return _noted("queue.paused", steering.pause_queue(name), name, reason, actor)


def resume_queue(name: str, *, reason: str, actor: str) -> bool:
    return _noted("queue.resumed", steering.resume_queue(name), name, reason, actor)


def pause_schedule(name: str, *, reason: str, actor: str) -> bool:
    return _noted("schedule.paused", steering.pause_schedule(name), name, reason, actor)


def resume_schedule(name: str, *, reason: str, actor: str) -> bool:
    return _noted("schedule.resumed", steering.resume_schedule(name), name, reason, actor)


def _retry(job: Job, actor: str, reason: str) -> bool:
    if not steering.retry(job.id):
        return False
    why = {"reason": reason} if reason else {}
    audit.record("job.retried", actor=actor, tenant=job.tenant, job=str(job.id), name=job.name, **why)
    return True


def _noted(action: str, changed: bool, name: str, reason: str, actor: str) -> bool:
    if changed:
        audit.record(action, actor=actor, tenant=None, name=name, reason=reason)
    return changed
