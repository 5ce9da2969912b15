"""Subscriptions: read, changed, cancelled.

What a change answers is not handed on: under a key that was used before, it is what was true then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import stripe
from stripe.params import (
    SubscriptionCreateParams,
    SubscriptionCreateParamsItem,
    SubscriptionUpdateParams,
    SubscriptionUpdateParamsItem,
)

from billing.errors import Missing
from billing.gateway import parsing, wishes
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import SubscriptionState
from billing.gateway.wishes import Wish
from saas.core.settings import current_settings

_WHOLE = ["test_clock", "schedule", "discounts.source.coupon"]  # what a subscription is shown with
_PAYER = [
    "customer.test_clock",
    "customer.invoice_settings.default_payment_method",
    "customer.subscriptions.data.default_payment_method",
]


@dataclass(frozen=True)
class Change:
    """What a subscription is to become.

    With `restarts` a new period begins at once, as one that is paid for at another interval has to: Stripe keeps to
    the old rhythm otherwise (https://docs.stripe.com/billing/subscriptions/billing-mode).
    """

    items: Sequence[Wish]
    at: datetime | None = None  # the moment from which the difference is counted; None: now
    ends_trial: bool = False
    restarts: bool = False
    drops_discount: bool = False


@reaches_stripe
def fetch(id_: str) -> SubscriptionState:
    """With whom it charges."""
    return parsing.subscription(client().v1.subscriptions.retrieve(id_, {"expand": [*_WHOLE, *_PAYER]}))


def known(ids: Iterable[str]) -> tuple[list[SubscriptionState], list[str]]:
    """Those that are there, and the ids of those that are not."""
    found: list[SubscriptionState] = []
    gone: list[str] = []
    for id_ in ids:
        try:
            found.append(fetch(id_))
        except Missing:
            gone.append(id_)
    return found, gone


@reaches_stripe
def of_customer(customer: str) -> list[SubscriptionState]:
    """All of them, ended ones too, the newest first."""
    expand = [f"data.{path}" for path in _WHOLE]
    asked = client().v1.subscriptions.list({"customer": customer, "status": "all", "limit": 20, "expand": expand})
    return [parsing.subscription(one) for one in asked.data]


@reaches_stripe
def start_trial(*, customer: str, items: Sequence[Wish], days: int, tenant: str, key: str) -> str:
    """A trial without a card, which ends by itself unless one is given; returns the subscription's id."""
    wanted: SubscriptionCreateParams = {
        "customer": customer,
        "items": cast("list[SubscriptionCreateParamsItem]", wishes.made(items)),
        "trial_period_days": days,
        "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        "metadata": {"tenant": tenant},
    }
    if current_settings().stripe_tax:
        wanted["automatic_tax"] = {"enabled": True}
    return client().v1.subscriptions.create(wanted, {"idempotency_key": key}).id


@reaches_stripe
def change(
    id_: str, wanted: Change, *, key: str, charged: bool = True, metadata: Mapping[str, str] | None = None
) -> None:
    """Other items from now on; the difference for the rest of the period is charged at once.

    Where it is not to be `charged` the next renewal charges what is then there. Raises CardDeclined, and then nothing
    changes.
    """
    update: SubscriptionUpdateParams = {
        "items": cast("list[SubscriptionUpdateParamsItem]", wishes.changed(wanted.items)),
        "proration_behavior": "always_invoice" if charged else "none",
        "payment_behavior": "error_if_incomplete",
    }
    if wanted.at and charged:
        update["proration_date"] = int(wanted.at.timestamp())
    if wanted.ends_trial:
        update["trial_end"] = "now"
    if wanted.restarts:
        update["billing_cycle_anchor"] = {"type": "now"}
    if wanted.drops_discount:
        update["discounts"] = ""
    if metadata:
        update["metadata"] = dict(metadata)
    client().v1.subscriptions.update(id_, update, {"idempotency_key": key})


@reaches_stripe
def cancel_now(id_: str, *, key: str, comment: str = "") -> None:
    """End a subscription. What was used beyond the included amount is charged with its last invoice, at once."""
    wanted: stripe.params.SubscriptionCancelParams = {"invoice_now": True}
    if comment:
        wanted["cancellation_details"] = {"comment": comment}
    try:
        client().v1.subscriptions.cancel(id_, wanted, {"idempotency_key": key})
    except stripe.InvalidRequestError as error:  # Stripe takes no keys for this call
        if error.code != "resource_missing":
            raise  # else it has ended, by the same call maybe


@reaches_stripe
def cancel_at_period_end(id_: str, cancel: bool, *, key: str, comment: str = "") -> None:
    wanted: SubscriptionUpdateParams = {"cancel_at_period_end": cancel}
    if comment:
        wanted["cancellation_details"] = {"comment": comment}
    client().v1.subscriptions.update(id_, wanted, {"idempotency_key": key})


@reaches_stripe
def extend_trial(id_: str, until: datetime, *, key: str) -> None:
    client().v1.subscriptions.update(
        id_, {"trial_end": int(until.timestamp()), "proration_behavior": "none"}, {"idempotency_key": key}
    )


@reaches_stripe
def discount(id_: str, promotion_code: str, *, key: str) -> None:
    """Take off what a promotion code says, in place of what was taken off before."""
    client().v1.subscriptions.update(id_, {"discounts": [{"promotion_code": promotion_code}]}, {"idempotency_key": key})


@reaches_stripe
def end_trial(id_: str, *, key: str) -> None:
    """What it costs is charged now."""
    client().v1.subscriptions.update(id_, {"trial_end": "now", "proration_behavior": "none"}, {"idempotency_key": key})


@reaches_stripe
def reduce(id_: str, coupon: str, *, key: str) -> None:
    """Take off what a coupon says, in place of what was taken off before."""
    client().v1.subscriptions.update(id_, {"discounts": [{"coupon": coupon}]}, {"idempotency_key": key})
