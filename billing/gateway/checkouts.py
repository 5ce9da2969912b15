"""Customers and Checkout."""

from datetime import datetime

from billing.gateway import objects
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import Session


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
    price: str,
    trial_days: int,
    tenant: str,
    return_url: str,
    expires_at: datetime,
    key: str,
) -> Session:
    """Where the customer pays for one of `price`, and after `trial_days` only; the same for the same `key`."""
    about = {"tenant": tenant}
    made = client().v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer,
            "client_reference_id": tenant,
            "line_items": [{"price": price, "quantity": 1}],
            "subscription_data": {"metadata": about, "trial_period_days": trial_days}
            if trial_days
            else {"metadata": about},
            "success_url": return_url,
            "cancel_url": f"{return_url}&cancelled=1",
            "expires_at": int(expires_at.timestamp()),
        },
        {"idempotency_key": key},
    )
    return objects.session(made)


@reaches_stripe
def fetch_session(id_: str) -> Session:
    return objects.session(client().v1.checkout.sessions.retrieve(id_))


@reaches_stripe
def expire_session(id_: str) -> Session:
    """End a session, so that nobody can pay there any more. Raises Refused when it has ended already."""
    return objects.session(client().v1.checkout.sessions.expire(id_))
