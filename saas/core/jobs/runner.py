"""Runs one job: the mark that it is done and its effect are one commit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask import Flask, current_app, has_app_context
from flask.cli import ScriptInfo

from saas.core.database import db, transaction
from saas.core.jobs.models import Job, JobState

Queue = Literal["fast", "slow"]
Scope = Literal["platform", "tenant"]
QUEUES: tuple[Queue, ...] = ("fast", "slow")

GRACE_SECONDS = 10  # between a job's limit, at which its worker ends it, and the end of its lease

log = structlog.get_logger()


class LeaseLost(Exception):
    """The job was given to another worker meanwhile; what this one did is undone."""


class WrongScope(Exception):
    """A platform job that names a tenant, or the reverse: such a row was not written by our code."""


@dataclass(frozen=True)
class Handler:
    """One kind of job.

    `effect` runs in one transaction with the mark that the job is done. What reaches outside the application's own
    database belongs into `outside`, which runs before that with no transaction open, at least once, and gets the
    job's id as a stable key; its result is handed to `effect`.
    """

    name: str
    queue: Queue
    scope: Scope
    limit_seconds: int
    max_tries: int
    every: int | None  # seconds between the ticks of a periodic job
    path: str  # where RQ finds it
    effect: Callable[..., None]
    outside: Callable[..., Any] | None

    def __call__(self, job_id: str, lease: int) -> None:
        """What a worker calls, ours or a stock one."""
        perform(self, UUID(job_id), lease)


def perform(handler: Handler, job_id: UUID, lease: int) -> None:
    """Run a job once under a lease, or do nothing when that lease is over or taken up already.

    Raises what the handler raised, after the failure has been written down; nothing where the job's row is gone by
    then, as it is when its tenant has been taken away meanwhile.
    """
    app = _app()
    with app.app_context(), transaction():
        begun = _begin(job_id, lease)
    if begun is None:
        log.info("job.superseded", job=str(job_id), name=handler.name, lease=lease)
        return
    known = {"job": str(job_id), "name": handler.name, "tenant": begun.tenant, "attempt": begun.tries}
    try:
        with app.app_context():
            _check_scope(handler, begun.tenant)
            result = (handler.outside(job_id, *begun.args),) if handler.outside else ()
        with app.app_context(), transaction():
            _finish(handler, job_id, lease, result)
        log.info("job.done", **known)
    except Exception as error:
        with app.app_context(), transaction():
            there = _fail(job_id, lease, error)
        if not there:
            tell = log.info if isinstance(error, LeaseLost) else log.warning
            tell("job.forgotten", error=_line(error), **known)
            return
        log.warning("job.failed", error=_line(error), **known)
        raise


def _begin(job_id: UUID, lease: int) -> Any:
    """Count the try in a commit of its own: a worker that is killed in its middle has had it."""
    mine = sa.update(Job).where(Job.id == job_id, Job.lease == lease, Job.state == JobState.LEASED)
    limit = sa.func.make_interval(0, 0, 0, 0, 0, 0, Job.limit_seconds + GRACE_SECONDS)
    begun = mine.values(state=JobState.RUNNING, tries=Job.tries + 1, due_at=sa.func.now() + limit)
    return db.session.execute(begun.returning(Job.tenant, Job.args, Job.tries)).one_or_none()


def _finish(handler: Handler, job_id: UUID, lease: int, result: tuple[Any, ...]) -> None:
    """The row's lock comes first, so that whoever holds a later lease waits here until this one has ended."""
    done = _running(sa.update(Job), job_id, lease).values(
        state=JobState.DONE, due_at=None, error=None, finished_at=sa.func.now()
    )
    row = db.session.execute(done.returning(Job.tenant, Job.args)).one_or_none()
    if row is None:
        raise LeaseLost(f"{handler.name} took longer than its lease")
    with structlog.contextvars.bound_contextvars(job=str(job_id), tenant=row.tenant):
        if row.tenant:
            current_app.extensions["freehold.bind"](row.tenant)
        handler.effect(*row.args, *result)


def _fail(job_id: UUID, lease: int, error: Exception) -> bool:
    """Try again later, twice as late each time; after the last try the job is dead and keeps its error.

    Returns whether there still is such a job.
    """
    last = Job.tries >= Job.max_tries
    again = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, sa.func.least(sa.func.power(2, Job.tries), 3600))
    db.session.execute(
        _running(sa.update(Job), job_id, lease).values(
            state=sa.case((last, JobState.DEAD.value), else_=JobState.WAITING.value),
            run_at=sa.case((last, Job.run_at), else_=again),
            due_at=sa.case((last, None), else_=again),
            finished_at=sa.case((last, sa.func.now()), else_=None),
            error=_line(error),
        )
    )
    return bool(db.session.scalar(sa.select(sa.exists().where(Job.id == job_id))))


def _running(statement: sa.Update, job_id: UUID, lease: int) -> sa.Update:
    return statement.where(Job.id == job_id, Job.lease == lease, Job.state == JobState.RUNNING)


def _line(error: Exception) -> str:
    """What is kept of an error: its name and its first line, without the values of a statement."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:500]


def _check_scope(handler: Handler, tenant: str | None) -> None:
    if (handler.scope == "tenant") != (tenant is not None):
        raise WrongScope(handler.name)


def _app() -> Flask:
    if has_app_context():
        return current_app
    return _loaded_app()


@lru_cache(maxsize=1)
def _loaded_app() -> Flask:
    """In a stock `rq worker` nothing has built the application: Flask's own rule finds it, in `wsgi.py`."""
    return ScriptInfo().load_app()
