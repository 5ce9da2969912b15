"""Takes back what was lost: jobs whose worker is gone, and those of which no worker will hear."""
# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from saas.core.jobs import leasing, rows, turns
from saas.core.jobs.leasing import Leased
from saas.core.jobs.models import JobEvent
from saas.core.jobs.queues import QUEUES
from saas.core.jobs.sending import Line
from saas.core.jobs.turns import IN_ORDER, JOBS, WAIT_SECONDS

ON_THE_WAY = 2  # seconds that a message may take to Redis after its job was leased
LOST_TEXT = "the worker was lost"

log = structlog.get_logger()


def lost() -> None:
    """End the tries whose lease is over: their jobs wait for another worker at once, and are dead after the last one.

    Nothing is done to one that somebody has locked, as the worker has that is about to commit.
    """
    for job in leasing.ask(_LOST, lost=LOST_TEXT):
        log.warning("job.lost", job=str(job.id), name=job.name, tenant=job.tenant, attempt=job.tries, state=job.state)


def unheard(line: Line) -> None:
    """Let those be sent again whose message is gone, as when Redis was wiped or a dispatcher died before it sent it.

    One that still lies in its queue, behind many or slow ones, keeps its lease for as long.
    """
    found = leasing.ask(_IN_DOUBT, queues=list(QUEUES))
    jobs = [Leased(row.id, row.name, row.tenant, row.queue, row.lease, row.limit_seconds) for row in found]
    gone, lying = list[Leased](), list[Leased]()
    for job, row, (known, waits) in zip(jobs, found, line.lie_there(jobs), strict=True):
        if row.over and waits:
            lying.append(job)
        elif row.over or not known:
            gone.append(job)
    _change(lying, f"due_at = now() + interval '{WAIT_SECONDS} s'")
    _change(gone, "state = 'waiting', due_at = run_at")
    if gone:
        log.warning("jobs.unheard", jobs=len(gone))


def _change(jobs: Sequence[Leased], values: str) -> None:
    if jobs:
        leasing.change(jobs, values)


_WISH = turns.written(rows.wish(sa.literal_column("job.id")))
_LOST = f"""
{IN_ORDER}
WITH over AS (
    SELECT id, wish, CASE WHEN cancel_asked OR wish IS NOT NULL THEN 'cancelled'
        WHEN tries >= max_tries THEN 'dead' ELSE 'waiting' END AS next
    FROM {JOBS} AS job CROSS JOIN LATERAL (SELECT {_WISH}) AS wished (wish) WHERE state = 'running' AND due_at <= now()
    ORDER BY queue, tenant, due_at FOR UPDATE OF job SKIP LOCKED
), lost AS (
    UPDATE {JOBS} AS job SET state = next, error = %(lost)s, reason = coalesce(wish, reason),
        run_at = CASE next WHEN 'waiting' THEN now() ELSE run_at END,
        due_at = CASE next WHEN 'waiting' THEN now() END,
        finished_at = CASE next WHEN 'waiting' THEN NULL ELSE now() END
    FROM over WHERE job.id = over.id AND job.id = ANY(ARRAY(SELECT id FROM over))
    RETURNING job.id, job.name, job.tenant, job.tries, job.state
), told AS (
    INSERT INTO {JobEvent.__table__} (job, kind, text) SELECT id, 'lost', %(lost)s FROM lost
)
SELECT * FROM lost
"""

_IN_DOUBT = f"""
{IN_ORDER}
SELECT id, name, tenant, queue, lease, limit_seconds, due_at <= now() AS over FROM {JOBS}
WHERE state = 'leased' AND queue = ANY(%(queues)s)  -- a newer version may have others, and looks after those
    AND due_at < now() + interval '{WAIT_SECONDS - ON_THE_WAY} s'
ORDER BY queue, tenant, due_at
"""
