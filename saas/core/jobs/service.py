"""Asking for a job: a row in the caller's transaction, and no more."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from saas.core.database import db
from saas.core.jobs import registry
from saas.core.jobs.models import Job, JobState


def enqueue(name: str, *args: Any, tenant: str | None = None, delay: timedelta | None = None) -> None:
    """Ask for a job; it exists if and only if the caller's transaction commits.

    `args` are ids as JSON values; `tenant` is the one that the job works in, None for the platform's own jobs. The
    job runs after `delay`, by the database's clock. Raises UnknownJob.
    """
    handler = registry.get(name)
    if (handler.scope == "tenant") != (tenant is not None):
        raise ValueError(f"{name} is a {handler.scope} job")
    db.session.add(
        Job(
            name=name,
            tenant=tenant,
            args=list(args),
            queue=handler.queue,
            limit_seconds=handler.limit_seconds,
            max_tries=handler.max_tries,
            **({"run_at": sa.func.now() + delay, "due_at": sa.func.now() + delay} if delay else {}),
        )
    )


def forget(connection: sa.Connection, tenant: str) -> int:
    """Delete what is not done yet of a tenant that goes or is gone, dead jobs too; returns how many there were.

    A worker that is at one of them finds its lease lost, which undoes what it did. One that has just finished is
    waited for, since it holds the job's row.
    """
    mine = sa.delete(Job).where(Job.tenant == tenant, Job.state != JobState.DONE)
    return connection.execute(mine).rowcount


def dead() -> Sequence[Job]:
    """The jobs that failed on their last try, the newest first."""
    return db.session.scalars(
        sa.select(Job).where(Job.state == JobState.DEAD).order_by(Job.finished_at.desc()).limit(200)
    ).all()


def retry(*job_ids: UUID) -> int:
    """Give dead jobs all their tries again; returns how many there were."""
    again = sa.update(Job).where(Job.id.in_(job_ids), Job.state == JobState.DEAD)
    values = {"tries": 0, "run_at": sa.func.now(), "due_at": sa.func.now(), "finished_at": None}
    return len(db.session.execute(again.values(state=JobState.WAITING, **values).returning(Job.id)).all())
