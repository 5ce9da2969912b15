"""Customers and Checkout."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from stripe.params.checkout import (
    SessionCreateParams,
    SessionCreateParamsLineItem,
    SessionCreateParamsSubscriptionData,
)

from billing.gateway import parsing, wishes
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import Session
from billing.gateway.wishes import Wish
from saas.core.settings import current_settings

_ONE_TRIAL = (
    "There is one trial for each business. If this card has had one before, this one ends at once and the plan is"
    " charged today."
)


@reaches_stripe
def create_customer(*, email: str, name: str, tenant: str, key: str) -> str:
    """The new customer's id; the same one for the same `key`."""
    about = {"tenant": tenant}
    made = client().v1.customers.create({"email": email, "name": name, "metadata": about}, {"idempotency_key": key})
    return made.id


@reaches_stripe
def create_session(
    *,
    customer: str,
    items: Sequence[Wish],
    trial_days: int,
    tenant: str,
    return_url: str,
    expires_at: datetime,
    key: str,
) -> Session:
    """Where the customer pays for `items`, and after `trial_days` only; the same for the same `key`."""
    about: SessionCreateParamsSubscriptionData = {"metadata": {"tenant": tenant}}
    if trial_days:
        about["trial_period_days"] = trial_days
    wanted: SessionCreateParams = {
        "mode": "subscription",
        "customer": customer,
        "client_reference_id": tenant,
        "line_items": cast("list[SessionCreateParamsLineItem]", wishes.made(items)),
        "subscription_data": about,
        "allow_promotion_codes": True,
        "success_url": return_url,
        "cancel_url": f"{return_url}&cancelled=1",
        "expires_at": int(expires_at.timestamp()),
    }
    if trial_days:
        wanted["custom_text"] = {"submit": {"message": _ONE_TRIAL}}
    if current_settings().stripe_tax:  # which needs to know where the customer is
        wanted["automatic_tax"], wanted["tax_id_collection"] = {"enabled": True}, {"enabled": True}
        wanted["customer_update"] = {"address": "auto", "name": "auto"}
    return parsing.session(client().v1.checkout.sessions.create(wanted, {"idempotency_key": key}))


@reaches_stripe
def fetch_session(id_: str) -> Session:
    return parsing.session(client().v1.checkout.sessions.retrieve(id_))


@reaches_stripe
def expire_session(id_: str) -> Session:
    """End a session, so that nobody can pay there any more. Raises Refused when it has ended already."""
    return parsing.session(client().v1.checkout.sessions.expire(id_))
