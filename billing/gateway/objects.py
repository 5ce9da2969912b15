"""What Stripe says, as values of our own. Amounts are in the currency's minor unit, times are aware and in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe


@dataclass(frozen=True)
class Session:
    """A Checkout session."""

    id: str
    status: str  # "open", "complete" or "expired"
    paid: bool  # or nothing to pay yet
    url: str | None
    subscription: str | None


@dataclass(frozen=True)
class SubscriptionState:
    id: str
    customer: str
    status: str
    product: str
    interval: str | None  # "month", "year"; None of a price that is paid once
    item: str
    amount: int
    currency: str
    livemode: bool
    started_at: datetime
    period_end: datetime | None
    trial_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    latest_invoice: str | None


@dataclass(frozen=True)
class InvoiceState:
    id: str
    customer: str | None
    subscription: str | None
    number: str | None
    status: str
    currency: str
    total: int
    due: int
    paid: int
    refunded: int
    attempts: int
    next_attempt_at: datetime | None
    payment: str | None
    page_url: str | None
    pdf_url: str | None
    created_at: datetime


def session(found: stripe.checkout.Session) -> Session:
    return Session(
        id=found.id,
        status=found.status or "open",
        paid=found.payment_status != "unpaid",
        url=found.url,
        subscription=_id(found.subscription),
    )


def subscription(found: stripe.Subscription) -> SubscriptionState:
    item = found["items"].data[0]  # `.items` is also a method of the dictionary below
    cancel_at = found.cancel_at or (item.current_period_end if found.cancel_at_period_end else None)
    return SubscriptionState(
        id=found.id,
        customer=_id(found.customer) or "",
        status=found.status,
        product=_id(item.price.product) or "",
        interval=item.price.recurring.interval if item.price.recurring else None,
        item=item.id,
        amount=item.price.unit_amount or 0,
        currency=found.currency,
        livemode=found.livemode,
        started_at=_known(found.created),
        period_end=at(item.current_period_end),
        trial_end=at(found.trial_end),
        cancel_at=at(cancel_at),
        ended_at=at(found.ended_at),
        latest_invoice=_id(found.latest_invoice),
    )


def invoice(found: stripe.Invoice, payment: str | None, refunded: int) -> InvoiceState:
    parent = found.parent.subscription_details if found.parent else None
    return InvoiceState(
        id=found.id,
        customer=_id(found.customer),
        subscription=_id(parent.subscription) if parent else None,
        number=found.number,
        status=found.status or "draft",
        currency=found.currency,
        total=found.total,
        due=found.amount_remaining,
        paid=found.amount_paid,
        refunded=refunded,
        attempts=found.attempt_count,
        next_attempt_at=at(found.next_payment_attempt),
        payment=payment,
        page_url=found.hosted_invoice_url,
        pdf_url=found.invoice_pdf,
        created_at=_known(found.created),
    )


def payment_of(found: stripe.Invoice) -> str | None:
    """The payment intent by which an invoice was paid, with its payments expanded."""
    for one in found.payments.data if found.payments else ():
        if one.status == "paid" and one.payment.payment_intent:
            return _id(one.payment.payment_intent)
    return None


def at(seconds: int | None) -> datetime | None:
    return None if seconds is None else _known(seconds)


def _known(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _id(found: Any) -> str | None:
    """Of an object that Stripe names, or shows whole where it was asked to."""
    return found if found is None or isinstance(found, str) else str(found.id)
