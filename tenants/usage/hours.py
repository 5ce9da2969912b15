"""Flows by the hour: summed over a time, and told to whoever charges for them, each call of the API once.

Telling is two steps, with no transaction open between them. `claim` writes down how much is about to be told, and
`sent` that it was. A process that dies in between leaves its claim, and the next one tells the same amount from the
same beginning, so under the same identifier, by which a repeat is known as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from saas.core.database import at_once, db
from tenants.usage.limits import Limit
from tenants.usage.models import UsageHour

HOUR = timedelta(hours=1)
SETTLED = timedelta(minutes=5)  # from an hour's end until nothing more is written down under it
PATIENCE = timedelta(minutes=10)  # until a claim is taken for one whose process has died

_OWED = UsageHour.used > UsageHour.sent


@dataclass(frozen=True)
class Hour:
    """One hour of one flow of a tenant, of which something is still to be told."""

    tenant: str
    resource: str
    hour: datetime  # as it began


@dataclass(frozen=True)
class Claim:
    """What is to be told of an hour: all that was used beyond `begin` up to `end`."""

    hour: Hour
    begin: int
    end: int

    @property
    def amount(self) -> int:
        return self.end - self.begin


def total(tenant: str, limit: Limit, begin: datetime, end: datetime) -> int:
    """What was used in the hours that end between `begin` and `end`, as it is written down, and is not waived.

    Bound or not.
    """
    mine = (UsageHour.tenant == tenant, UsageHour.resource == limit.name)
    over = (UsageHour.hour > begin - HOUR, UsageHour.hour <= end - HOUR)
    summed = sa.select(sa.func.sum(UsageHour.used - UsageHour.waived)).where(*mine, *over)
    return int(db.session.scalar(summed) or 0)


def every(tenant: str) -> Sequence[Any]:
    """What was used in each hour that is kept, the oldest first: rows with hour, resource and used; bound or not."""
    mine = sa.select(UsageHour.hour, UsageHour.resource, UsageHour.used).where(UsageHour.tenant == tenant)
    return db.session.execute(mine.order_by(UsageHour.hour, UsageHour.resource)).all()


def owing(limit: Limit, since: Mapping[str, datetime]) -> list[str]:
    """Which of some tenants have hours that are `owed`, each since a time of its own. Runs unbound."""
    tenants, times = list(since), list(since.values())
    given = sa.func.unnest(sa.literal(tenants, ARRAY(sa.String)), sa.literal(times, ARRAY(sa.DateTime(timezone=True))))
    asked = given.table_valued("tenant", "since", name="asked").render_derived()
    mine = sa.exists().where(UsageHour.tenant == asked.c.tenant, *_owed(limit, asked.c.since))
    return list(db.session.scalars(sa.select(asked.c.tenant).where(mine).order_by(asked.c.tenant)))


def owed(limit: Limit, tenant: str, since: datetime) -> list[Hour]:
    """A tenant's hours that are over and of which not all is told, of those that ended after a time; the oldest first.

    Runs unbound.
    """
    mine = (UsageHour.tenant == tenant, *_owed(limit, sa.literal(since)))
    query = sa.select(UsageHour.tenant, UsageHour.resource, UsageHour.hour).where(*mine).order_by(UsageHour.hour)
    return [Hour(*row) for row in db.session.execute(query)]


def claim(hour: Hour) -> Claim | None:
    """Take it upon this process to tell of an hour, committed at once; None: there is nothing, or another is at it."""
    free = sa.or_(UsageHour.sending_at.is_(None), UsageHour.sending_at < sa.func.now() - PATIENCE)
    values = {"sending": sa.func.coalesce(UsageHour.sending, UsageHour.used), "sending_at": sa.func.now()}
    taken = sa.update(UsageHour).where(*_one(hour), _OWED, free).values(values)
    with at_once() as connection:
        row = connection.execute(taken.returning(UsageHour.sent, UsageHour.sending)).one_or_none()
    return Claim(hour, row.sent, row.sending) if row else None


def sent(claimed: Claim) -> None:
    """It was told. Once that is written down, by whomever, this changes nothing; part of the caller's transaction."""
    still = (UsageHour.sent == claimed.begin, UsageHour.sending == claimed.end)
    told = sa.update(UsageHour).where(*_one(claimed.hour), *still)
    db.session.execute(told.values(sent=claimed.end, sending=None, sending_at=None))


def waive(tenant: str, limit: Limit) -> None:
    """Let nobody be charged for what was used up to now, but for what is being told.

    For whoever begins to be charged in the middle of an hour; part of the caller's transaction.
    """
    mine = (UsageHour.tenant == tenant, UsageHour.resource == limit.name, UsageHour.sending.is_(None))
    db.session.execute(sa.update(UsageHour).where(*mine, _OWED).values(sent=UsageHour.used, waived=UsageHour.used))


def begin_anew(tenant: str, limit: Limit) -> None:
    """Another price begins: what was told until now, or is just being told, counted for the one before it.

    What is told from now on counts for the new one, of whichever hour; part of the caller's transaction.
    """
    mine = (UsageHour.tenant == tenant, UsageHour.resource == limit.name)
    told = sa.func.coalesce(UsageHour.sending, UsageHour.sent)
    db.session.execute(sa.update(UsageHour).where(*mine, UsageHour.waived != told).values(waived=told))


def _owed(limit: Limit, since: sa.ColumnElement[datetime]) -> tuple[sa.ColumnElement[bool], ...]:
    over = (UsageHour.hour + HOUR > since, UsageHour.hour < sa.func.now() - HOUR - SETTLED)
    return (UsageHour.resource == limit.name, _OWED, *over)


def _one(hour: Hour) -> tuple[sa.ColumnElement[bool], ...]:
    return (UsageHour.tenant == hour.tenant, UsageHour.resource == hour.resource, UsageHour.hour == hour.hour)
