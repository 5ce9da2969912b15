"""What use beyond the included amount costs in a subscription's period. Amounts are in the currency's minor unit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from billing.mirrored import discounts
from billing.models import Customer, Subscription
from billing.offering.shaping import METERED
from billing.plans import catalog
from billing.plans.model import MONTHS, Overage
from saas.core.database import db
from tenants.usage import hours, limits

BEGUN = timedelta(seconds=60)  # from when we note that a price begins until Stripe has surely done it
_SURE = 0.02  # of the period: before that nobody knows where it leads


@dataclass(frozen=True)
class Spending:
    used: int
    included: int
    cost: int  # so far
    cap: int  # what it may cost; 0: use ends at what is included
    currency: str
    begin: datetime
    end: datetime
    overage: Overage

    @property
    def beyond(self) -> int:
        return max(self.used - self.included, 0)

    @property
    def reached(self) -> bool:
        """Whether nothing more may be used until the period ends."""
        return self.used >= self.included and self.cost >= self.cap

    def forecast(self, now: datetime) -> tuple[int, int] | None:
        """How much will be used by the period's end, and what it will cost, if it goes on as until `now`."""
        gone = (now - self.begin) / (self.end - self.begin)
        if gone < _SURE:
            return None
        used = int(self.used / min(gone, 1.0))
        return used, min(cost(self.overage, used - self.included, self.currency), max(self.cap, self.cost))


def of(subscription: Subscription) -> Spending | None:
    """None where nobody has agreed to pay for more than is included.

    Counted as Stripe counts: all that it was told of since this price began, also of hours before that.
    """
    plan = catalog.find(subscription.plan, subscription.version)
    begin, end = subscription.period_start, subscription.period_end
    if subscription.metered_item is None or plan is None or METERED not in plan.overage or not (begin and end):
        return None
    overage = plan.overage[METERED]
    included = (plan.included(METERED) or 0) * MONTHS.get(subscription.interval or "", 1)
    anew = subscription.metered_since is not None and subscription.metered_since + BEGUN > begin
    since = subscription.started_at if anew else begin
    used = hours.total(subscription.tenant, limits.get(METERED), since, end)
    cap = db.session.scalar(sa.select(Customer.spending_cap).where(Customer.tenant == subscription.tenant)) or 0
    currency = subscription.currency
    return Spending(used, included, cost(overage, used - included, currency), cap, currency, begin, end, overage)


def cost(overage: Overage, units: int, currency: str) -> int:
    """Of so many units beyond the included ones; rounded once, as Stripe does with a line of an invoice."""
    return discounts.rounded(overage.unit_price(currency) * max(Decimal(units), Decimal(0)))
