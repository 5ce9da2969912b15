"""The ticks of periodic jobs: each a row of its own, added once however many dispatchers look, by the database's clock.

`job_schedules` says up to when a job's ticks were looked at. What came due since then, while no dispatcher ran or the
schedule was paused, was missed; the job says whether its newest missed tick is made up for, or each of them.
"""

from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert

from saas.core.database import db, transaction
from saas.core.jobs import registry
from saas.core.jobs.models import Job, JobSchedule
from saas.core.jobs.registry import Handler
from saas.core.jobs.times import Cron, Every

MOST_AT_ONCE = 100  # ticks of one job that are caught up with in one look; the rest come with the next
TOLD = timedelta(minutes=1)  # after which a look that found nothing is written down too: a dispatcher is there
# A dispatcher that stands still in here, with its machine, holds up the others for no longer than this.
_IMPATIENT = sa.text("SET LOCAL lock_timeout = '2s'; SET LOCAL idle_in_transaction_session_timeout = '5s'")
_KNOWN = sa.select(JobSchedule.name, JobSchedule.looked_at, JobSchedule.paused_at)  # as they are now, in no session


class Due(NamedTuple):
    """Ticks to be added now, and up to when the job has been looked at then."""

    ticks: list[datetime]
    looked_at: datetime


def tick() -> int:
    """Add a row for each tick that is due; returns how many were new. What another dispatcher has added stays one.

    Raises OperationalError where another one holds it up, which the next look makes up for.
    """
    with transaction():
        db.session.execute(_IMPATIENT)
        now = db.session.scalars(sa.select(sa.func.now())).one()
        known = {found.name: found for found in db.session.execute(_KNOWN)}
        # In one order, so that two dispatchers wait for each other at most once.
        return sum(_look(handler, known.get(handler.name), now) for handler in periodic())


def periodic() -> list[Handler]:
    """The handlers of periodic jobs, by name."""
    return sorted((found for found in registry.handlers() if found.times), key=lambda handler: handler.name)


def next_tick(handler: Handler, after: datetime) -> datetime:
    """Of a periodic job. Raises LookupError for another."""
    if handler.times is None:
        raise LookupError(f"{handler.name} is no periodic job")
    return next(handler.times.after(after))


def _look(handler: Handler, known: Any, now: datetime) -> int:
    if handler.times is None or (known and known.paused_at):
        return 0
    due = _due(handler, handler.times, known.looked_at if known else None, now)
    if known and not due.ticks and now < known.looked_at + TOLD:
        return 0
    added = sum(_add(handler, handler.times, at, late=known is not None) for at in due.ticks)
    _looked(handler.name, due.looked_at)
    return added


def _due(handler: Handler, times: Every | Cron, since: datetime | None, now: datetime) -> Due:
    if since is None:
        return _first(times, now)
    if handler.missed == "skip":
        newest = times.newest(since, now)
        return Due([newest] if newest else [], now)
    ticks = list(islice(takewhile(lambda at: at <= now, times.after(since)), MOST_AT_ONCE))
    return Due(ticks, ticks[-1] if len(ticks) == MOST_AT_ONCE else now)


def _first(times: Every | Cron, now: datetime) -> Due:
    """Of a job that is new here: what runs every so often begins at once, what has its time of day waits for it."""
    return Due([times.last(now)] if isinstance(times, Every) else [], now)


def _add(handler: Handler, times: Every | Cron, at: datetime, *, late: bool) -> int:
    """Its time is the tick's, so that it shows how late it is; a first tick is not late, since it could not be had."""
    row = insert(Job).values(
        name=handler.name,
        args=[],
        queue=handler.queue,
        limit_seconds=handler.limit_seconds,
        max_tries=handler.max_tries,
        tick=f"{handler.name}@{times.named(at)}",
        run_at=at if late else sa.func.now(),
    )
    return len(db.session.execute(_once(row).returning(Job.id)).all())


def _once(row: Insert) -> Insert:
    return row.on_conflict_do_nothing(index_elements=["tick"])


def _looked(name: str, at: datetime) -> None:
    """A dispatcher that was slower puts it back no further than another has come."""
    row = insert(JobSchedule).values(name=name, looked_at=at)
    further = {"looked_at": sa.func.greatest(JobSchedule.looked_at, row.excluded.looked_at)}
    db.session.execute(row.on_conflict_do_update(index_elements=["name"], set_=further))
