"""Credit notes, their lines, and moves of a customer's balance."""

from typing import Any

from billing.sandbox.values import Obj, list_of, new_id, nulls


def balance_transaction(customer: str, amount: int, after: int, currency: str, kind: str, now: int) -> Obj:
    return {
        "id": new_id("cbtxn"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": now,
        "credit_note": None,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": None,
        "ending_balance": after,
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


def credit_note(invoice: Obj, lines: list[Obj], number: str, now: int, more: dict[str, Any]) -> Obj:
    """`more` brings the amounts: total, subtotal, taxes, before and after payment."""
    made = new_id("cn")
    return {
        "id": made,
        "object": "credit_note",
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "effective_at": now,
        "invoice": invoice["id"],
        "lines": list_of(lines, f"/v1/credit_notes/{made}/lines"),
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": number,
        "out_of_band_amount": None,
        "pdf": "",
        "reason": None,
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "voided_at": None,
        **more,
    }


def line(amount: int, description: str | None, **more: Any) -> Obj:
    """`amount` is before discounts and without taxes that are added to it."""
    return {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        **nulls("quantity unit_amount unit_amount_decimal"),
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        **more,
    }
