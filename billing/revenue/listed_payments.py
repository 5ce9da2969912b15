"""Lists of trials that ended, and of invoices whose payment failed."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from billing.models import Invoice, Subscription
from billing.revenue import failures
from billing.revenue import trials as tried
from billing.revenue.scope import plan_of_subscription
from billing.revenue.wanted import WHO, Column, Query, Wanted, in_month, of_plan
from tenants.models import Tenant

TRIALS = (
    Column("plan", "Plan", "plan"),
    Column("outcome", "What became of it"),
    Column("at", "Trial ended (UTC)", "time"),
    Column("subscription", "Subscription"),
)
INVOICES = (
    Column("plan", "Plan", "plan"),
    Column("number", "Invoice"),
    Column("status", "State"),
    Column("asked", "Amount", "money"),
    Column("counted", "Counts as", "money"),
    Column("attempts", "Tries", "number"),
    Column("at", "Failed first (UTC)", "time"),
    Column("paid_at", "Paid (UTC)", "time"),
)


def trials(*only: sa.SQLColumnExpression[bool]) -> Callable[[Wanted], Query]:
    def query(wanted: Wanted) -> Query:
        at, plan = tried.ended_at(), plan_of_subscription()
        outcome = sa.case((tried.pays(), "pays"), (tried.waits(), "not paid yet"), else_="left")
        row = (plan.label("plan"), outcome.label("outcome"), at.label("at"), Subscription.id.label("subscription"))
        found = sa.select(*WHO, *row, sa.literal(1).label("counted")).join(Tenant, Tenant.id == Subscription.tenant)
        there = (tried.over(), Subscription.currency == wanted.scope.currency, *in_month(wanted, at), *only)
        return found.where(*there, *of_plan(wanted, plan)).order_by(at.desc(), Subscription.id)

    return query


def failed(amount: sa.SQLColumnExpression[int], *only: sa.SQLColumnExpression[bool]) -> Callable[[Wanted], Query]:
    """Those of a month, by when they failed first."""
    whole = _invoices(amount, Invoice.failed, *only)
    return lambda wanted: whole(wanted).where(*in_month(wanted, failures.failed_at()))


def overdue() -> Callable[[Wanted], Query]:
    """Those of now."""
    return _invoices(sa.type_coerce(Invoice.due, sa.Integer), failures.overdue())


def _invoices(amount: sa.SQLColumnExpression[int], *only: sa.SQLColumnExpression[bool]) -> Callable[[Wanted], Query]:
    def query(wanted: Wanted) -> Query:
        at, plan = failures.failed_at(), plan_of_subscription()
        row = (plan.label("plan"), Invoice.number, Invoice.status, failures.asked().label("asked"))
        rest: tuple[Any, ...] = (amount.label("counted"), Invoice.attempts, at.label("at"), Invoice.paid_at)
        found = failures.with_subscription(sa.select(*WHO, *row, *rest)).join(Tenant, Tenant.id == Invoice.tenant)
        there = (Invoice.currency == wanted.scope.currency, *only, *of_plan(wanted, plan))
        return found.where(*there).order_by(at.desc(), Invoice.id)

    return query
