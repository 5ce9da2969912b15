"""An invoice's own page, where it can be paid and a payment that waits for its customer is confirmed."""

import re

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from billing.sandbox import cards
from billing.sandbox.account import Account
from billing.sandbox.cards import CARDS
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money import collecting, invoicing, methods
from billing.sandbox.money.checkout import Entry
from billing.sandbox.pages import cardform
from billing.sandbox.pages.secrets_in_urls import check_token, found
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj

blueprint = Blueprint("invoice", __name__)

_NO_INVOICE = "There is no such invoice."
_PAYABLE = {"open", "uncollectible"}


@blueprint.get("/invoices/<wanted>")
def show(wanted: str) -> str:
    account, invoice = found(wanted, "invoice", _NO_INVOICE)
    return _page(account, invoice, {})


@blueprint.post("/invoices/<wanted>")
def pay(wanted: str) -> Response | str | tuple[str, int]:
    account, invoice = found(wanted, "invoice", _NO_INVOICE)
    if invoice["status"] not in _PAYABLE:
        return redirect(request.path, 303)
    check_token(_token(account, invoice))
    entry, wrong = cardform.read(request.form)
    if entry is None:
        return _page(account, invoice, wrong), 422
    try:
        invoice = _paid_with(account, invoice["id"], entry)
    except CardDeclined as error:
        return _page(account, invoice, cardform.declined(error)), 402
    standin().deliveries.wake()
    if invoice["status"] == "paid":
        return redirect(request.path, 303)
    _, intent = invoicing.payment_of(account, invoice)
    if intent["status"] == "requires_action":
        return redirect(f"/authenticate/{intent['id']}", 303)
    return _page(account, invoice, {"card": intent["last_payment_error"]["message"]}), 402


def _paid_with(account: Account, wanted: str, entry: Entry) -> Obj:
    with account.transaction():
        invoice = account.get("invoice", wanted)
        customer = account.living("customer", invoice["customer"])
        method = methods.from_card(
            account,
            cards.by_number(entry.number),
            entry.month,
            entry.year,
            {"name": entry.name, "email": customer["email"]},
        )
        methods.attach(account, method, customer)
        return collecting.collect(account, invoice, method)


def _page(account: Account, invoice: Obj, wrong: dict[str, str]) -> str:
    failed, waits = None, None
    if invoice["status"] in _PAYABLE and not wrong:
        _, intent = invoicing.payment_of(account, invoice)
        failed = (intent["last_payment_error"] or {}).get("message")
        waits = f"/authenticate/{intent['id']}" if intent["status"] == "requires_action" else None
    return render_template(
        "invoice.html",
        invoice=invoice,
        token=_token(account, invoice),
        payable=invoice["status"] in _PAYABLE,
        waits=waits,
        wrong=wrong | ({"card": failed} if failed else {}),
        values=request.form,
        cards=CARDS,
    )


def _token(account: Account, invoice: Obj) -> str:
    if invoice["status"] not in _PAYABLE:
        return ""
    _, intent = invoicing.payment_of(account, invoice)
    return re.sub(r".*_secret_", "", intent["client_secret"])
