"""Invoices, and the money that goes back."""

from typing import NamedTuple

import stripe

from billing.gateway import parsing
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import ACT, ENDED, InvoiceState, Payment, Refund
from billing.gateway.reading import id_of

_TRIED = 10  # charges of one payment, most of which have failed
_NO_MONEY = ("failed", "canceled")  # of a refund


class Brief(NamedTuple):
    """As much of an invoice as tells whether it is as it was."""

    id: str
    status: str
    due: int
    paid: int
    credited: int

    def amounts(self) -> dict[str, str | int]:
        """What of it changes, by the columns of ours."""
        return {"status": self.status, "due": self.due, "paid": self.paid, "credited": self.credited}


@reaches_stripe
def fetch(id_: str) -> InvoiceState:
    """An invoice with how its payment stands."""
    return _with_payment(client().v1.invoices.retrieve(id_, {"expand": ["payments"]}))


@reaches_stripe
def of_payment(intent: str) -> str | None:
    """The id of the invoice that a payment intent was for; None of a payment for something else."""
    wanted: stripe.params.InvoicePaymentListParams = {
        "payment": {"type": "payment_intent", "payment_intent": intent},
        "limit": 1,
    }
    found = client().v1.invoice_payments.list(wanted).data
    return id_of(found[0].invoice) if found else None


@reaches_stripe
def briefly(customer: str) -> list[Brief]:
    """A customer's hundred newest invoices, the newest first."""
    return [brief(found) for found in client().v1.invoices.list({"customer": customer, "limit": 100}).data]


def brief(found: stripe.Invoice) -> Brief:
    credited = found.pre_payment_credit_notes_amount + found.post_payment_credit_notes_amount
    return Brief(found.id, found.status or "draft", found.amount_remaining, found.amount_paid, credited)


@reaches_stripe
def open_of(subscription: str, most: int) -> list[str]:
    """The ids of the newest invoices of a subscription that wait to be paid."""
    asked = client().v1.invoices.list({"subscription": subscription, "status": "open", "limit": most})
    return [found.id for found in asked.data]


@reaches_stripe
def pay(id_: str, *, key: str, method: str | None = None) -> None:
    """Collect an open invoice from a card, or from the one that is charged as a rule; its owner is there.

    Raises CardDeclined, also where the bank asks the owner to confirm it, and Refused of one that is not open.
    """
    wanted: stripe.params.InvoicePayParams = {"off_session": False}
    if method:
        wanted["payment_method"] = method
    client().v1.invoices.pay(id_, wanted, {"idempotency_key": key})


@reaches_stripe
def refund(payment: str, amount: int, *, key: str, ended: str = "") -> None:
    """Pay back `amount` of what a payment intent brought, of a subscription that has `ended` if one is named.

    Raises Refused when that is more than is left.
    """
    about = {ACT: key, **({ENDED: ended} if ended else {})}
    wanted: stripe.params.RefundCreateParams = {"payment_intent": payment, "amount": amount, "metadata": about}
    client().v1.refunds.create(wanted, {"idempotency_key": key})


@reaches_stripe
def paid_back_at_end(payment: str, subscription: str) -> int:
    """What of a payment has gone back for the end of a subscription."""
    found = client().v1.refunds.list({"payment_intent": payment, "limit": 100}).data
    moved = [
        (one.amount, one.metadata.to_dict() if one.metadata else {}) for one in found if one.status not in _NO_MONEY
    ]
    return sum(amount for amount, about in moved if about.get(ENDED) == subscription)


def _with_payment(found: stripe.Invoice) -> InvoiceState:
    intent = parsing.intent_of(found)
    if intent is None or not (found.amount_paid or found.attempt_count):
        return parsing.invoice(found, Payment())
    if not found.amount_paid:
        waits = client().v1.payment_intents.retrieve(intent).status == "requires_action"
        return parsing.invoice(found, Payment(confirm=waits))
    asked: stripe.params.ChargeListParams = {"payment_intent": intent, "limit": _TRIED, "expand": ["data.refunds"]}
    charges = client().v1.charges.list(asked).data
    refunded, disputed = sum(one.amount_refunded for one in charges), any(one.disputed for one in charges)
    elsewhere = tuple(each for charge in charges if charge.amount_refunded for each in _elsewhere(charge))
    return parsing.invoice(found, Payment(intent, refunded, disputed, elsewhere=elsewhere))


def _elsewhere(charge: stripe.Charge) -> list[Refund]:
    made = charge.refunds.data if charge.refunds else []
    moved = (one for one in made if one.status not in _NO_MONEY)
    return [Refund(one.id, one.amount) for one in moved if not _ours(one)]


def _ours(refund: stripe.Refund) -> bool:
    return refund.metadata is not None and ACT in refund.metadata.to_dict()
