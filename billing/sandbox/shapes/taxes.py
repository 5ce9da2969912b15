"""Tax rates, tax ids, and what an invoice's line shows of a tax."""

from typing import Any

from billing.sandbox.values import Obj, merged, new_id, nulls, taken

_FIELDS = "active country description display_name jurisdiction state tax_type"


def tax_rate(params: dict[str, Any], now: int) -> Obj:
    return {
        "id": new_id("txr"),
        "object": "tax_rate",
        "active": True,
        **nulls("country description"),
        "created": now,
        "display_name": "",
        "effective_percentage": params["percentage"],
        "flat_amount": None,
        "inclusive": params["inclusive"],
        **nulls("jurisdiction jurisdiction_level state tax_type"),
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "percentage": params["percentage"],
        "rate_type": "percentage",
        **taken(params, _FIELDS),
    }


def tax(amount: int, rate: Obj | None, reason: str, taxable: int, *, inclusive: bool) -> Obj:
    """`taxable` is without the tax."""
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]} if rate else None,
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def tax_id(customer: str, kind: str, value: str, now: int) -> Obj:
    country = kind.split("_", maxsplit=1)[0].upper() if kind != "eu_vat" else value[:2].upper().replace("EL", "GR")
    return {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": country,
        "created": now,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "owner": {**nulls("account application customer_account"), "customer": customer, "type": "customer"},
        "type": kind,
        "value": value,
        "verification": {"status": "pending", **nulls("verified_address verified_name")},
    }
