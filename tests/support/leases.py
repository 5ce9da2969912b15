"""Jobs as the dispatcher leaves them: handed out under a lease, for a test to run by hand."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from saas.core.database import db, transaction
from saas.core.ids import uuid7
from saas.core.jobs import Job, JobState, runner
from saas.core.jobs.models import JobEvent
from saas.core.jobs.registry import Handler

OWN = "tests.own"  # the name of jobs whose handler only the test has, so that no dispatcher looks at them
HOUR = sa.text("interval '1 hour'")


def lease(app: Flask, name: str = OWN, args: Any = (), tenant: str | None = None, **values: Any) -> UUID:
    """A job under its first lease; `values` are more of its row's columns."""
    job = {"id": uuid7(), "limit_seconds": 60, "max_tries": 3, "queue": "fast", "lease": 1} | values
    with app.app_context(), transaction():
        made = Job(name=name, args=list(args), tenant=tenant, state=JobState.LEASED, **job)
        made.due_at = sa.func.now() + HOUR
        db.session.add(made)
        return made.id


def lease_again(app: Flask, job: UUID) -> int:
    """As when its lease has ended or its time has come: the number of the next one."""
    with app.app_context(), transaction():
        values = {"state": JobState.LEASED, "lease": Job.lease + 1, "due_at": sa.func.now() + HOUR}
        return db.session.scalars(sa.update(Job).where(Job.id == job).values(values).returning(Job.lease)).one()


def run(app: Flask, handler: Handler, job: UUID, lease: int = 1) -> None:
    with app.app_context():
        runner.perform(handler, job, lease)


def row(app: Flask, job: UUID) -> Job:
    """The job as it stands."""
    with app.app_context():
        return db.session.scalars(sa.select(Job).where(Job.id == job)).one()


def timeline(app: Flask, job: UUID) -> list[tuple[str, str]]:
    """What its events tell: their kinds and texts, the oldest first."""
    with app.app_context():
        events = sa.select(JobEvent.kind, JobEvent.text).where(JobEvent.job == job).order_by(JobEvent.id)
        return [(kind, text) for kind, text in db.session.execute(events)]


def change(app: Flask, job: UUID, **values: Any) -> None:
    """What somebody else does to the row meanwhile."""
    with app.app_context(), transaction():
        db.session.execute(sa.update(Job).where(Job.id == job).values(**values))
