"""Invoice items: what waits for a customer's next invoice, and the line it becomes there."""

from typing import Any

from billing.sandbox.values import Obj, new_id, nulls


def of_line(line: Obj, customer: Obj, now: int) -> Obj:
    """What a change of a subscription leaves for its next invoice; `line` is what it would be on one."""
    details = line["parent"]["subscription_item_details"]
    given = {
        "amount": line["amount"],
        "currency": line["currency"],
        "description": line["description"],
        "metadata": line["metadata"],
        "period": line["period"],
        "pricing": line["pricing"],
        "quantity": line["quantity"],
    }
    return invoice_item(given, customer, now) | {
        "discountable": line["discountable"],
        "parent": _parent(details["subscription"], details["subscription_item"]),
        "proration": details["proration"],
        "proration_details": {"credited_items": None, "discount_amounts": []} if details["proration"] else None,
    }


def invoice_item(given: dict[str, Any], customer: Obj, now: int) -> Obj:
    """`given` brings amount, currency, description, pricing and quantity; the rest may be left out."""
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": given["amount"],
        "currency": given["currency"],
        "customer": customer["id"],
        "customer_account": None,
        "date": now,
        "description": given["description"],
        "discountable": given.get("discountable", given["amount"] >= 0),
        "discounts": [],
        "frozen_fields": [],
        "invoice": given.get("invoice"),
        "invoicing_rules": [],
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "net_amount": given["amount"],
        "parent": _parent(given["subscription"], None) if given.get("subscription") else None,
        "period": given.get("period") or {"start": now, "end": now},
        "pricing": given["pricing"],
        "proration": False,
        "proration_details": None,
        "quantity": given["quantity"],
        "quantity_decimal": str(given["quantity"]),
        "tax_rates": [],
        "test_clock": customer.get("test_clock"),
    }


def line(item: Obj) -> Obj:
    """The invoice's line of an invoice item."""
    owner = (item["parent"] or {}).get("subscription_details") or nulls("subscription subscription_item")
    shared = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": {"credited_items": None},
        "subscription": owner["subscription"],
    }
    of_item = owner["subscription_item"] is not None
    details = shared | ({"subscription_item": owner["subscription_item"]} if of_item else {})
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": item["discountable"],
        "discounts": [],
        "invoice": item["invoice"],
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "invoice_item_details": None if of_item else details,
            "subscription_item_details": details if of_item else None,
            "type": "subscription_item_details" if of_item else "invoice_item_details",
        },
        "period": item["period"],
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subscription": owner["subscription"],
        "subtotal": item["amount"],
        "taxes": [],
    }


def _parent(subscription: str, item: str | None) -> Obj:
    return {
        "subscription_details": {"subscription": subscription, "subscription_item": item},
        "type": "subscription_details",
    }
