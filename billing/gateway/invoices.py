"""Invoices, and the money that goes back."""

from billing.gateway import objects
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import InvoiceState


@reaches_stripe
def fetch(id_: str) -> InvoiceState:
    """An invoice with how much of it has been refunded."""
    found = client().v1.invoices.retrieve(id_, {"expand": ["payments"]})
    payment = objects.payment_of(found) if found.amount_paid else None
    return objects.invoice(found, payment, _refunded(payment) if payment else 0)


@reaches_stripe
def latest(customer: str, most: int = 24) -> list[str]:
    """The ids of a customer's newest invoices."""
    return [found.id for found in client().v1.invoices.list({"customer": customer, "limit": most}).data]


@reaches_stripe
def refund(payment: str, amount: int, *, key: str) -> None:
    """Pay back `amount` of what a payment intent brought. Raises Refused when that is more than is left."""
    client().v1.refunds.create({"payment_intent": payment, "amount": amount}, {"idempotency_key": key})


def _refunded(payment: str) -> int:
    charges = client().v1.charges.list({"payment_intent": payment, "limit": 10}).data
    return sum(charge.amount_refunded for charge in charges)
