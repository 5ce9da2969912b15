"""What changed the revenue: the rows of `mrr_changes`, summed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from billing.gateway.connection import livemode
from billing.ledger import MrrChange
from billing.mirrored.mrr import Kind
from billing.revenue.months import Month, month_of
from saas.core.database import db

KINDS = (Kind.NEW, Kind.REACTIVATION, Kind.EXPANSION, Kind.CONTRACTION, Kind.CHURN)
MOVED_IN, MOVED_OUT = "moved-in", "moved-out"  # what a tenant that changed its plan paid before, to each of the two
MOVES = (MOVED_IN, MOVED_OUT)


@dataclass(frozen=True)
class Sum:
    """All changes of a kind in a month that led from one plan to another, or stayed with it."""

    month: str
    currency: str
    kind: str
    plan_before: str
    plan: str
    count: int
    before: int
    after: int

    def of_plan(self, plan: str) -> Iterator[tuple[str, int]]:
        """What it means for a plan, each part with its amount; for all of them together ("") plans do not matter."""
        came, left = plan in {"", self.plan}, plan in {"", self.plan_before}
        if came and left:
            yield self.kind, self.after - self.before
        elif came:
            yield MOVED_IN, self.before
            yield self.kind, self.after - self.before
        elif left:
            yield MOVED_OUT, -self.before


def counted() -> sa.ColumnElement[bool]:
    """Of the mode that the key is of: play money is no revenue."""
    return MrrChange.livemode == livemode()


def sums(months: Sequence[Month]) -> list[Sum]:
    """In one query."""
    row = (month_of(MrrChange.at), MrrChange.currency, MrrChange.kind, MrrChange.plan_before, MrrChange.plan)
    query = (
        sa.select(*row, sa.func.count(), _whole(MrrChange.before), _whole(MrrChange.after))
        .where(counted(), MrrChange.at >= months[0].first, MrrChange.at < months[-1].end)
        .group_by(*row)
    )
    return [Sum(*found) for found in db.session.execute(query)]


def _whole(column: sa.SQLColumnExpression[int]) -> sa.ColumnElement[int]:
    """A sum of big integers is a decimal number to PostgreSQL."""
    return sa.cast(sa.func.sum(column), sa.BigInteger)
