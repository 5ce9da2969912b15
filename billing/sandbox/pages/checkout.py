"""The Checkout page: a card is entered, declined or taken; 3-D Secure; back to where the call said."""

import re
from dataclasses import asdict
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.cards import CARDS
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money import checkout
from billing.sandbox.money.checkout import ChallengeWanted, Entry
from billing.sandbox.pages import cardform
from billing.sandbox.pages.frame import leads_to
from billing.sandbox.pages.secrets_in_urls import check_token, found, token_of
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj

blueprint = Blueprint("checkout", __name__, url_prefix="/checkout")

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
_NOT_PROVED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@blueprint.get("/<wanted>")
def show(wanted: str) -> str:
    account, session = _session(wanted)
    return _ended(session) if session["status"] != "open" else _page(account, session, {}, {})


@blueprint.post("/<wanted>")
def pay(wanted: str) -> Response | str | tuple[str, int]:
    account, session = _session(wanted)
    if session["status"] == "complete":
        return redirect(_success(session), 303)
    if session["status"] != "open":
        return _ended(session)
    check_token(token_of(account, session))
    email = _email(account, session)
    entry, wrong = cardform.read(request.form) if _needs_card(session) else (None, {})
    if not _EMAIL.fullmatch(email):
        wrong["email"] = "Enter an email address, such as name@example.com."
    return (_page(account, session, request.form, wrong), 422) if wrong else _complete(account, session, email, entry)


@blueprint.get("/<wanted>/authenticate")
def challenge(wanted: str) -> Response | str:
    account, session = _session(wanted)
    private = account.private(session["id"])
    if session["status"] != "open" or not private.get("challenge"):
        return redirect(f"/checkout/{wanted}", 303)
    leads_to(session["success_url"])
    return render_template(
        "challenge.html",
        action=request.path,
        token=private["form"],
        amount=session["amount_total"],
        currency=session["currency"],
    )


@blueprint.post("/<wanted>/authenticate")
def authenticate(wanted: str) -> Response | str | tuple[str, int]:
    account, session = _session(wanted)
    if session["status"] == "complete":
        return redirect(_success(session), 303)
    check_token(token_of(account, session))
    given = account.private(session["id"]).get("challenge")
    if not given:
        return redirect(f"/checkout/{wanted}", 303)
    if request.form.get("result") != "complete":
        account.keep(session["id"], challenge=None)
        return _page(account, session, {"email": given["email"]}, {"card": _NOT_PROVED}), 402
    return _complete(account, session, given["email"], Entry(**given["entry"]), authenticated=True)


def _complete(
    account: Account, session: Obj, email: str, entry: Entry | None, *, authenticated: bool = False
) -> Response | tuple[str, int]:
    try:
        with account.transaction():
            session = checkout.complete(
                account, account.get("checkout.session", session["id"]), email, entry, authenticated=authenticated
            )
    except CardDeclined as error:
        return _page(account, session, request.form or {"email": email}, cardform.declined(error)), 402
    except ChallengeWanted:
        account.keep(session["id"], challenge={"email": email, "entry": asdict(entry) if entry else {}})
        return redirect(f"/checkout/{session['id']}/authenticate", 303)
    standin().deliveries.wake()
    return redirect(_success(session), 303)


def _session(wanted: str) -> tuple[Account, Obj]:
    """Whoever knows the id may pay: it is the secret."""
    return found(
        wanted, "checkout.session", "There is no such Checkout page. Go back to where you came from and start again."
    )


def _page(account: Account, session: Obj, values: Any, wrong: dict[str, str]) -> str:
    private = account.private(session["id"])
    leads_to(session["success_url"])
    return render_template(
        "checkout.html",
        session=session,
        lines=private["lines"],
        trial=private["subscription"].get("trial_period_days"),
        trial_end=private["subscription"].get("trial_end"),
        token=private["form"],
        email=_known_email(account, session),
        needs_card=_needs_card(session),
        values=values,
        wrong=wrong,
        cards=CARDS,
    )


def _needs_card(session: Obj) -> bool:
    return bool(session["payment_method_collection"] == "always" or session["amount_total"])


def _known_email(account: Account, session: Obj) -> str | None:
    customer = account.find(session["customer"]) if session["customer"] else None
    return session["customer_email"] or (customer or {}).get("email")


def _email(account: Account, session: Obj) -> str:
    return (_known_email(account, session) or request.form.get("email", "")).strip()


def _success(session: Obj) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _ended(session: Obj) -> str:
    paid = session["status"] == "complete"
    back = _success(session) if paid else session["cancel_url"]
    title = "This has already been paid" if paid else "This Checkout page has expired"
    text = "Nothing more is to be done here." if paid else "No card was charged. Go back and start again."
    return render_template("message.html", title=title, text=text, back=back)
