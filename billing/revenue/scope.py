"""What is looked at: one currency, and one plan or all of them."""

from dataclasses import dataclass

import sqlalchemy as sa

from billing.mirrored.mrr import OTHER
from billing.models import Subscription


@dataclass(frozen=True)
class Scope:
    currency: str
    plan: str = ""  # all of them

    def has(self, currency: str, plan: str) -> bool:
        return currency == self.currency and self.plan in {"", plan}


def plan_of_subscription() -> sa.ColumnElement[str]:
    """To which it is now, however it began."""
    return sa.func.coalesce(Subscription.plan, OTHER)
