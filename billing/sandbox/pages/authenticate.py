"""The 3-D Secure challenge of a payment or of a card that is set up, as their next_action names it."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.money import charging, collecting, settingup
from billing.sandbox.pages.frame import leads_to
from billing.sandbox.pages.secrets_in_urls import check_token, found
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj

blueprint = Blueprint("authenticate", __name__, url_prefix="/authenticate")

_NO_PAYMENT = "There is no such payment."


@blueprint.get("/<wanted>")
def challenge(wanted: str) -> Response | str:
    account, intent = _intent(wanted)
    if intent["status"] != "requires_action":
        return _after(account, intent)
    leads_to(account.private(wanted).get("return_url"))
    return render_template(
        "challenge.html",
        action=request.path,
        token=intent["client_secret"],
        amount=intent.get("amount"),
        currency=intent.get("currency"),
    )


@blueprint.post("/<wanted>")
def answer(wanted: str) -> Response | str:
    account, intent = _intent(wanted)
    check_token(intent["client_secret"])
    with account.transaction():
        intent = account.get(intent["object"], wanted)
        if intent["status"] == "requires_action":
            _answered(account, intent, passed=request.form.get("result") == "complete")
    standin().deliveries.wake()
    return _after(account, account.get(intent["object"], wanted))


def _intent(wanted: str) -> tuple[Account, Obj]:
    return found(wanted, "setup_intent" if wanted.startswith("seti_") else "payment_intent", _NO_PAYMENT)


def _answered(account: Account, intent: Obj, *, passed: bool) -> None:
    work = settingup if intent["object"] == "setup_intent" else charging
    invoice = account.private(intent["id"]).get("invoice")
    method = account.get("payment_method", intent["payment_method"])
    if not passed:
        work.fail_challenge(account, intent)
    elif invoice:
        collecting.collect(account, account.get("invoice", invoice), method, authenticated=True)
    else:
        work.confirm(account, intent, method, authenticated=True)


def _after(account: Account, intent: Obj) -> Response | str:
    private = account.private(intent["id"])
    if private.get("invoice"):
        return redirect(f"/invoices/{private['invoice']}", 303)
    if private.get("return_url"):
        return redirect(private["return_url"], 303)
    done = intent["status"] == "succeeded"
    title = "The payment is authenticated" if done else "The payment was not authenticated"
    return render_template("message.html", title=title, text="You can close this page.", back=None)
