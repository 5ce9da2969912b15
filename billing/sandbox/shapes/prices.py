"""Prices: amounts, tiers and what they are in other currencies; the plan that an item still shows of its price."""

from typing import Any

from billing.sandbox.values import Obj, decimal_of, new_id, nulls, taken


def price(params: dict[str, Any], product_id: str, now: int) -> Obj:
    """Without its tiers and other currencies, which Stripe shows on request only."""
    recurring = params.get("recurring")
    scheme = params.get("billing_scheme", "per_unit")
    return {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": scheme,
        "created": now,
        "currency": params["currency"].lower(),
        **nulls("custom_unit_amount nickname"),
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": {},
        "product": product_id,
        "recurring": recurring and _recurring(recurring),
        "tax_behavior": "unspecified",
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        **_amounts(params, "unit_amount"),
        **taken(params, "nickname metadata tax_behavior"),
    }


def hidden(params: dict[str, Any]) -> dict[str, Any]:
    """Its tiers and what it is in each of its currencies, its own among them."""
    return {
        "tiers": _tiers(params.get("tiers")),
        "currency_options": {
            params["currency"].lower(): option(params),
            **{name.lower(): option(given) for name, given in (params.get("currency_options") or {}).items()},
        },
    }


def option(params: dict[str, Any]) -> Obj:
    """What a price is in one currency."""
    found = {
        "custom_unit_amount": None,
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        **_amounts(params, "unit_amount"),
    }
    return found | ({"tiers": _tiers(params["tiers"])} if params.get("tiers") else {})


def plan(price: Obj) -> Obj:
    recurring = price["recurring"]
    transform = price["transform_quantity"]
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
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": transform,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }


def _amounts(params: dict[str, Any], name: str) -> Obj:
    """An amount as an integer, when it is one, and as a decimal."""
    given = params.get(f"{name}_decimal", params.get(name))
    if given is None:
        return {name: None, f"{name}_decimal": None}
    text = decimal_of(given)
    return {name: int(text) if "." not in text else None, f"{name}_decimal": text}


def _tiers(given: list[dict[str, Any]] | None) -> list[Obj] | None:
    if given is None:
        return None
    return [
        {
            **_amounts(tier, "flat_amount"),
            **_amounts(tier, "unit_amount"),
            "up_to": None if tier["up_to"] == "inf" else tier["up_to"],
        }
        for tier in given
    ]


def _recurring(params: dict[str, Any]) -> Obj:
    return {
        "interval": params["interval"],
        "interval_count": params.get("interval_count", 1),
        "meter": params.get("meter"),
        "trial_period_days": None,
        "usage_type": params.get("usage_type", "licensed"),
    }
