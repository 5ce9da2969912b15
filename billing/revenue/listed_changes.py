"""Lists of what changed the revenue, and of who pays how much at a moment."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing.ledger import MrrChange
from billing.revenue.balances import lasts, spans
from billing.revenue.months import Month
from billing.revenue.movements import MOVED_IN, MOVED_OUT, counted
from billing.revenue.wanted import WHO, Column, Query, Wanted, in_month, of_plan
from tenants.models import Tenant

CHANGES = (
    Column("plan_before", "Plan before", "plan"),
    Column("plan", "Plan after", "plan"),
    Column("before", "Before", "money"),
    Column("after", "After", "money"),
    Column("counted", "Counts as", "money"),
    Column("at", "When (UTC)", "time"),
    Column("subscription", "Subscription"),
)
BALANCES = (
    Column("plan", "Plan", "plan"),
    Column("counted", "By the month", "money"),
    Column("at", "Since (UTC)", "time"),
    Column("subscription", "Subscription"),
)


def changes(wanted: Wanted) -> Query:
    """The movements of a kind; for one plan, what each means for it."""
    part: dict[str, sa.SQLColumnExpression[int]] = {MOVED_IN: MrrChange.before, MOVED_OUT: -MrrChange.before}
    adds: sa.Label[int] = part.get(wanted.what, MrrChange.after - MrrChange.before).label("counted")
    row: tuple[Any, ...] = (MrrChange.plan_before, MrrChange.plan, MrrChange.before, MrrChange.after, MrrChange.at)
    found = sa.select(*WHO, *row, MrrChange.subscription, adds).join(Tenant, Tenant.id == MrrChange.tenant)
    there = (MrrChange.currency == wanted.scope.currency, *in_month(wanted, MrrChange.at), *_kind(wanted))
    return found.where(counted(), *there).order_by(MrrChange.at.desc(), MrrChange.id)


def balances(moment: Callable[[Month], datetime]) -> Callable[[Wanted], Query]:
    """Who pays how much at a month's start or end."""

    def query(wanted: Wanted) -> Query:
        span = spans()
        row = (span.c.plan, span.c.after.label("counted"), span.c.at, span.c.subscription)
        found = sa.select(*WHO, *row).join(Tenant, Tenant.id == span.c.tenant)
        there = (span.c.currency == wanted.scope.currency, lasts(span, moment(wanted.month)))
        return found.where(*there, *of_plan(wanted, span.c.plan)).order_by(span.c.after.desc(), Tenant.id)

    return query


def _kind(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    if wanted.what not in {MOVED_IN, MOVED_OUT}:
        return [MrrChange.kind == wanted.what, *of_plan(wanted, MrrChange.plan)]
    side = MrrChange.plan if wanted.what == MOVED_IN else MrrChange.plan_before
    return [MrrChange.plan != MrrChange.plan_before, *of_plan(wanted, side)]
