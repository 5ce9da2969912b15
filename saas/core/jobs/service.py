"""Asking for a job: a row in the caller's transaction, and no more."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert

from saas.core.database import db
from saas.core.ids import uuid7
from saas.core.jobs import registry
from saas.core.jobs.models import IS_OPEN, OPEN, Job, JobState
from saas.core.jobs.queues import QUEUES, Queue
from saas.core.jobs.registry import LONGEST_TEXT, BadArguments, Handler
from saas.core.jobs.timeline import told

_jobs = cast("sa.Table", Job.__table__)
_ADD = insert(_jobs)  # built once, and not the ORM's: that takes twice as long, most of it in this process

GONE = "its tenant is gone"  # the reason of jobs that nobody can do any more


def enqueue(
    name: str,
    tenant: str | None = None,
    args: Sequence[Any] = (),
    *,
    queue: Queue | None = None,
    run_at: datetime | None = None,
    delay: timedelta | None = None,
    key: str | None = None,
) -> UUID | None:
    """Ask for a job; it exists if and only if the caller's transaction commits. Returns its id.

    `tenant` is the one that the job works in, None for the platform's own jobs. `args` are ids as JSON values: texts
    of up to 200 characters, whole numbers, true, false, null. The job runs at `run_at`, which has a time zone, or
    after `delay`, by the database's clock, or at once; in its handler's queue or another.

    Where another job of this name and tenant with the same `key` waits or runs, nothing is added, and None returned.
    It is not waited for: one whose effect is on its way may have read what there was before, so a key says that a job
    is under way and not that it sees what this transaction writes. One that was just asked for by a transaction that
    has not ended yet is waited for, so ask for several in the order of their keys.

    Raises UnknownJob, BadArguments, and ValueError where the tenant, queue or time don't fit.
    """
    handler = registry.get(name)
    handler.check(args)
    if key is not None and len(key) > LONGEST_TEXT:
        raise BadArguments(f"{name}: a key has {LONGEST_TEXT} characters at most")
    if (handler.scope == "tenant") != (tenant is not None):
        raise ValueError(f"{name} is a {handler.scope} job")
    made, times = uuid7(), _time(run_at, delay)
    values = _wanted(handler, queue) | {"id": made, "tenant": tenant, "args": list(args)}
    if key is None:
        db.session.execute(_ADD.values(times) if times else _ADD, values)
        return made
    row = _unless_there(values | times | {"key": key})
    asked: UUID | None = db.session.scalar(_once(row).returning(_jobs.c.id))
    return asked


def forget(connection: sa.Connection, tenant: str) -> int:
    """Cancel what is to be done yet for a tenant that goes or is gone, dead jobs too; returns how many there were.

    A worker that is at one of them finds its lease lost, which undoes what it did. One that has just finished is
    waited for, since it holds the job's row.
    """
    mine = sa.update(Job).where(Job.tenant == tenant, Job.state.in_([*OPEN, JobState.DEAD]))
    values = {"state": JobState.CANCELLED, "due_at": None, "finished_at": sa.func.now(), "reason": GONE}
    return len(connection.execute(told(mine.values(values), sa.literal("cancelled"), sa.literal(GONE))).all())


def _wanted(handler: Handler, queue: Queue | None) -> dict[str, Any]:
    if queue is not None and queue not in QUEUES:
        raise ValueError(f"there is no queue {queue!r}: choose one of {', '.join(QUEUES)}")
    return {
        "name": handler.name,
        "queue": queue or handler.queue,
        "limit_seconds": handler.limit_seconds,
        "max_tries": handler.max_tries,
    }


def _unless_there(values: dict[str, Any]) -> Insert:
    """A row, where no open job has its key. ON CONFLICT alone would wait for the transaction of one that runs."""
    columns = _jobs.c
    same = (columns[name] == values[name] for name in ("name", "tenant", "key"))
    there = sa.exists().select_from(_jobs).where(*same, IS_OPEN)
    row = [
        value if isinstance(value, sa.ColumnElement) else sa.literal(value, columns[name].type)
        for name, value in values.items()
    ]
    return insert(_jobs).from_select(list(values), sa.select(*row).where(~there))


def _once(row: Insert) -> Insert:
    return row.on_conflict_do_nothing(index_elements=["name", "tenant", "key"], index_where=IS_OPEN)


def _time(run_at: datetime | None, delay: timedelta | None) -> dict[str, Any]:
    """When it is due; a time that is past is now, which is all that a bound tenant may write."""
    if run_at is None and delay is None:
        return {}
    if run_at is not None and (delay is not None or run_at.tzinfo is None):
        raise ValueError("say `run_at` with its time zone or `delay`, not both")
    due = sa.func.greatest(sa.func.now(), run_at if delay is None else sa.func.now() + delay)
    return {"run_at": due, "due_at": due}
