"""A Checkout session is completed: customer, card, subscription and first invoice, or nothing at all."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox import cards, events
from billing.sandbox.account import Account
from billing.sandbox.money import buyers, charging, methods, sessions, settingup, subscribing
from billing.sandbox.money.buyers import Buyer
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Entry:
    """What a person typed into the card form, found to be well-formed."""

    number: str
    month: int
    year: int
    name: str


class ChallengeWanted(Exception):
    """The card asks for 3-D Secure before anything is charged."""


def complete(account: Account, session: Obj, buyer: Buyer, entry: Entry | None, *, authenticated: bool = False) -> Obj:
    """Raises CardDeclined or ChallengeWanted; nothing has changed then. A complete session stays as it is."""
    if session["status"] == "complete":
        return session
    with account.transaction():
        customer = buyers.customer(account, session, buyer, entry.name if entry else "")
        method = _method(account, session, customer, entry, buyer.email, authenticated=authenticated)
        made = {}
        if customer and session["mode"] == "subscription":
            made = _subscribed(account, session, customer, method, authenticated=authenticated)
        elif method:
            _set_up(account, session, customer, method)
        return _completed(account, session | made, customer, buyer)


def _subscribed(account: Account, session: Obj, customer: Obj, method: Obj | None, *, authenticated: bool) -> Obj:
    asked = account.private(session["id"])["subscription"] | {"discounts": sessions.wanted(session)}
    params = asked | ({"default_payment_method": method["id"]} if method else {})
    params["payment_behavior"] = "error_if_incomplete" if method else "default_incomplete"
    subscription = subscribing.subscribe(account, customer, params, authenticated=authenticated)
    return {
        "payment_status": "paid" if session["amount_total"] else "no_payment_required",
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
    }


def _set_up(account: Account, session: Obj, customer: Obj | None, method: Obj) -> None:
    intent = account.get("setup_intent", session["setup_intent"]) | {"customer": customer and customer["id"]}
    settingup.confirm(account, intent, method, authenticated=True)


def _completed(account: Account, session: Obj, customer: Obj | None, buyer: Buyer) -> Obj:
    session |= {
        "status": "complete",
        "url": None,
        "customer": customer and customer["id"],
        "customer_details": buyers.details(account, customer, buyer),
    }
    if session["automatic_tax"]["enabled"]:
        session["automatic_tax"] = session["automatic_tax"] | {"status": "complete"}
    account.save(session)
    account.wake(session["id"], None)
    account.keep(session["id"], challenge=None)
    events.emit(account, "checkout.session.completed", session)
    return session


def _method(
    account: Account, session: Obj, customer: Obj | None, entry: Entry | None, email: str, *, authenticated: bool
) -> Obj | None:
    if entry is None:
        return None
    details: dict[str, Any] = {"name": entry.name, "email": email}
    method = methods.from_card(account, cards.by_number(entry.number), entry.month, entry.year, details)
    if customer:
        methods.attach(account, method, customer)
    asks = methods.card_of(account, method).secure if session["mode"] == "setup" else charging.asks_now(account, method)
    if asks and not authenticated:
        raise ChallengeWanted
    if authenticated:
        account.keep(method["id"], authenticated=True)
    return method
