"""Customers and their cards."""

import hashlib
from typing import Any

from billing.sandbox.cards import Card
from billing.sandbox.values import Obj, new_id, nulls, taken

_ADDRESS = "city country line1 line2 postal_code state"
CUSTOMER_FIELDS = "address description email name phone tax_exempt preferred_locales shipping"


def customer(params: dict[str, Any], now: int) -> Obj:
    found = {
        "id": new_id("cus", 14),
        "object": "customer",
        **nulls("address business_name currency default_source description discount email individual_name name phone"),
        "balance": params.get("balance", 0),
        "created": now,
        "customer_account": None,
        "delinquent": False,
        "invoice_prefix": new_id("x", 8)[2:].upper(),
        "invoice_settings": invoice_settings(None),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": params.get("test_clock"),
        **taken(params, CUSTOMER_FIELDS),
    }
    return found | addressed(found)


def addressed(found: Obj) -> Obj:
    """Addresses with all their fields."""
    shipping = found["shipping"]
    return {
        "address": found["address"] and {**nulls(_ADDRESS), **found["address"]},
        "shipping": shipping
        and {
            **nulls("address carrier name phone tracking_number"),
            **shipping,
            "address": {**nulls(_ADDRESS), **(shipping.get("address") or {})},
        },
    }


def invoice_settings(payment_method: str | None) -> Obj:
    return {"custom_fields": None, "default_payment_method": payment_method, "footer": None, "rendering_options": None}


def payment_method(card: Card, month: int, year: int, details: dict[str, Any], now: int) -> Obj:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(details),
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": card.country,
            "display_brand": card.brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": fingerprint(card.number),
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def billing_details(params: dict[str, Any]) -> Obj:
    address = {**nulls(_ADDRESS), **(params.get("address") or {})}
    return {**nulls("email name phone tax_id"), **taken(params, "email name phone tax_id"), "address": address}


def fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]
