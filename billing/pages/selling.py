"""What a workspace's other pages say of what is sold."""

from billing.mirrored import mirror
from billing.money import shown
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.catalog import Interval
from tenants.selling import Selling


def _seat(tenant: str) -> str | None:
    subscription = mirror.live_subscription_of(tenant)
    if subscription is None or catalog.find(subscription.plan, subscription.version) is None:
        return None
    price = shaping.price_for(subscription, subscription.plan or "", subscription.interval or Interval.MONTH)
    return None if price.seat is None else f"{shown(price.seat, price.currency)} a {price.interval}"


def _calls(tenant: str) -> str | None:
    subscription, customer = mirror.live_subscription_of(tenant), mirror.customer_of(tenant)
    if subscription is None or subscription.metered_item is None or customer is None:
        return None
    cap = customer.spending_cap or 0
    return f"up to your cap of {shown(cap, subscription.currency)}" if cap else "up to what is included"


SELLING = Selling(_seat, _calls)
