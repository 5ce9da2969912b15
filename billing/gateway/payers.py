"""Who pays, as Stripe has them: what they owe or have left, and the card that is charged next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import stripe

from billing.gateway.connection import client, reaches_stripe
from billing.gateway.reading import at

_OVER = ("canceled", "incomplete_expired")  # of a subscription that charges nothing any more
# A subscription that was paid for at Checkout has a card of its own, which goes before the customer's.
_WHOLE = ["test_clock", "invoice_settings.default_payment_method", "subscriptions.data.default_payment_method"]


@dataclass(frozen=True)
class CustomerState:
    id: str
    deleted: bool = False  # then nothing else is known of it
    currency: str | None = None
    balance: int = 0  # in the minor unit; below zero: credit
    card_brand: str | None = None  # the kind of payment method, where that is no card
    card_last4: str | None = None
    card_expires: str | None = None  # "2034-12"
    clock_at: datetime | None = None

    @property
    def customer(self) -> str:
        """As other objects name it."""
        return self.id


@reaches_stripe
def fetch_customer(id_: str) -> CustomerState:
    """Raises Missing for one that this key has never known; one that was deleted is `deleted`."""
    found = client().v1.customers.retrieve(id_, {"expand": _WHOLE})
    return state(found)


@reaches_stripe
def on_clock(clock: str) -> list[str]:
    """The customers that live by a test clock."""
    return [one.id for one in client().v1.customers.list({"test_clock": clock, "limit": 100}).auto_paging_iter()]


def state(found: stripe.Customer, subscriptions: Sequence[stripe.Subscription] = ()) -> CustomerState:
    """With its `subscriptions`, where it does not show them itself; their payment methods and its own are expanded."""
    if getattr(found, "deleted", False):  # then there is nothing else
        return CustomerState(found.id, deleted=True)
    clock = found.test_clock
    known = CustomerState(
        id=found.id,
        currency=found.currency,
        balance=found.balance or 0,
        clock_at=None if clock is None or isinstance(clock, str) else at(clock.frozen_time),
    )
    shown = getattr(found, "subscriptions", None)  # which Stripe leaves out unless it is asked for
    return _with_card(known, _charged(found, shown.data if shown else subscriptions))


def _charged(found: stripe.Customer, subscriptions: Sequence[stripe.Subscription]) -> stripe.PaymentMethod | None:
    lasting = [one for one in subscriptions if one.status not in _OVER]
    own = [one.default_payment_method for one in sorted(lasting, key=lambda one: (one.created, one.id))[-1:]]
    usual = found.invoice_settings.default_payment_method if found.invoice_settings else None
    known = (one for one in [*own, usual] if one is not None and not isinstance(one, str))
    return next((one for one in known if one.customer), None)  # one that was taken off charges nothing


def _with_card(found: CustomerState, method: stripe.PaymentMethod | None) -> CustomerState:
    if method is None:
        return found
    if method.card is None:
        return replace(found, card_brand=method.type)
    card = method.card
    expires = f"{card.exp_year}-{card.exp_month:02}"
    return replace(found, card_brand=card.brand, card_last4=card.last4, card_expires=expires)
