"""What the Checkout pages share: their session, how it is shown, where it leads."""

from typing import Any

from flask import render_template

from billing.sandbox.account import Account
from billing.sandbox.cards import CARDS
from billing.sandbox.pages import buyerform
from billing.sandbox.pages.frame import leads_to
from billing.sandbox.pages.secrets_in_urls import found
from billing.sandbox.values import Obj


def session_of(wanted: str) -> tuple[Account, Obj]:
    """Whoever knows the id may pay: it is the secret."""
    return found(
        wanted, "checkout.session", "There is no such Checkout page. Go back to where you came from and start again."
    )


def page(account: Account, session: Obj, values: Any, wrong: dict[str, str], told: str | None = None) -> str:
    private = account.private(session["id"])
    leads_to(session["success_url"])
    return render_template(
        "checkout.html" if session["mode"] == "subscription" else "checkout_setup.html",
        session=session,
        lines=private["lines"],
        trial=private["subscription"].get("trial_period_days"),
        trial_end=private["subscription"].get("trial_end"),
        token=private["form"],
        email=buyerform.known_email(account, session),
        asks_address=buyerform.asks_address(account, session),
        needs_card=needs_card(session),
        discounts=[_named(account, each) for each in session["discounts"] or []],
        values=values,
        wrong=wrong,
        told=told,
        cards=CARDS,
    )


def needs_card(session: Obj) -> bool:
    return bool(session["payment_method_collection"] == "always" or session["amount_total"])


def success(session: Obj) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def ended(session: Obj) -> str:
    done, bought = session["status"] == "complete", session["mode"] != "setup"
    back = success(session) if done else session["cancel_url"]
    title = (
        ("This has already been paid" if bought else "The card is saved") if done else "This Checkout page has expired"
    )
    text = "Nothing more is to be done here." if done else "No card was charged. Go back and start again."
    return render_template("message.html", title=title, text=text, back=back)


def _named(account: Account, discount: Obj) -> str:
    """What a discount is called on the page: the code that was entered, or the coupon's name."""
    if discount["promotion_code"]:
        return str(account.get("promotion_code", discount["promotion_code"])["code"])
    coupon = account.get("coupon", discount["coupon"])
    return str(coupon.get("name") or coupon["id"])
