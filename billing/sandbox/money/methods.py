"""Cards as payment methods: made from a number or a test token, attached to a customer."""

from typing import Any

from billing.sandbox import cards, events
from billing.sandbox.account import Account
from billing.sandbox.cards import Card
from billing.sandbox.errors import ApiError, no_such
from billing.sandbox.shapes import people
from billing.sandbox.values import Obj


def from_card(account: Account, card: Card, month: int, year: int, details: dict[str, Any] | None = None) -> Obj:
    made = people.payment_method(card, month, year, details or {}, account.now())
    return account.add(made, number=card.number)


def found(account: Account, wanted: str, param: str = "payment_method") -> Obj:
    """The payment method of an id, or a new one of a test token such as pm_card_visa."""
    if card := cards.by_token(wanted):
        return from_card(account, card, 12, 2034)
    return account.living("payment_method", wanted, param)


def card_of(account: Account, method: Obj) -> Card:
    return cards.by_number(account.private(method["id"])["number"])


def attach(account: Account, method: Obj, customer: Obj) -> Obj:
    """Raises CardDeclined for the cards that a bank refuses at once."""
    if method["customer"] == customer["id"]:
        return method
    if method["customer"]:
        raise ApiError(
            "The payment method you provided has already been attached to a customer.", param="payment_method"
        )
    if decline := card_of(account, method).on_attach:
        raise decline.error()
    method["customer"] = customer["id"]
    account.save(method)
    events.emit(account, "payment_method.attached", method)
    return method


def usable(account: Account, wanted: str, customer: Obj, param: str) -> Obj:
    """A payment method that this customer may pay with; a test token becomes one."""
    if cards.by_token(wanted):
        return attach(account, found(account, wanted, param), customer)
    method = account.living("payment_method", wanted, param)
    if method["customer"] != customer["id"]:
        raise no_such("payment_method", wanted, param)
    return method


def default_of(account: Account, customer: Obj, subscription: Obj | None = None) -> Obj | None:
    """What is charged when nobody says: the subscription's own card, else the customer's."""
    own = subscription["default_payment_method"] if subscription else None
    wanted = own or (customer.get("invoice_settings") or {}).get("default_payment_method")
    return account.find(wanted) if wanted else None


def make_default(account: Account, customer: Obj, method: Obj) -> None:
    if customer["invoice_settings"]["default_payment_method"] != method["id"]:
        customer["invoice_settings"] = customer["invoice_settings"] | {"default_payment_method": method["id"]}
        events.changed(account, "customer.updated", customer)
