"""Products."""

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
