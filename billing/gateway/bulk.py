"""All customers and all subscriptions at Stripe, a hundred a call: what a comparison with ours needs, and no more.

A thousand customers of whom each has a subscription take 22 calls: 10 of either list, and one each for what was
refunded and disputed of late, which no list of invoices tells.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import stripe

from billing.gateway import invoices, moved, parsing
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.invoices import Brief
from billing.gateway.moved import A_CALL, Moved
from billing.gateway.objects import SubscriptionState
from billing.gateway.payers import CustomerState, state

# Stripe expands four levels at most, and "data" is one of them.
_CUSTOMER = ["data.invoice_settings.default_payment_method", "data.test_clock"]
_SUBSCRIPTION = [
    "data.schedule", "data.discounts.source.coupon", "data.default_payment_method", "data.test_clock",
    "data.latest_invoice",
]  # fmt: skip


@dataclass(frozen=True)
class Everything:
    """What was listed, by ids; of subscriptions those that have not ended."""

    customers: dict[str, CustomerState]
    subscriptions: dict[str, SubscriptionState]
    invoices: dict[str, Brief]  # the newest one of each
    moved: dict[str, Moved]  # of late, by payment intent


@reaches_stripe
def everything() -> Everything:
    """Subscriptions first: one that begins meanwhile is missing, and not without its customer."""
    listed = list(_pages(client().v1.subscriptions.list({"limit": A_CALL, "expand": _SUBSCRIPTION})))
    theirs: dict[str, list[stripe.Subscription]] = defaultdict(list)
    for one in listed:
        theirs[str(one.customer)].append(one)
    customers = client().v1.customers.list({"limit": A_CALL, "expand": _CUSTOMER})
    return Everything(
        {one.id: state(one, theirs[one.id]) for one in customers.auto_paging_iter()},
        {one.id: parsing.subscription(one) for one in listed},
        {brief.id: brief for one in listed if (brief := _newest(one))},
        moved.lately(),
    )


def _newest(found: stripe.Subscription) -> Brief | None:
    return invoices.brief(found.latest_invoice) if isinstance(found.latest_invoice, stripe.Invoice) else None


def _pages(found: stripe.ListObject[stripe.Subscription]) -> Iterable[stripe.Subscription]:
    return found.auto_paging_iter()
