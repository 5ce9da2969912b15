"""Promotion codes: what somebody types in to pay less."""

from dataclasses import dataclass

import stripe

from billing.gateway.connection import client, reaches_stripe


@dataclass(frozen=True)
class Promotion:
    id: str
    currencies: frozenset[str] | None = None  # whose prices it is for; None: of all, since it takes off a share
    first_only: bool = False  # for who has paid nothing yet


@reaches_stripe
def find(code: str) -> Promotion | None:
    """A code that can be used still, whatever its case; None: there is none, or it is over."""
    expand = ["data.promotion.coupon.currency_options"]
    found = client().v1.promotion_codes.list({"code": code, "active": True, "limit": 1, "expand": expand}).data
    return _promotion(found[0]) if found else None


def _promotion(found: stripe.PromotionCode) -> Promotion:
    coupon, first = found.promotion.coupon, found.restrictions.first_time_transaction
    if not isinstance(coupon, stripe.Coupon) or coupon.currency is None:
        return Promotion(found.id, first_only=first)
    others = coupon.currency_options.to_dict() if coupon.currency_options else {}
    return Promotion(found.id, frozenset({coupon.currency, *others}), first)
