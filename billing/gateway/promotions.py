"""Promotion codes: what somebody types in to pay less."""

from billing.gateway.connection import client, reaches_stripe


@reaches_stripe
def find(code: str) -> str | None:
    """Stripe's id of a code that can be used still, whatever its case; None: there is none, or it is over."""
    found = client().v1.promotion_codes.list({"code": code, "active": True, "limit": 1}).data
    return found[0].id if found else None
