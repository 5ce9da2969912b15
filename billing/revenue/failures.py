"""Payments that failed, those of them that came in after all, and what is overdue now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing.gateway.connection import livemode
from billing.models import Invoice, Subscription
from billing.revenue.months import Month, month_of
from billing.revenue.scope import Scope, plan_of_subscription
from saas.core.database import db


@dataclass(frozen=True)
class Failures:
    """Invoices of a month whose payment failed at least once. Amounts are in the currency's minor unit."""

    month: str
    currency: str
    plan: str
    failed: int = 0
    failed_amount: int = 0
    recovered: int = 0  # paid since
    recovered_amount: int = 0


@dataclass(frozen=True)
class Overdue:
    """Invoices that wait to be paid now, after a payment failed."""

    currency: str
    plan: str
    count: int = 0
    amount: int = 0


def failed_at() -> sa.ColumnElement[datetime]:
    """An invoice is charged when it is finished; that is when its first payment failed."""
    return sa.func.coalesce(Invoice.finalized_at, Invoice.created_at)


def asked() -> sa.ColumnElement[int]:
    """How much was asked for, paid by now or not."""
    return sa.type_coerce(Invoice.paid + Invoice.due, sa.Integer)


def recovered() -> sa.ColumnElement[bool]:
    return Invoice.status == "paid"


def overdue() -> sa.ColumnElement[bool]:
    return sa.and_(Invoice.failed, Invoice.status == "open", Invoice.due > 0)


def with_subscription(query: Any) -> sa.Select[Any]:
    """Of the mode that the key is of, as far as a subscription tells."""
    mine = sa.and_(Subscription.id == Invoice.subscription, Subscription.tenant == Invoice.tenant)
    ours = sa.or_(Subscription.id.is_(None), Subscription.livemode == livemode())
    found: sa.Select[Any] = query.select_from(Invoice).outerjoin(Subscription, mine).where(ours)
    return found


def failures(months: Sequence[Month]) -> list[Failures]:
    """In one query."""
    group = (month_of(failed_at()), Invoice.currency, plan_of_subscription())
    parts = (
        sa.func.count(), _whole(asked()), sa.func.count().filter(recovered()),
        _whole(sa.case((recovered(), Invoice.paid), else_=0)),
    )  # fmt: skip
    query = sa.select(*group, *parts).group_by(*group)
    there = (Invoice.failed, failed_at() >= months[0].first, failed_at() < months[-1].end)
    return [Failures(*one) for one in db.session.execute(with_subscription(query).where(*there))]


def all_overdue() -> list[Overdue]:
    """In one query."""
    group = (Invoice.currency, plan_of_subscription())
    query = sa.select(*group, sa.func.count(), _whole(Invoice.due)).group_by(*group)
    return [Overdue(*one) for one in db.session.execute(with_subscription(query).where(overdue()))]


def failures_of(scope: Scope, month: Month, found: Iterable[Failures]) -> Failures:
    mine = [one for one in found if one.month == str(month) and scope.has(one.currency, one.plan)]
    names = ("failed", "failed_amount", "recovered", "recovered_amount")
    return Failures(
        str(month), scope.currency, scope.plan, *(sum(getattr(one, name) for one in mine) for name in names)
    )


def overdue_of(scope: Scope, found: Iterable[Overdue]) -> Overdue:
    mine = [one for one in found if scope.has(one.currency, one.plan)]
    return Overdue(scope.currency, scope.plan, sum(one.count for one in mine), sum(one.amount for one in mine))


def _whole(column: sa.SQLColumnExpression[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)
