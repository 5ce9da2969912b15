"""What became of trials."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from billing.gateway.connection import livemode
from billing.models import OVERDUE, Invoice, Subscription
from billing.revenue.months import Month, month_of
from billing.revenue.scope import Scope, plan_of_subscription
from saas.core.database import db


@dataclass(frozen=True)
class Trials:
    """Those that ended in a month."""

    month: str
    currency: str
    plan: str
    ended: int
    paying: int
    waiting: int  # whose first payment is still tried


@dataclass(frozen=True)
class Conversion:
    ended: int = 0
    paying: int = 0
    waiting: int = 0

    @property
    def percent(self) -> float | None:
        """None: no trial ended."""
        return 100 * self.paying / self.ended if self.ended else None


def ended_at() -> sa.ColumnElement[datetime]:
    """When it is over, or was because the subscription ended before."""
    return sa.func.least(Subscription.trial_end, sa.func.coalesce(Subscription.ended_at, Subscription.trial_end))


def over() -> sa.ColumnElement[bool]:
    """Whether there was a trial that is over, of the mode that the key is of."""
    tried = sa.and_(Subscription.trial_end.is_not(None), Subscription.status != "trialing")
    return sa.and_(tried, Subscription.livemode == livemode())


def pays() -> sa.ColumnElement[bool]:
    """Whether an invoice of it was paid since, with money."""
    mine = (Invoice.subscription == Subscription.id, Invoice.tenant == Subscription.tenant)
    since = (Invoice.status == "paid", Invoice.paid > 0, Invoice.paid_at >= ended_at())
    return sa.exists().where(*mine, *since).correlate(Subscription)


def waits() -> sa.ColumnElement[bool]:
    return sa.and_(~pays(), Subscription.status.in_(("active", *OVERDUE)))


def trials(months: Sequence[Month]) -> list[Trials]:
    """In one query."""
    row = (month_of(ended_at()), Subscription.currency, plan_of_subscription())
    found = sa.select(
        *(column.label(name) for column, name in zip(row, ("month", "currency", "plan"), strict=True)),
        pays().label("pays"), waits().label("waits"),
    ).where(over(), ended_at() >= months[0].first, ended_at() < months[-1].end).subquery()  # fmt: skip
    group = (found.c.month, found.c.currency, found.c.plan)
    parts = (sa.func.count().filter(found.c.pays), sa.func.count().filter(found.c.waits))
    query = sa.select(*group, sa.func.count(), *parts).group_by(*group)
    return [Trials(*one) for one in db.session.execute(query)]


def conversion(scope: Scope, month: Month, found: Iterable[Trials]) -> Conversion:
    mine = [one for one in found if one.month == str(month) and scope.has(one.currency, one.plan)]
    return Conversion(*(sum(getattr(one, name) for one in mine) for name in ("ended", "paying", "waiting")))
