"""Leases what is due, round robin over tenants, each within its cap; and takes leases back."""
# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import current_app

from saas.core.database import at_once
from saas.core.jobs import registry, turns
from saas.core.jobs.queues import QUEUES, Queue
from saas.core.jobs.turns import BATCH, IN_ORDER, JOBS, KNOWN, LANES

KEPT = "no dispatcher that has looked at it knows this kind of job"  # the reason of one that is left alone
_RECALLED = 10_000  # at once; more come by themselves, later


@dataclass(frozen=True)
class Leased:
    id: UUID
    name: str
    tenant: str | None
    queue: Queue
    lease: int
    limit_seconds: int


@dataclass(frozen=True)
class Turn:
    leased: Sequence[Leased]  # in the order in which they are to be sent
    unknown: Sequence[str]  # names of jobs that were due and are left to a process that knows them
    after: str  # the tenant behind whom the next turn begins; "": with the first
    more: bool  # whether it ended before everybody was looked at: the next one need not wait
    full: bool = False  # whether there is no room left for others
    ours_last: bool = False  # whether the platform's own jobs took all the room, the last time that there was some


def due() -> Sequence[Queue]:
    """The queues in which something may be due: a cheap look, since most looks find nothing."""
    found = {row.queue for row in ask(_DUE, queues=list(QUEUES))}
    return [queue for queue in QUEUES if queue in found]


def turn(queue: Queue, most: int, after: str, *, each: int = BATCH, ours_last: bool = False) -> Turn:
    """Lease due jobs of one queue, until `most` of it are leased and not begun.

    Everybody's first comes before anybody's second: those with the fewest jobs out go first, in turns that begin
    behind the tenant `after`. No tenant has more than `each` out, or fewer where its plan says so. The platform's own
    jobs count for several tenants, are looked at in each turn, and take half of `most`, so that mails that hang do not
    fill all that lies before the workers; where they have taken all the room there was they come last in the next turn.

    A job that nobody here knows stays, as during a deploy: where none of the other dispatchers has taken it, it says so
    and is looked at again when a quarter of its age has passed.
    """
    known = [handler.name for handler in registry.handlers()]
    rows = ask(
        turns.statement(current_app.extensions.get("freehold.jobs_at_once")),
        queue=queue, lock=QUEUES.index(queue), most=most, each=each, after=after, ours_last=ours_last,
        known=known, kept=KEPT,
    )  # fmt: skip
    found = [row for row in rows if row.id is not None]
    leased = [Leased(row.id, row.name, row.tenant, queue, row.lease, row.limit_seconds) for row in found if row.known]
    unknown = sorted({row.name for row in found if not row.known})
    full, early = len(found) >= rows[0].room, rows[0].early
    served = [row.tenant for row in found if row.tenant]
    last = rows[0].stopped_at if early and not full else (served or [after])[-1]
    more = bool(found) and (len(found) == BATCH if full else early)
    return Turn(leased, unknown, last, more, full, full and not served if found else ours_last)


def caught_up(queue: Queue) -> None:
    """Return when the turns of a queue have ended that may not have seen what was committed before, as a pause."""
    ask(turns.IN_TURN, lock=QUEUES.index(queue))


def recall() -> None:
    """Make due at once what was kept for somebody who knows it, when that is us."""
    ask(_RECALL, known=[handler.name for handler in registry.handlers()], kept=KEPT)


def hand_back(leased: Sequence[Leased]) -> None:
    """As if they had not been leased, in their old order; one that did reach a worker finds its lease over."""
    change(leased, "state = 'waiting', due_at = run_at")


def change(leased: Sequence[Leased], values: str) -> None:
    """Set columns of those that are still leased as they were then. One that somebody has locked is left as it is."""
    ids, leases = [str(job.id) for job in leased], [job.lease for job in leased]
    ask(_CHANGE.format(values=values), ids=ids, leases=leases)


def ask(statements: str, **values: Any) -> Sequence[Any]:
    """Send statements as one message, which the server runs as one transaction; returns the last one's rows.

    Each statement sees what was committed before it began, so what follows a lock sees all that came before it.
    """
    with at_once() as connection:
        found = connection.exec_driver_sql(statements, values)
        return found.all() if found.returns_rows else ()


_DUE = f"""
{IN_ORDER}
WITH first AS (
    SELECT queue FROM {JOBS} WHERE due_at <= now() AND state = 'waiting' ORDER BY due_at LIMIT {LANES}
)
SELECT queue FROM first
UNION
SELECT queue FROM unnest(%(queues)s) AS other (queue)  -- a queue of one that has many may hide another's few
WHERE (SELECT count(*) FROM first) = {LANES}
    AND (SELECT true FROM {JOBS} AS job WHERE job.queue = other.queue AND state = 'waiting' LIMIT 1)
"""

_RECALL = f"""
UPDATE {JOBS} SET due_at = now(), reason = NULL WHERE id IN (
    SELECT id FROM {JOBS} WHERE state = 'waiting' AND reason = %(kept)s AND {KNOWN}
    LIMIT {_RECALLED} FOR UPDATE SKIP LOCKED
)
"""

_CHANGE = f"""
UPDATE {JOBS} SET {{values}} WHERE id IN (
    SELECT job.id FROM {JOBS} AS job
    JOIN unnest(CAST(%(ids)s AS uuid[]), CAST(%(leases)s AS int[])) AS these (id, lease) USING (id, lease)
    WHERE state = 'leased' FOR UPDATE OF job SKIP LOCKED
)
"""
