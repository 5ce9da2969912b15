"""Jobs that leave a mark in the database and one outside, which the tests count; some of them lack a defence.

- `storm.kept` is as our jobs are meant to be.
- `storm.owned` is so, too, and a tenant's: asked for with a key, it has its effect as its tenant, and makes its call as
  a step that a repeat does not make again.
- `storm.keyless` calls the outside without its key.
- `storm.careless` commits its effect apart from the mark that it is done.
- `storm.unleased` is as `storm.kept`, but its lease never ends (`leases.py`).
- `storm.brief` has a lease of seconds, whatever its limit is (`leases.py`).
- `unrelayed` has no row: whoever wants it asks RQ itself, after the commit.
"""

import os
import time
from uuid import UUID

import sqlalchemy as sa

from saas.core import audit, database
from saas.core.database import transaction
from saas.core.jobs import calls, handler
from saas.core.jobs.registry import Backoff
from tenants import isolation
from tests.support.killing import receiver

RECEIVER = "STORM_RECEIVER"  # the variable that says where it is
KEPT, OWNED = "storm.kept", "storm.owned"
KEYLESS, CARELESS, UNLEASED = "storm.keyless", "storm.careless", "storm.unleased"
UNRELAYED = "storm.unrelayed"
TICK = "storms.tick"  # each second
EFFECT = "storm.effect"
AS_MEANT = (KEPT, OWNED)
KINDS = (*AS_MEANT, KEYLESS, CARELESS, UNLEASED, UNRELAYED)
LIMIT = 5  # seconds
# Jobs that take the time that they are told, and call without a key: what is begun twice shows as two calls.
LONG_KEYED = "storm.long-keyed"  # but for this one
LONG, TIMED, BRIEF, LONG_UNLEASED = "storm.long", "storm.timed", "storm.brief", "storm.long-unleased"
_SOON = Backoff(0.2, 1.0)


def _call(job: UUID, mark: str) -> None:
    receiver.call(os.environ[RECEIVER], mark, str(job))


def _call_once(_job: UUID, mark: str) -> None:
    calls.once("call", lambda key: receiver.call(os.environ[RECEIVER], mark, key))


def _call_without_key(_job: UUID, mark: str) -> None:
    receiver.call(os.environ[RECEIVER], mark, None)


def _call_and_commit(job: UUID, mark: str) -> None:
    _call(job, mark)
    with database.separate() as connection:
        values = {"action": EFFECT, "actor": "system", "detail": {"mark": mark}}
        connection.execute(sa.insert(audit.AuditEntry).values(**values))


@handler(KEPT, limit_seconds=LIMIT, backoff=_SOON, outside=_call)
def kept(mark: str, _told: None) -> None:
    _record(mark)


@handler(OWNED, scope="tenant", limit_seconds=LIMIT, backoff=_SOON, outside=_call_once)
def owned(mark: str, _told: None) -> None:
    audit.record(EFFECT, actor="system", tenant=isolation.bound(), mark=mark)


@handler(KEYLESS, limit_seconds=LIMIT, backoff=_SOON, outside=_call_without_key)
def keyless(mark: str, _told: None) -> None:
    _record(mark)


@handler(CARELESS, limit_seconds=LIMIT, backoff=_SOON, outside=_call_and_commit)
def careless(mark: str, _told: None) -> None:
    """Has had its effect."""


@handler(UNLEASED, limit_seconds=LIMIT, backoff=_SOON, outside=_call)
def unleased(mark: str, _told: None) -> None:
    _record(mark)


def unrelayed(job_id: str, _lease: int, mark: str) -> None:
    """What RQ calls by itself, in the application's context that its worker has."""
    _call(UUID(job_id), mark)
    with transaction():
        _record(mark)


def _take_time(job: UUID, mark: str, milliseconds: int) -> None:
    """Calls at its beginning, so that one that is killed later has been heard of."""
    _call_without_key(job, mark)
    time.sleep(milliseconds / 1000)


def _take_time_with_key(job: UUID, mark: str, milliseconds: int) -> None:
    _call(job, mark)
    time.sleep(milliseconds / 1000)


@handler(LONG_KEYED, limit_seconds=60, backoff=_SOON, outside=_take_time_with_key)
def long_keyed(mark: str, _milliseconds: int, _told: None) -> None:
    _record(mark)


@handler(LONG, limit_seconds=60, backoff=_SOON, outside=_take_time)
def long(mark: str, _milliseconds: int, _told: None) -> None:
    _record(mark)


@handler(TIMED, limit_seconds=4, backoff=_SOON, outside=_take_time)
def timed(mark: str, _milliseconds: int, _told: None) -> None:
    _record(mark)


@handler(BRIEF, limit_seconds=4, backoff=_SOON, outside=_take_time)
def brief(mark: str, _milliseconds: int, _told: None) -> None:
    _record(mark)


@handler(LONG_UNLEASED, limit_seconds=4, backoff=_SOON, outside=_take_time)
def long_unleased(mark: str, _milliseconds: int, _told: None) -> None:
    _record(mark)


@handler(TICK, limit_seconds=10, every=1, missed="catch_up")
def tick() -> None:
    """Whether there is one for each second is looked up in the table."""


def _record(mark: str) -> None:
    audit.record(EFFECT, actor="system", tenant=None, mark=mark)
    database.db.session.flush()
