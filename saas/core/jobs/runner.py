"""Runs one job: the mark that it is done and its effect are one commit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar
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

Statement = TypeVar("Statement", sa.Select[Any], sa.Update)

log = structlog.get_logger()


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

    def __call__(self, job_id: str, attempt: int) -> None:
        """What a worker calls, ours or a stock one."""
        perform(self, job_id, attempt)


def perform(handler: Handler, job_id: str, attempt: int) -> None:
    """Run a leased job once, or do nothing when another try has taken its place.

    Raises what the handler raised, after the failure has been written down.
    """
    app = _app()
    try:
        with app.app_context():
            result = _call_outside(handler, UUID(job_id), attempt) if handler.outside else None
        with app.app_context(), transaction():
            _finish(handler, UUID(job_id), attempt, result)
    except Exception as error:
        with app.app_context(), transaction():
            _fail(UUID(job_id), attempt, error)
        raise


def _call_outside(handler: Handler, job_id: UUID, attempt: int) -> Any:
    with transaction():
        job = db.session.scalars(_mine(sa.select(Job), job_id, attempt)).one_or_none()
    if job is None or handler.outside is None:
        return None
    _check_scope(handler, job.tenant)
    return handler.outside(job_id, *job.args)


def _finish(handler: Handler, job_id: UUID, attempt: int, result: Any) -> None:
    """The row's lock comes first, so that a second worker with the same job waits here and then finds it done."""
    done = _mine(sa.update(Job), job_id, attempt).values(
        state=JobState.DONE, due_at=None, error=None, finished_at=sa.func.now()
    )
    row = db.session.execute(done.returning(Job.tenant, Job.args)).one_or_none()
    if row is None:
        log.info("job.superseded", job=str(job_id), name=handler.name, attempt=attempt)
        return
    _check_scope(handler, row.tenant)
    with structlog.contextvars.bound_contextvars(job=str(job_id), tenant=row.tenant):
        if row.tenant:
            current_app.extensions["freehold.bind"](row.tenant)
        extra = (result,) if handler.outside else ()
        handler.effect(*row.args, *extra)
        log.info("job.done", name=handler.name, attempt=attempt)


def _fail(job_id: UUID, attempt: int, error: Exception) -> None:
    """Try again later, twice as late each time; after the last try the job is dead and keeps its error."""
    last = Job.tries >= Job.max_tries
    wait = sa.func.make_interval(0, 0, 0, 0, 0, 0, sa.func.least(sa.func.power(2, Job.tries), 3600))
    db.session.execute(
        _mine(sa.update(Job), job_id, attempt).values(
            state=sa.case((last, JobState.DEAD.value), else_=JobState.WAITING.value),
            due_at=sa.case((last, None), else_=sa.func.now() + wait),
            finished_at=sa.case((last, sa.func.now()), else_=None),
            error=f"{type(error).__name__}: {error}"[:2000],
        )
    )


def _mine(statement: Statement, job_id: UUID, attempt: int) -> Statement:
    return statement.where(Job.id == job_id, Job.state == JobState.LEASED, Job.tries == attempt)


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
