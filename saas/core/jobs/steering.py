"""What an operator does to jobs, queues and schedules; the caller's transaction, and the caller's entry in the audit.

What happens to a job is told in its timeline, too.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg2.errors import LockNotAvailable
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import aliased

from saas.core.database import db, violated
from saas.core.jobs import rows, schedules
from saas.core.jobs.models import OPEN, Job, JobEvent, JobQueue, JobSchedule, JobState
from saas.core.jobs.queues import QUEUES
from saas.core.jobs.timeline import told

_PATIENCE = "1s"  # for a job's row, which is locked while its effect is on its way
_LONGEST = 500  # characters of a reason
_LOOKS = 3  # at which keys are taken: each new one that is asked for meanwhile costs one


class Outcome(StrEnum):
    """Of a wish to cancel."""

    CANCELLED = "cancelled"
    ASKED = "asked"  # it runs: it is told where it next tells how far it is, and is not tried again
    ENDED = "ended"
    UNKNOWN = "unknown"


def retry(*ids: UUID) -> int:
    """Give dead jobs all their tries again, at once; returns how many there were.

    One stays dead while another job with its key waits or runs; of several with one key, the newest is tried.
    """
    return _retry(Job.id.in_(ids))


def retry_kind(name: str) -> int:
    """The same for all dead jobs of a kind."""
    return _retry(Job.name == name)


def cancel(job_id: UUID, reason: str) -> Outcome:
    """Let a job not run, or not run on.

    One whose step or effect is on its way holds its row: then the wish is kept beside it, in its timeline, and heeded
    as well. An effect that is on its way comes to its end all the same.
    """
    try:
        with db.session.begin_nested():
            db.session.execute(sa.text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            cancelled = db.session.scalar(_cancelled(job_id, reason))
            db.session.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        cancelled = db.session.scalar(_wish(job_id, reason))
    if cancelled is not None:
        return Outcome.CANCELLED if cancelled == "cancelled" else Outcome.ASKED
    there = db.session.scalar(sa.select(sa.exists().where(Job.id == job_id)))
    return Outcome.ENDED if there else Outcome.UNKNOWN


def dismiss(job_id: UUID, reason: str) -> bool:
    """Let a dead job be; False when it is not dead (any more)."""
    return _dismiss(Job.id == job_id, reason) == 1


def dismiss_kind(name: str, reason: str) -> int:
    """The same for all dead jobs of a kind; returns how many there were."""
    return _dismiss(Job.name == name, reason)


def dead_kinds() -> Sequence[str]:
    """The names of all dead jobs."""
    return db.session.scalars(sa.select(Job.name).where(Job.state == JobState.DEAD).distinct().order_by(Job.name)).all()


def pause_queue(name: str) -> bool:
    """Hand out nothing more of a queue; what is out goes on. False when it was paused already. Raises LookupError."""
    if name not in QUEUES:
        raise LookupError(f"there is no queue {name!r}: choose one of {', '.join(QUEUES)}")
    return _pause(insert(JobQueue).values(name=name, paused_at=sa.func.now()), JobQueue)


def resume_queue(name: str) -> bool:
    """False when it was not paused."""
    return _resume(JobQueue, name)


def pause_schedule(name: str) -> bool:
    """Add no more ticks of a periodic job; its next ones count as missed. False when it was paused already.

    Raises LookupError where there is no such periodic job.
    """
    if name not in {handler.name for handler in schedules.periodic()}:
        raise LookupError(f"there is no periodic job {name!r}")
    return _pause(insert(JobSchedule).values(name=name, looked_at=sa.func.now(), paused_at=sa.func.now()), JobSchedule)


def resume_schedule(name: str) -> bool:
    """What was missed is made up for as the job says. False when it was not paused."""
    return _resume(JobSchedule, name)


def _retry(which: sa.ColumnElement[bool]) -> int:
    """A job with one of these keys may be asked for while the rows are looked at; the next look sees it."""
    looks = 1
    while True:
        try:
            with db.session.begin_nested():
                return len(
                    db.session.execute(
                        told(_again(which), sa.literal(rows.RETRIED), sa.func.coalesce(Job.error, ""))
                    ).all()
                )
        except IntegrityError as error:
            if violated(error) != "jobs_key_ix" or looks == _LOOKS:
                raise
            looks += 1


def _again(which: sa.ColumnElement[bool]) -> sa.Update:
    other = aliased(Job)
    same = (other.name == Job.name, other.tenant.is_not_distinct_from(Job.tenant), other.key == Job.key)
    free = ~sa.exists().where(*same, other.state.in_(OPEN))
    one_each = (Job.name, Job.tenant, Job.key, sa.case((Job.key.is_(None), Job.id)))
    wanted = sa.select(Job.id).where(which, Job.state == JobState.DEAD, free)
    newest = wanted.ext(distinct_on(*one_each)).order_by(*one_each, Job.created_at.desc(), Job.id.desc())
    again = sa.update(Job).where(Job.id.in_(newest), Job.state == JobState.DEAD)
    fresh = {"tries": 0, "run_at": sa.func.now(), "due_at": sa.func.now(), "finished_at": None, "cancel_asked": False}
    return again.values(state=JobState.WAITING, reason=None, **fresh)


def _cancelled(job_id: UUID, reason: str) -> sa.Select[Any]:
    runs = Job.state == JobState.RUNNING
    wanted = sa.update(Job).where(Job.id == job_id, Job.state.in_(OPEN))
    values = {
        "state": sa.case((runs, Job.state), else_=JobState.CANCELLED.value),
        "due_at": sa.case((runs, Job.due_at)),
        "finished_at": sa.case((runs, None), else_=sa.func.now()),
        "cancel_asked": runs,
        "reason": reason[:_LONGEST],
    }
    kind = sa.case((runs, rows.CANCEL_ASKED), else_="cancelled")
    return told(wanted.values(values), kind, sa.literal(reason[:_LONGEST]))


def _wish(job_id: UUID, reason: str) -> sa.Executable:
    text = sa.literal(reason[:_LONGEST], sa.Text)
    job = sa.select(Job.id, sa.literal(rows.CANCEL_ASKED), text).where(Job.id == job_id, Job.state.in_(OPEN))
    return insert(JobEvent).from_select(["job", "kind", "text"], job).returning(JobEvent.kind)


def _dismiss(which: sa.ColumnElement[bool], reason: str) -> int:
    dead = sa.update(Job).where(which, Job.state == JobState.DEAD)
    values = {"state": JobState.DISMISSED, "reason": reason[:_LONGEST], "finished_at": sa.func.now()}
    line = told(dead.values(values), sa.literal("dismissed"), sa.literal(reason[:_LONGEST]))
    return len(db.session.execute(line).all())


def _pause(row: Insert, model: type[JobQueue | JobSchedule]) -> bool:
    now = {"paused_at": sa.func.now()}
    new = row.on_conflict_do_update(index_elements=["name"], set_=now, where=model.paused_at.is_(None))
    return db.session.scalar(new.returning(model.name)) is not None


def _resume(model: type[JobQueue | JobSchedule], name: str) -> bool:
    paused = sa.update(model).where(model.name == name, model.paused_at.is_not(None)).values(paused_at=None)
    return db.session.scalar(paused.returning(model.name)) is not None
