"""All customers compared with Stripe: how many calls it takes, and how long."""

import time

from benchmarks.figures import AtMost, Figure, Part
from benchmarks.parts.billing_stand import Shop
from billing.inbox import reconcile
from billing.inbox.comparing import Drift
from billing.mirrored import mirror
from saas.core.database import transaction

BAR = AtMost(30)  # calls, for 1,000 customers
_WRONG = 3  # tenants
_ALTER = "UPDATE platform.subscriptions SET status = 'past_due' WHERE tenant = '{}'"


def measure(shop: Shop) -> Part:
    clean, _, _ = _compared(shop)
    wrong = shop.ground.tenants[:: max(len(shop.ground.tenants) // _WRONG, 2)]
    shop.ground.as_superuser(*(_ALTER.format(tenant) for tenant in wrong))
    shop.forget_calls()
    found, took, at_stripe = _compared(shop)
    drifted = {drift.tenant for drift in found} - {drift.tenant for drift in clean}
    customers = len(shop.ground.tenants)
    return Part(
        [
            Figure(f"calls to compare {customers:,} customers", shop.calls(), "calls", BAR),
            Figure("the same, time", took, "s"),
            Figure("of it waiting for the lists", at_stripe, "s"),
            Figure("tenants that differ", len(drifted), "tenants"),
            Figure("tenants that were altered", len(wrong), "tenants"),
        ],
        "Comparing: customers and subscriptions are listed by the hundred and compared field by field; nothing else is "
        "asked about who does not differ.",
    )


def _compared(shop: Shop) -> tuple[list[Drift], float, float]:
    """What differs, and the seconds that it took, in all and for the lists."""
    with shop.app.app_context():
        with transaction():
            asked_at = mirror.now()
        began = time.monotonic()
        listed = reconcile.list_all(asked_at)
        at_stripe = time.monotonic() - began
        with transaction():
            found = reconcile.compare(listed)
    return found, time.monotonic() - began, at_stripe
