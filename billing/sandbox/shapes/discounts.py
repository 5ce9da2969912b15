"""Coupons, promotion codes, and the discounts that come of them."""

import secrets
import string
from typing import Any

from billing.sandbox.values import Obj, merged, new_id, nulls

_READABLE = string.ascii_uppercase + string.digits
_RESTRICTIONS: Obj = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}


def coupon(params: dict[str, Any], now: int) -> Obj:
    """Without what Stripe shows on request only: applies_to and currency_options."""
    months = params.get("duration_in_months")
    return {
        "id": params.get("id") or readable(),
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": now,
        "currency": params["currency"].lower() if params.get("currency") else None,
        "duration": params.get("duration", "once"),
        "duration_in_months": months,
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }


def promotion_code(params: dict[str, Any], now: int) -> Obj:
    restrictions = params.get("restrictions") or {}
    return {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": params.get("code") or readable(),
        "created": now,
        "customer": params.get("customer"),
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata")),
        "promotion": {"coupon": params["promotion"]["coupon"], "type": "coupon"},
        "restrictions": _RESTRICTIONS | restrictions,
        "times_redeemed": 0,
    }


def discount(coupon: str, promotion_code: str | None, customer: str | None, start: int, end: int | None) -> Obj:
    return {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": customer,
        "customer_account": None,
        "end": end,
        **nulls("invoice invoice_item"),
        "promotion_code": promotion_code,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": start,
        **nulls("subscription subscription_item"),
    }


def readable() -> str:
    """What Stripe makes up when nobody names a coupon or a code."""
    return "".join(secrets.choice(_READABLE) for _ in range(8))
