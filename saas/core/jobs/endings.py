"""Every way in which a try ends other than well: one statement that changes the row and says so in its timeline.

Each is for a lease: where the row is another's by now, it changes nothing and returns False.
"""

import time
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import OperationalError

from saas.core.database import at_once, db
from saas.core.jobs import registry, rows
from saas.core.jobs.models import Job, JobState
from saas.core.jobs.registry import Backoff
from saas.core.text import storable

PATIENCE = 3.0  # seconds for which a dead worker's transaction may still hold its job's row
_APART = 0.1  # seconds between two looks at it

log = structlog.get_logger()


class Verdict(StrEnum):
    """What the supervisor of a worker says of the job that was in its hands as it ended."""

    OVER_LIMIT = "over its limit"
    OVER_MEMORY = "over its memory"
    STUCK = "stuck"
    CRASHED = "crashed"
    HANDED_BACK = "handed back"  # the job has done nothing wrong: that is no try


FAILED, LOST, CANCELLED = "failed", "lost", "cancelled"
FAILURES = (FAILED, LOST, *(verdict.value for verdict in Verdict if verdict is not Verdict.HANDED_BACK))


def fail(job_id: UUID, lease: int, error: str, *, backoff: Backoff) -> bool:
    """Try again later, twice as late each time; after the last try the job is dead and keeps its error.

    One that was to be cancelled is cancelled instead.
    """
    return _end(rows.FAIL, job_id, lease, FAILED, error, first=backoff.first, most=backoff.most)


def hold(job_id: UUID, lease: int, reason: str, *, seconds: float = 30) -> bool:
    """Keep the job waiting for what it can't help, with its reason to be seen; the try is handed back.

    It is looked at again after `seconds`, and less often the older it is.
    """
    return _end(rows.HOLD, job_id, lease, rows.HELD, reason, seconds=seconds)


def release(tenant: str) -> None:
    """Let what is held of a tenant's jobs run now; part of the caller's transaction."""
    held = sa.update(Job).where(Job.tenant == tenant, Job.state == JobState.WAITING, Job.reason.is_not(None))
    db.session.execute(held.values(run_at=sa.func.now(), due_at=sa.func.now(), reason=None))


def cancel(job_id: UUID, lease: int, reason: str) -> bool:
    return _end(rows.CANCEL, job_id, lease, CANCELLED, reason)


def settle(app: Flask, job_id: UUID, lease: int, verdict: Verdict, text: str) -> None:
    """Write down, from another process, how a worker's last job has ended. An ending of its own stands.

    What the dead worker's transaction still holds is waited for up to PATIENCE, and so is a database that is away, or
    that has ended a connection from before. After that the end of the lease settles it.
    """
    until = time.monotonic() + PATIENCE
    with app.app_context():
        while trouble := _trouble(job_id, lease, verdict, text):
            if time.monotonic() > until:
                log.warning("job.unsettled", job=str(job_id), verdict=verdict.value, error=trouble)
                return
            time.sleep(_APART)


def line(error: BaseException) -> str:
    """What is kept of an error: its name and its first line, without the values of a statement."""
    return storable(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")[:500]


def _trouble(job_id: UUID, lease: int, verdict: Verdict, text: str) -> str:
    """Settle it; what keeps us from that, or ""."""
    try:
        return "" if _settle(job_id, lease, verdict, text) else "its row is locked"
    except OperationalError as error:
        return line(error)


def _settle(job_id: UUID, lease: int, verdict: Verdict, text: str) -> bool:
    """Whether nothing is left to settle."""
    if verdict is Verdict.HANDED_BACK:
        settled = _end(rows.HAND_BACK, job_id, lease, verdict.value, text)
    else:
        backoff = _backoff(job_id)
        settled = _end(rows.SETTLE, job_id, lease, verdict.value, text, first=backoff.first, most=backoff.most)
    return settled or not _is_out(job_id, lease)


def _end(statement: sa.Select[Any], job_id: UUID, lease: int, kind: str, text: str, **more: float) -> bool:
    values = {"job_id": job_id, "held": lease, "kind": kind, "text": text[:500], **more}
    with at_once() as connection:
        return connection.scalar(statement, values) is not None


def _is_out(job_id: UUID, lease: int) -> bool:
    with at_once() as connection:
        return connection.scalar(rows.OUT, {"job_id": job_id, "held": lease}) is not None


def _backoff(job_id: UUID) -> Backoff:
    """Its handler's; the common one where this process does not know that handler."""
    with at_once() as connection:
        name = connection.scalar(sa.select(Job.name).where(Job.id == job_id))
    return next((handler.backoff for handler in registry.handlers() if handler.name == name), Backoff())
