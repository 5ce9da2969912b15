"""Invoices and credit notes as PDF."""

from flask import Blueprint, Response

from billing.sandbox.pages import pdf
from billing.sandbox.pages.frame import day, money
from billing.sandbox.pages.pdf import Row
from billing.sandbox.pages.secrets_in_urls import found
from billing.sandbox.values import Obj

blueprint = Blueprint("papers", __name__)

_MARK = "Stripe stand-in: test mode, no real money"


@blueprint.get("/invoices/<wanted>/pdf")
def invoice(wanted: str) -> Response:
    _, made = found(wanted, "invoice", "There is no such invoice.")
    due = made["due_date"]
    rows = [
        Row(f"Invoice {made['number'] or ''}", size=18, bold=True),
        Row(f"Date: {day(made['created'])}"),
        *([Row(f"Due: {day(due)}")] if due else []),
        *_people(made),
        *(Row(line["description"] or "", money(line["amount"], line["currency"])) for line in made["lines"]["data"]),
        Row(),
        *_totals(made),
        Row("Amount paid", money(made["amount_paid"], made["currency"])),
        Row("Amount due", money(made["amount_remaining"], made["currency"]), bold=True),
    ]
    return _answer(rows, f"Invoice-{made['number']}")


@blueprint.get("/credit_notes/<wanted>/pdf")
def credit_note(wanted: str) -> Response:
    account, made = found(wanted, "credit_note", "There is no such credit note.")
    of = account.get("invoice", made["invoice"])
    rows = [
        Row(f"Credit note {made['number']}", size=18, bold=True),
        Row(f"Date: {day(made['created'])}"),
        Row(f"For invoice {of['number']}"),
        *_people(of),
        *(
            Row(line["description"] or "Credit", money(line["amount"], made["currency"]))
            for line in made["lines"]["data"]
        ),
        Row(),
        *_totals(made),
    ]
    return _answer(rows, f"Credit-note-{made['number']}")


def _people(made: Obj) -> list[Row]:
    address = made["customer_address"] or {}
    place = " ".join(address.get(name) or "" for name in ("postal_code", "city", "country")).strip()
    told = [made["customer_name"], made["customer_email"], address.get("line1"), place]
    ids = [f"Tax ID {each['value']}" for each in made["customer_tax_ids"] or []]
    return [
        Row(),
        Row(f"From: {made['account_name']}"),
        Row("To:"),
        *(Row(each) for each in [*told, *ids] if each),
        Row(),
    ]


def _totals(made: Obj) -> list[Row]:
    currency = made["currency"]
    off = made.get("discount_amount") or sum(each["amount"] for each in made.get("total_discount_amounts") or [])
    taxes = [Row(f"Tax ({tax['tax_behavior']})", money(tax["amount"], currency)) for tax in made["total_taxes"]]
    return [
        Row("Subtotal", money(made["subtotal"], currency)),
        *([Row("Discount", money(-off, currency))] if off else []),
        *taxes,
        Row("Total", money(made["total"], currency), bold=True),
    ]


def _answer(rows: list[Row], name: str) -> Response:
    response = Response(pdf.written([Row(_MARK), Row(), *rows]), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response
