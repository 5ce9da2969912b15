"""From the package's objects to our values."""

from decimal import Decimal

import stripe

from billing.gateway.objects import (
    METERED_SINCE,
    OWN_PRICE,
    SEATS_PAID,
    SEATS_PAID_UNTIL,
    ChangeState,
    DiscountState,
    InvoiceState,
    ItemState,
    Payment,
    Session,
    SubscriptionState,
)
from billing.gateway.payers import CustomerState, state
from billing.gateway.reading import at, id_of, known, number


def session(found: stripe.checkout.Session) -> Session:
    return Session(
        id=found.id,
        status=found.status or "open",
        paid=found.payment_status != "unpaid",
        url=found.url,
        subscription=id_of(found.subscription),
        codes=tuple(code for one in found.discounts or () if (code := id_of(one.promotion_code))),
    )


def subscription(found: stripe.Subscription) -> SubscriptionState:
    """With its test clock, schedule and discounts expanded; where they are not, they are left out."""
    items = found["items"].data  # `.items` is also a method of the dictionary below
    cancel_at = found.cancel_at or (items[0].current_period_end if found.cancel_at_period_end else None)
    about = found.metadata.to_dict()
    told = found.cancellation_details
    return SubscriptionState(
        id=found.id,
        customer=id_of(found.customer) or "",
        status=found.status,
        items=tuple(_item(one) for one in items),
        currency=found.currency,
        livemode=found.livemode,
        started_at=known(found.created),
        period_start=at(items[0].current_period_start),
        period_end=at(items[0].current_period_end),
        trial_end=at(found.trial_end),
        cancel_at=at(cancel_at),
        ended_at=at(found.ended_at),
        latest_invoice=id_of(found.latest_invoice),
        discounts=tuple(_discount(one) for one in found.discounts or () if not isinstance(one, str)),
        change=_change(found.schedule) if isinstance(found.schedule, stripe.SubscriptionSchedule) else None,
        seats_paid=number(about.get(SEATS_PAID)),
        seats_paid_until=at(number(about.get(SEATS_PAID_UNTIL)) or None),
        metered_since=at(number(about.get(METERED_SINCE)) or None),
        cancel_reason=((told.comment or told.feedback) or "")[:500] or None if told else None,
        clock_at=None if found.test_clock is None or isinstance(found.test_clock, str)
        else known(found.test_clock.frozen_time),
        tenant=about.get("tenant"),
        payer=_payer(found.customer),
    )  # fmt: skip


def _payer(found: str | stripe.Customer) -> CustomerState | None:
    return None if isinstance(found, str) else state(found)


def _item(found: stripe.SubscriptionItem) -> ItemState:
    recurring = found.price.recurring
    return ItemState(
        id=found.id,
        product=id_of(found.price.product) or "",
        interval=recurring.interval if recurring else None,
        amount=found.price.unit_amount or 0,
        quantity=getattr(found, "quantity", None) or 0,
        metered=recurring is not None and recurring.usage_type == "metered",
    )


def _discount(found: stripe.Discount) -> DiscountState:
    coupon = found.source.coupon
    if coupon is None or isinstance(coupon, str):
        return DiscountState(coupon or found.id, None, None, at(found.end), once=False)
    percent = None if coupon.percent_off is None else Decimal(str(coupon.percent_off))
    return DiscountState(
        coupon.name or coupon.id,
        percent,
        coupon.amount_off,
        at(found.end),
        once=coupon.duration == "once",
        own_price=coupon.metadata is not None and OWN_PRICE in coupon.metadata.to_dict(),
    )


def _change(found: stripe.SubscriptionSchedule) -> ChangeState | None:
    """None once it is over. While its last phase runs nothing is to come, but the subscription is still its own."""
    if found.status not in {"active", "not_started"}:
        return None
    last = found.phases[-1].start_date
    current = found.current_phase.start_date if found.current_phase else None
    if last == current:
        return ChangeState(found.id, None, None, None, None)
    about = found.metadata.to_dict() if found.metadata else {}
    version = number(about.get("version")) or None
    return ChangeState(found.id, about.get("plan"), version, about.get("interval"), at(last))


def invoice(found: stripe.Invoice, payment: Payment) -> InvoiceState:
    parent = found.parent.subscription_details if found.parent else None
    return InvoiceState(
        id=found.id,
        customer=id_of(found.customer),
        subscription=id_of(parent.subscription) if parent else None,
        number=found.number,
        status=found.status or "draft",
        reason=found.billing_reason,
        currency=found.currency,
        subtotal=found.subtotal,
        discount=sum(one.amount for one in found.total_discount_amounts or ()),
        tax=sum(one.amount for one in found.total_taxes or ()),
        total=found.total,
        due=found.amount_remaining,
        paid=found.amount_paid,
        refunded=payment.refunded,
        credited=found.pre_payment_credit_notes_amount + found.post_payment_credit_notes_amount,
        attempts=found.attempt_count,
        next_attempt_at=at(found.next_payment_attempt),
        payment=payment.intent,
        confirm=payment.confirm,
        disputed=payment.disputed,
        page_url=found.hosted_invoice_url,
        pdf_url=found.invoice_pdf,
        created_at=known(found.created),
        finalized_at=at(found.status_transitions.finalized_at),
        paid_at=at(found.status_transitions.paid_at),
        elsewhere=payment.elsewhere,
    )


def intent_of(found: stripe.Invoice) -> str | None:
    """The payment intent of an invoice, with its payments expanded: that by which it was paid, else the open one."""
    tried = [one for one in (found.payments.data if found.payments else ()) if one.payment.payment_intent]
    tried.sort(key=lambda one: one.status != "paid")
    return id_of(tried[0].payment.payment_intent) if tried and tried[0].status in {"paid", "open"} else None
