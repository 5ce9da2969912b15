"""The SQL of one turn: whose jobs are due in a queue, in which order they are leased, and how many of them.

It is one message to the server and a transaction of its own. Its lock, by which two dispatchers count one after the
other, ends there too: a dispatcher that is stopped or killed in the middle of anything holds nothing up.
"""
# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Callable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg2

from saas.core.jobs.models import Job, JobQueue

BATCH = 64  # leased in one turn at most
AT_ONCE = 8  # jobs of a tenant that may be out in one queue, where nobody says otherwise
WAIT_SECONDS = 60  # a job's lease until a worker begins it
LANES = 64  # tenants with due jobs that one turn looks at
HOPS = 1_000  # tenants that it passes to find them, whose jobs are all to run later

_SPARE = 16  # candidates beyond a turn's room, for those whose rows are somebody else's at the moment
WEIGHT = 8  # tenants that the platform's own jobs count for: they are everybody's mails and sign-ups
_OTHERS = "interval '2 s'"  # that a job of an unknown kind is left to dispatchers who may know it
_LOCK = 7_301_010  # of the advisory locks by which dispatchers take turns, one for each queue

AtOnce = Callable[[sa.ColumnElement[str]], sa.ColumnElement[int]]

IN_TURN = f"SELECT pg_advisory_xact_lock({_LOCK}, %(lock)s);"  # until the end of the transaction

JOBS, _PAUSES = str(Job.__table__), str(JobQueue.__table__)
_OURS = "queue = %(queue)s AND state"
KNOWN = "name = ANY(%(known)s)"
_OURS_TO_TAKE = f"({KNOWN} OR due_at < now() - {_OTHERS})"

# What the server knows of a table that fills and empties within seconds is of another time: it would rather read all
# jobs that wait and sort them than follow the index that has them in order.
IN_ORDER = "SET LOCAL enable_sort TO off; SET LOCAL enable_bitmapscan TO off; SET LOCAL enable_seqscan TO off;"

# `walk` hops from tenant to tenant along the index, which takes no longer for one with many jobs, and once around.
_TURN = f"""
{IN_ORDER}
SET LOCAL synchronous_commit TO off;  -- a lease that a crash of the server forgets was never given
{IN_TURN}
WITH RECURSIVE room AS (
    SELECT CASE WHEN EXISTS (SELECT FROM {_PAUSES} WHERE name = %(queue)s AND paused_at IS NOT NULL) THEN 0
        ELSE least({BATCH}, %(most)s - (SELECT count(*) FROM {JOBS} WHERE {_OURS} = 'leased')) END AS n
), walk AS (
    SELECT CAST(%(after)s AS varchar) AS tenant, CAST(NULL AS timestamptz) AS due_at, 1 AS lap, 0 AS hop, 0 AS found
    UNION ALL
    SELECT next.tenant, next.due_at, next.lap, walk.hop + 1,
        walk.found + CAST(coalesce(next.due_at <= now(), false) AS int)
    FROM walk CROSS JOIN LATERAL (
        (SELECT CAST(tenant AS varchar), due_at, 1 AS lap FROM {JOBS}
          WHERE {_OURS} = 'waiting' AND tenant > walk.tenant AND walk.lap = 1 ORDER BY tenant, due_at LIMIT 1)
        UNION ALL
        (SELECT tenant, due_at, 2 FROM {JOBS}
          WHERE {_OURS} = 'waiting' AND tenant <= %(after)s AND walk.lap = 1 ORDER BY tenant, due_at LIMIT 1)
        UNION ALL
        (SELECT tenant, due_at, 2 FROM {JOBS}
          WHERE {_OURS} = 'waiting' AND tenant > walk.tenant AND tenant <= %(after)s AND walk.lap = 2
          ORDER BY tenant, due_at LIMIT 1)
        LIMIT 1
    ) AS next
    WHERE walk.hop < {HOPS} AND walk.found < {LANES} AND (SELECT n FROM room) > 0
), lane AS (
    SELECT walk.tenant, walk.hop, beyond.n AS out, least((SELECT n FROM room), least(CAP, %(each)s) - beyond.n) AS free
    FROM walk CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM {JOBS} WHERE {_OURS} IN ('leased', 'running') AND tenant = walk.tenant
    ) AS beyond
    WHERE walk.due_at <= now()
), wanted AS (
    SELECT job.id, lane.out + job.nth AS rank, lane.hop FROM lane CROSS JOIN LATERAL (
        SELECT id, row_number() OVER (ORDER BY due_at) AS nth FROM (
            SELECT id, due_at FROM {JOBS} WHERE {_OURS} = 'waiting' AND tenant = lane.tenant AND due_at <= now()
                AND {_OURS_TO_TAKE}
            ORDER BY due_at LIMIT greatest(lane.free, 0)
        ) AS first
    ) AS job
    UNION ALL
    SELECT first.id, 1 + (row_number() OVER (ORDER BY due_at) - 1 + (
        SELECT count(*) FROM {JOBS} WHERE {_OURS} IN ('leased', 'running') AND tenant IS NULL
    )) / {WEIGHT}, CASE WHEN %(ours_last)s THEN {HOPS} + 1 ELSE 0 END FROM (
        SELECT id, due_at FROM {JOBS} WHERE {_OURS} = 'waiting' AND tenant IS NULL AND due_at <= now()
            AND {_OURS_TO_TAKE}
        ORDER BY tenant, due_at LIMIT (SELECT greatest(least(n, greatest(%(most)s / 2, 1) - (
            SELECT count(*) FROM {JOBS} WHERE {_OURS} = 'leased' AND tenant IS NULL
        )), 0) FROM room)
    ) AS first
), few AS (
    SELECT * FROM wanted ORDER BY rank, hop LIMIT {BATCH + _SPARE}
), taken AS (
    SELECT job.id, few.rank, few.hop FROM few JOIN {JOBS} AS job USING (id)
    -- Written so that only the primary key will do: with the server's idea of the table it would read all that waits.
    WHERE job.id = ANY(ARRAY(SELECT id FROM few)) AND job.state || '' = 'waiting'
    ORDER BY few.rank, few.hop LIMIT (SELECT greatest(n, 0) FROM room)
    FOR UPDATE OF job SKIP LOCKED
), leased AS (
    UPDATE {JOBS} AS job SET
        state = CASE WHEN {KNOWN} THEN 'leased' ELSE state END,
        lease = lease + CAST({KNOWN} AS int),
        due_at = now() + CASE WHEN {KNOWN} THEN interval '{WAIT_SECONDS} s'
            ELSE least(greatest((now() - run_at) / 4, interval '5 s'), interval '10 min') END,
        reason = CASE WHEN {KNOWN} THEN NULL ELSE %(kept)s END
    FROM taken WHERE job.id = taken.id AND job.id = ANY(ARRAY(SELECT id FROM taken))
    RETURNING job.id, job.name, job.tenant, job.lease, job.limit_seconds, job.state = 'leased' AS known, rank, hop
)
SELECT stop.stopped_at, stop.early, coalesce((SELECT n FROM room), 0) AS room, leased.*
FROM (
    SELECT tenant AS stopped_at, hop >= {HOPS} OR found >= {LANES} AS early FROM walk ORDER BY hop DESC LIMIT 1
) AS stop LEFT JOIN leased ON true ORDER BY rank, hop
"""


@cache
def statement(at_once: AtOnce | None) -> str:
    """It takes queue, lock (its number), most, each, after, ours_last, known, kept; `at_once` makes a tenant's cap."""
    cap = f"{AT_ONCE}"
    if at_once is not None:
        cap = f"coalesce(({written(at_once(sa.literal_column('walk.tenant', sa.String)))}), {AT_ONCE})"
    return _TURN.replace("CAP", cap)


def written(part: sa.ColumnElement[Any]) -> str:
    """The text of a part of a statement, with its values in it."""
    dialect: sa.Dialect = psycopg2.dialect()  # type: ignore[no-untyped-call]
    return str(part.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
