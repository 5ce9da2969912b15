"""Subscriptions: read, changed, cancelled.

What a change answers is not handed on: under a key that was used before, it is what was true then.
"""

from datetime import datetime

from stripe.params import InvoiceCreatePreviewParamsSubscriptionDetails, SubscriptionUpdateParams

from billing.gateway import objects
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import SubscriptionState


@reaches_stripe
def fetch(id_: str) -> SubscriptionState:
    return objects.subscription(client().v1.subscriptions.retrieve(id_))


@reaches_stripe
def change(id_: str, *, item: str, price: str, ends_trial: bool, key: str) -> None:
    """Move to another price at once; the difference is charged now. Raises CardDeclined, and then nothing changes."""
    wanted: SubscriptionUpdateParams = {
        "items": [{"id": item, "price": price, "quantity": 1}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
    }
    if ends_trial:
        wanted["trial_end"] = "now"
    client().v1.subscriptions.update(id_, wanted, {"idempotency_key": key})


@reaches_stripe
def due_now(id_: str, *, customer: str, item: str, price: str, ends_trial: bool) -> tuple[int, str]:
    """What `change` would charge at this moment, and its currency."""
    details: InvoiceCreatePreviewParamsSubscriptionDetails = {
        "items": [{"id": item, "price": price, "quantity": 1}],
        "proration_behavior": "always_invoice",
    }
    if ends_trial:
        details["trial_end"] = "now"
    preview = client().v1.invoices.create_preview(
        {"customer": customer, "subscription": id_, "subscription_details": details}
    )
    return preview.amount_due, preview.currency


@reaches_stripe
def cancel_now(id_: str, *, key: str) -> None:
    client().v1.subscriptions.cancel(id_, {}, {"idempotency_key": key})


@reaches_stripe
def cancel_at_period_end(id_: str, cancel: bool, *, key: str) -> None:
    client().v1.subscriptions.update(id_, {"cancel_at_period_end": cancel}, {"idempotency_key": key})


@reaches_stripe
def extend_trial(id_: str, until: datetime, *, key: str) -> None:
    client().v1.subscriptions.update(
        id_, {"trial_end": int(until.timestamp()), "proration_behavior": "none"}, {"idempotency_key": key}
    )


@reaches_stripe
def of_customer(customer: str) -> list[SubscriptionState]:
    """All of them, ended ones too, the newest first."""
    found = client().v1.subscriptions.list({"customer": customer, "status": "all", "limit": 20}).data
    return [objects.subscription(one) for one in found]
