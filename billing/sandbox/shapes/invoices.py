"""Invoices, their lines, and what links them to payments."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox.values import Obj, list_of, new_id, nulls


@dataclass(frozen=True)
class Charge:
    amount: int  # in the currency's minor unit
    quantity: int
    currency: str
    unit: str | None = None  # what one costs, as a decimal


def line(item: Obj, of: Charge, period: tuple[int, int], text: str, *, proration: bool = False) -> Obj:
    """One line for a subscription's item."""
    price = item["price"]
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": of.amount,
        "currency": of.currency,
        "description": text,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": of.unit,
        },
        "quantity": of.quantity,
        "quantity_decimal": str(of.quantity),
        "subscription": item["subscription"],
        "subtotal": of.amount,
        "taxes": [],
    }


def invoice(customer: Obj, subscription: Obj | None, lines: list[Obj], more: dict[str, Any], now: int) -> Obj:
    """A draft. `more` brings at least billing_reason, period_start and period_end."""
    made = new_id("in")
    total = sum(entry["amount"] for entry in lines)
    entries = [entry | {"invoice": made} for entry in lines]
    return {
        "id": made,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Stand-in",
        "account_tax_ids": None,
        "amount_due": max(total, 0),
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": max(total, 0),
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": nulls("disabled_reason liability provider status") | {"enabled": False},
        "automatically_finalizes_at": None,
        "collection_method": subscription["collection_method"] if subscription else "charge_automatically",
        "created": now,
        "currency": subscription["currency"] if subscription else "usd",
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        **nulls("default_payment_method default_source description due_date effective_at ending_balance footer"),
        "default_tax_rates": [],
        "discounts": [],
        **nulls("from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision"),
        "issuer": {"type": "self"},
        "lines": list_of(entries, f"/v1/invoices/{made}/lines"),
        "livemode": False,
        "metadata": {},
        **nulls("next_payment_attempt number on_behalf_of"),
        "parent": subscription and _parent(subscription),
        "payment_settings": nulls("default_mandate payment_method_options payment_method_types"),
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        **nulls("receipt_number rendering shipping_cost shipping_details statement_descriptor"),
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": nulls("finalized_at marked_uncollectible_at paid_at voided_at"),
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": customer.get("test_clock"),
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": now,
        **more,
    }


def payment(invoice: Obj, intent: Obj, now: int) -> Obj:
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": nulls("canceled_at paid_at"),
    }


def _parent(subscription: Obj) -> Obj:
    return {
        "quote_details": None,
        "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
        "type": "subscription_details",
    }
