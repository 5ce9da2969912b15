"""What all tenants together pay by the month at a moment: by the last change of each, whatever came before it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from billing.ledger import MrrChange
from billing.revenue.movements import counted
from saas.core.database import db


@dataclass(frozen=True)
class Balance:
    moment: datetime
    currency: str
    plan: str
    tenants: int
    amount: int


def balances(moments: Sequence[datetime]) -> list[Balance]:
    """At each of them, the earliest first, what happened before it counts; of each currency and plan one, in one query.

    The database sums what covers the same moments, since there may be many changes, and there are few moments.
    """
    asked = sa.literal(list(moments), ARRAY(sa.DateTime(timezone=True)))
    span = spans()
    begins = sa.func.width_bucket(span.c.at, asked).label("begins")  # how many of the moments were over then
    ends = sa.func.coalesce(sa.func.width_bucket(span.c.until, asked), len(moments)).label("ends")
    known = sa.select(begins, ends, span.c.currency, span.c.plan, span.c.after).where(span.c.after > 0).subquery()
    row = (known.c.begins, known.c.ends, known.c.currency, known.c.plan)
    parts = (sa.func.count(), sa.cast(sa.func.sum(known.c.after), sa.BigInteger))
    found = db.session.execute(sa.select(*row, *parts).where(known.c.begins < known.c.ends).group_by(*row))
    return list(_summed(moments, found))


def _summed(moments: Sequence[datetime], found: Iterable[Any]) -> Iterator[Balance]:
    tenants, amounts = Counter[tuple[int, str, str]](), Counter[tuple[int, str, str]]()
    for first, end, currency, plan, count, amount in found:
        for n in range(first, end):
            tenants[n, currency, plan] += count
            amounts[n, currency, plan] += amount
    for (n, currency, plan), count in tenants.items():
        yield Balance(moments[n], currency, plan, count, amounts[n, currency, plan])


def spans() -> sa.Subquery:
    """How long each tenant paid how much: from `at` on and before `until`, None where it still does."""
    whose = (MrrChange.tenant, MrrChange.currency)
    until = sa.func.lead(MrrChange.at).over(partition_by=whose, order_by=MrrChange.at).label("until")
    columns = (MrrChange.tenant, MrrChange.currency, MrrChange.plan, MrrChange.after, MrrChange.at, until)
    return sa.select(*columns, MrrChange.subscription).where(counted()).subquery("span")


def lasts(span: sa.Subquery, moment: sa.ColumnElement[datetime] | datetime) -> sa.ColumnElement[bool]:
    """Whether a span that brings something covers what was right before a moment."""
    ends = sa.or_(span.c.until.is_(None), span.c.until >= moment)
    return sa.and_(span.c.at < moment, ends, span.c.after > 0)
