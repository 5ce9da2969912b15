"""A Checkout session is completed: customer, card, subscription and first invoice, or nothing at all."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox import cards, events
from billing.sandbox.account import Account
from billing.sandbox.money import charging, methods, subscribing
from billing.sandbox.shapes import people
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


def complete(account: Account, session: Obj, email: str, entry: Entry | None, *, authenticated: bool = False) -> Obj:
    """Raises CardDeclined or ChallengeWanted; nothing has changed then. A complete session stays as it is."""
    if session["status"] == "complete":
        return session
    with account.transaction():
        customer = _customer(account, session, email, entry)
        method = _method(account, customer, entry, email, authenticated=authenticated)
        asked = account.private(session["id"])["subscription"]
        params = asked | ({"default_payment_method": method["id"]} if method else {})
        params["payment_behavior"] = "error_if_incomplete" if method else "default_incomplete"
        subscription = subscribing.subscribe(account, customer, params, authenticated=authenticated)
        return _completed(account, session, customer, email, subscription)


def _completed(account: Account, session: Obj, customer: Obj, email: str, subscription: Obj) -> Obj:
    address = customer["address"] or people.billing_details({})["address"]
    session |= {
        "status": "complete",
        "payment_status": "paid" if session["amount_total"] else "no_payment_required",
        "url": None,
        "customer": customer["id"],
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
        "customer_details": {
            "address": address,
            "business_name": None,
            "email": email,
            "individual_name": None,
            "name": customer["name"],
            "phone": customer["phone"],
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
    account.save(session)
    account.wake(session["id"], None)
    account.keep(session["id"], challenge=None)
    events.emit(account, "checkout.session.completed", session)
    return session


def _customer(account: Account, session: Obj, email: str, entry: Entry | None) -> Obj:
    if session["customer"]:
        customer = account.living("customer", session["customer"], "customer")
        if customer["email"]:
            return customer
        return events.changed(account, "customer.updated", customer | {"email": email})
    details: dict[str, Any] = {"email": email, "name": entry.name if entry else ""}
    return events.added(account, "customer.created", people.customer(details, account.now()))


def _method(account: Account, customer: Obj, entry: Entry | None, email: str, *, authenticated: bool) -> Obj | None:
    if entry is None:
        return None
    method = methods.from_card(
        account, cards.by_number(entry.number), entry.month, entry.year, {"name": entry.name, "email": email}
    )
    methods.attach(account, method, customer)
    if charging.asks_now(account, method) and not authenticated:
        raise ChallengeWanted
    if authenticated:
        account.keep(method["id"], authenticated=True)
    return method
