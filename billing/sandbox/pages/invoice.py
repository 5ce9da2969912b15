"""An invoice's own page, where it can be paid, and the 3-D Secure challenge of a payment intent."""

import re

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from billing.sandbox import cards
from billing.sandbox.account import Account
from billing.sandbox.cards import CARDS
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money import charging, collecting, invoicing, methods
from billing.sandbox.money.checkout import Entry
from billing.sandbox.pages import cardform
from billing.sandbox.pages.secrets_in_urls import check_token, found
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj

blueprint = Blueprint("invoice", __name__)

_NO_INVOICE = "There is no such invoice."
_NO_PAYMENT = "There is no such payment."


@blueprint.get("/invoices/<wanted>")
@blueprint.get("/invoices/<wanted>/print")
def show(wanted: str) -> str:
    account, invoice = found(wanted, "invoice", _NO_INVOICE)
    return _page(account, invoice, {})


@blueprint.post("/invoices/<wanted>")
def pay(wanted: str) -> Response | str | tuple[str, int]:
    account, invoice = found(wanted, "invoice", _NO_INVOICE)
    if invoice["status"] != "open":
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


@blueprint.get("/authenticate/<wanted>")
def challenge(wanted: str) -> Response | str:
    account, intent = found(wanted, "payment_intent", _NO_PAYMENT)
    if intent["status"] != "requires_action":
        return _after(account, intent)
    return render_template(
        "challenge.html",
        action=request.path,
        token=intent["client_secret"],
        amount=intent["amount"],
        currency=intent["currency"],
    )


@blueprint.post("/authenticate/<wanted>")
def authenticate(wanted: str) -> Response | str:
    account, intent = found(wanted, "payment_intent", _NO_PAYMENT)
    check_token(intent["client_secret"])
    with account.transaction():
        intent = account.get("payment_intent", wanted)
        if intent["status"] == "requires_action":
            _answered(account, intent, passed=request.form.get("result") == "complete")
    standin().deliveries.wake()
    return _after(account, account.get("payment_intent", wanted))


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


def _answered(account: Account, intent: Obj, *, passed: bool) -> None:
    invoice = account.private(intent["id"]).get("invoice")
    method = account.get("payment_method", intent["payment_method"])
    if not passed:
        charging.fail_challenge(account, intent)
    elif invoice:
        collecting.collect(account, account.get("invoice", invoice), method, authenticated=True)
    else:
        charging.confirm(account, intent, method, authenticated=True)


def _after(account: Account, intent: Obj) -> Response | str:
    invoice = account.private(intent["id"]).get("invoice")
    if invoice:
        return redirect(f"/invoices/{invoice}", 303)
    done = intent["status"] == "succeeded"
    title = "The payment is authenticated" if done else "The payment was not authenticated"
    return render_template("message.html", title=title, text="You can close this page.", back=None)


def _page(account: Account, invoice: Obj, wrong: dict[str, str]) -> str:
    failed = None
    if invoice["status"] == "open" and not wrong:
        _, intent = invoicing.payment_of(account, invoice)
        failed = (intent["last_payment_error"] or {}).get("message")
    return render_template(
        "invoice.html",
        invoice=invoice,
        token=_token(account, invoice),
        wrong=wrong | ({"card": failed} if failed else {}),
        values=request.form,
        cards=CARDS,
    )


def _token(account: Account, invoice: Obj) -> str:
    if invoice["status"] != "open":
        return ""
    _, intent = invoicing.payment_of(account, invoice)
    return re.sub(r".*_secret_", "", intent["client_secret"])
