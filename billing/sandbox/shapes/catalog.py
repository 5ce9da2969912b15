"""Products, prices, and the plan that a subscription item still shows of its price."""

from typing import Any

from billing.sandbox.values import Obj, new_id, nulls, taken


def product(params: dict[str, Any], now: int) -> Obj:
    return {
        "id": params.get("id") or new_id("prod", 14),
        "object": "product",
        "active": params.get("active", True),
        "created": now,
        **nulls("default_price description package_dimensions shippable statement_descriptor tax_code tax_details"),
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "type": "service",
        "updated": now,
        **nulls("unit_label url"),
        **taken(params, "name description images marketing_features metadata shippable statement_descriptor type"),
        **taken(params, "unit_label url tax_code default_price"),
    }


def price(params: dict[str, Any], product_id: str, now: int) -> Obj:
    recurring = params.get("recurring")
    amount = params.get("unit_amount")
    return {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": now,
        "currency": params["currency"].lower(),
        **nulls("custom_unit_amount nickname tiers_mode transform_quantity"),
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": {},
        "product": product_id,
        "recurring": recurring and _recurring(recurring),
        "tax_behavior": "unspecified",
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": None if amount is None else str(amount),
        **taken(params, "nickname metadata tax_behavior"),
    }


def plan(price: Obj) -> Obj:
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "nickname": price["nickname"],
        "product": price["product"],
        **nulls("meter tiers_mode transform_usage trial_period_days"),
        "usage_type": recurring["usage_type"],
    }


def _recurring(params: dict[str, Any]) -> Obj:
    return {
        "interval": params["interval"],
        "interval_count": params.get("interval_count", 1),
        **nulls("meter trial_period_days"),
        "usage_type": params.get("usage_type", "licensed"),
    }
