"""Runs one job: the mark that it is done and its effect are one commit."""

from functools import lru_cache
from typing import Any
from uuid import UUID

import structlog
from flask import Flask, current_app, has_app_context
from flask.cli import ScriptInfo

from saas.core.database import at_once, db, transaction
from saas.core.jobs import endings, registry, rows
from saas.core.jobs.registry import BadArguments, Handler
from saas.core.jobs.running import Cancelled, LeaseLost, Running
from saas.core.jobs.service import GONE

OPEN = "open"  # the standing of a tenant whose jobs simply run
# Seconds until a held job is looked at again. A tenant that is being prepared is ready in a moment; one that is
# read-only or suspended may have thousands of jobs and stay so for months, and what resumes it releases them.
SOON, LATER, MUCH_LATER = 2, 30, 3600
_HELD_FOR = {"preparing": SOON, "read_only": MUCH_LATER, "suspended": MUCH_LATER}

log = structlog.get_logger()


class WrongScope(Exception):
    """A platform job that names a tenant, or the reverse: such a row was not written by our code."""


@registry.runs
def perform(handler: Handler, job_id: UUID, lease: int) -> None:
    """Run a job once under a lease, or do nothing when that lease is over or taken up already.

    Raises what the handler raised, after the failure has been written down. Where the job is not this lease's any more
    there is none to write down: another worker has it, or it went with its tenant.
    """
    app = _app()
    known = {"job": str(job_id), "name": handler.name, "lease": lease}
    try:
        _try(app, handler, job_id, lease)
    except Cancelled:
        with app.app_context():
            endings.cancel(job_id, lease, rows.ASKED)
        log.info("job.cancelled", **known)
    except LeaseLost as error:
        log.info("job.superseded", error=endings.line(error), **known)
    except BaseException as error:
        with app.app_context():
            mine = endings.fail(job_id, lease, endings.line(error), backoff=handler.backoff)
        log.warning("job.failed" if mine else "job.superseded", error=endings.line(error), **known)
        if mine or not isinstance(error, Exception):
            raise


def _try(app: Flask, handler: Handler, job_id: UUID, lease: int) -> None:
    with app.app_context():
        mine = _begin(job_id, lease)
        if mine is None:
            log.info("job.superseded", job=str(job_id), name=handler.name, lease=lease)
            return
        if not _may_run(handler, mine):
            return
        with mine.entered():
            result = (handler.outside(job_id, *mine.args),) if handler.outside else ()
    with app.app_context(), transaction(), mine.entered():
        _finish(handler, mine, result)
    log.info("job.done", job=mine.key, name=handler.name, tenant=mine.tenant, attempt=mine.tries)


def _begin(job_id: UUID, lease: int) -> Running | None:
    """Count the try in a commit of its own: a worker that is killed in its middle has had it."""
    with at_once() as connection:
        row = connection.execute(rows.BEGIN, {"job_id": job_id, "held": lease}).one_or_none()
    return Running(job_id, lease, *row) if row else None


def _may_run(handler: Handler, mine: Running) -> bool:
    """Whether there is nothing against it. What there is has been written down with the job, and is no failure."""
    if mine.cancel_asked:
        raise Cancelled
    if (handler.scope == "tenant") != (mine.tenant is not None):
        raise WrongScope(handler.name)
    try:
        handler.check(mine.args)
    except BadArguments as error:  # as during a deploy, of newer code than this or older
        return _kept(mine, f"this worker's code does not fit: {error}")
    standing = _standing(mine.tenant)
    if standing is None:
        endings.cancel(mine.id, mine.lease, GONE)
        log.info("job.cancelled", job=mine.key, name=handler.name, tenant=mine.tenant, reason=GONE)
        return False
    if standing not in {OPEN, *handler.tolerates}:
        _kept(mine, f"its tenant is {standing}", _HELD_FOR.get(standing, LATER))
        _release_if_open(mine.tenant)
        return False
    return True


def _release_if_open(tenant: str | None) -> None:
    """It may have been opened after it was asked about and before its job was held, too late to find that one."""
    if tenant and _standing(tenant) == OPEN:
        with transaction():
            endings.release(tenant)


def _kept(mine: Running, reason: str, seconds: float = LATER) -> bool:
    endings.hold(mine.id, mine.lease, reason, seconds=seconds)
    log.warning("job.held", job=mine.key, tenant=mine.tenant, reason=reason)
    return False


def _standing(tenant: str | None) -> str | None:
    """How the tenant stands, as its room tells; None: it is gone."""
    ask: Any = current_app.extensions.get("freehold.tenant_standing")
    return ask(tenant) if tenant and ask else OPEN


def _finish(handler: Handler, mine: Running, result: tuple[Any, ...]) -> None:
    """The row's lock comes first, so that whoever holds a later lease waits here until this one has ended."""
    if db.session.scalar(rows.DONE, {"job_id": mine.id, "held": mine.lease}) is None:
        raise LeaseLost(f"{handler.name} took longer than its lease")
    mine.bind()
    with mine.holding_row():
        handler.effect(*mine.args, *result)


def _app() -> Flask:
    if has_app_context():
        return current_app
    return _loaded_app()


@lru_cache(maxsize=1)
def _loaded_app() -> Flask:
    """In a stock `rq worker` nothing has built the application: Flask's own rule finds it, in `wsgi.py`."""
    return ScriptInfo().load_app()
