"""What each number consists of: its rows, how many they are, and that their amounts sum up to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from billing.mirrored import mrr
from billing.models import Invoice
from billing.revenue import failures, listed_changes, listed_payments
from billing.revenue import trials as tried
from billing.revenue.movements import MOVED_IN, MOVED_OUT
from billing.revenue.wanted import Kind, Wanted
from saas.core.database import db

PAGE_SIZE = 50

_CHANGES = (listed_changes.CHANGES, listed_changes.changes)
_NOBODY = "Nobody paid by the month at that moment."

LISTS: dict[str, Kind] = {
    "start": Kind(
        "MRR at the start", listed_changes.BALANCES, listed_changes.balances(lambda month: month.first), "start",
        none=_NOBODY,
    ),
    "end": Kind(
        "MRR at the end", listed_changes.BALANCES, listed_changes.balances(lambda month: month.end), "end",
        none=_NOBODY,
    ),
    mrr.Kind.NEW: Kind("New", *_CHANGES),
    mrr.Kind.REACTIVATION: Kind("Reactivation", *_CHANGES),
    mrr.Kind.EXPANSION: Kind("Expansion", *_CHANGES),
    mrr.Kind.CONTRACTION: Kind("Contraction", *_CHANGES),
    mrr.Kind.CHURN: Kind("Churn", *_CHANGES),
    MOVED_IN: Kind("Moved to the plan", *_CHANGES),
    MOVED_OUT: Kind("Moved to another plan", *_CHANGES),
    "trials": Kind("Trials that ended", listed_payments.TRIALS, listed_payments.trials(), money=False),
    "converted": Kind("Trials that led to a payment", listed_payments.TRIALS, listed_payments.trials(tried.pays()),
                      money=False),
    "failed": Kind("Failed payments", listed_payments.INVOICES, listed_payments.failed(failures.asked())),
    "recovered": Kind(
        "Failed payments that came in after all", listed_payments.INVOICES,
        listed_payments.failed(sa.type_coerce(Invoice.paid, sa.Integer), failures.recovered()),
    ),
    "overdue": Kind("Overdue", listed_payments.INVOICES, listed_payments.overdue(), "now",
                    none="Nobody owes anything after a failed payment."),
}  # fmt: skip


@dataclass(frozen=True)
class Page:
    rows: Sequence[Any]
    count: int  # of all pages
    total: int  # the number that the list opens from
    more: bool


def page(wanted: Wanted, number: int) -> Page:
    """From 1 on; in two queries."""
    query = LISTS[wanted.what].query(wanted)
    rows = db.session.execute(query.limit(PAGE_SIZE + 1).offset((number - 1) * PAGE_SIZE)).all()
    whole = query.order_by(None).subquery()
    summed = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(whole.c.counted), 0)).select_from(whole)
    count, total = db.session.execute(summed).one()
    return Page(rows[:PAGE_SIZE], count, int(total), len(rows) > PAGE_SIZE)


def everything(wanted: Wanted) -> Sequence[Any]:
    """All its rows, for a file; in one query."""
    return db.session.execute(LISTS[wanted.what].query(wanted)).all()
