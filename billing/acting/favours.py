"""What an admin gives a paying customer: credit, a price of their own, what they have not used of a period back."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from billing.acting.acts import act, keep, send, sent
from billing.entitlement import entitlements
from billing.errors import BadCredit, BadMonths, BadPrice, NoSubscription
from billing.gateway import invoices, payers, previews, reductions, subscriptions
from billing.inbox import reconcile
from billing.mirrored import mirror
from billing.models import Customer, Subscription
from billing.money import shown, whole
from billing.plans import catalog
from billing.plans.catalog import Interval
from billing.plans.model import PLAN, part_id
from saas.core.database import outside

MOST_CREDIT = 10**8  # in the minor unit
_LONGEST_MONTH = timedelta(days=31)
_BEGINS = ("subscription_create", "subscription_cycle")  # the invoice that a period begins with by itself


class _Paid(NamedTuple):
    """An invoice that was paid, in the minor unit."""

    invoice: str
    payment: str
    amount: int
    refunded: int  # as far as we know


class _Part(NamedTuple):
    """What goes back of one."""

    invoice: str
    payment: str
    amount: int


def credit(tenant: str, amount: int, *, actor: str, reason: str, key: UUID | None = None) -> Customer:
    """Take `amount` off the next invoices. Raises NoSubscription where nobody ever paid, and BadCredit."""
    entitlements.lock(tenant)
    customer = mirror.customer_of(tenant)
    if customer is None or customer.stripe_id is None:
        raise NoSubscription
    if not (whole(amount) and 0 < amount <= MOST_CREDIT):
        raise BadCredit
    payer, currency = customer.stripe_id, currency_of(tenant)
    before = {"balance": customer.balance}
    after = {"balance": customer.balance - amount}
    with act(
        "credit.given", tenant, actor, reason, key, kept=False, before=before, after=after, currency=currency
    ) as asked:
        reductions.credit(payer, amount, currency, text=reason[:350], key=asked.key)
    asked_at = mirror.now()
    with outside():
        found = payers.fetch_customer(payer)
    entitlements.lock(tenant)
    mirror.store(tenant, found, asked_at)
    stored = mirror.customer_of(tenant)
    if stored is None:
        raise LookupError(payer)
    return stored


def currency_of(tenant: str) -> str:
    """In which somebody pays, or would."""
    customer, subscription = mirror.customer_of(tenant), mirror.subscription_of(tenant)
    theirs = (customer and customer.currency) or (subscription and subscription.currency)
    return theirs or catalog.CURRENCY


def own_price(
    tenant: str, amount: int, months: int | None, *, actor: str, reason: str, key: UUID | None = None
) -> Subscription:
    """Let the plan cost `amount` for an interval, from the next invoice on, for so many months or, with None, for good.

    It is a coupon at Stripe, so that it ends there by itself; it ends with a change of the plan or interval too, of
    which it would be another part. Raises NoSubscription, BadPrice and, where the months would be over before the next
    invoice, BadMonths.
    """
    entitlements.lock(tenant)
    old = mirror.live(tenant)
    if not (whole(amount) and 0 <= amount < old.amount):
        raise BadPrice(shown(old.amount, old.currency))
    id_, off, currency, product = old.id, old.amount - amount, old.currency, _product(old)
    if months and over_before_charged(old, months):
        raise BadMonths
    name = f"{shown(amount, currency)} a {old.interval or Interval.MONTH}"
    before = {"amount": old.amount, "discount": old.discount}
    after = {"amount": amount, "months": months}
    told: dict[str, Any] = {"before": before, "after": after, "currency": currency, "interval": old.interval}
    with act("price.given", tenant, actor, reason, key, **told) as asked:
        coupon = reductions.own_price(
            name=name, off=off, currency=currency, product=product, months=months, key=f"{asked.key}:coupon"
        )
        subscriptions.reduce(id_, coupon, key=asked.key)
    return keep(asked, id_)


def over_before_charged(old: Subscription, months: int) -> bool:
    """Whether a price for so many months would be over before the next invoice, which it is for."""
    return old.period_end is not None and old.period_end - mirror.time_of(old.tenant) > months * _LONGEST_MONTH


def worth(tenant: str) -> int:
    """What the unused rest of the period is worth, as far as it was paid and is not back yet.

    Raises NoSubscription and StripeAway.
    """
    mirror.live(tenant)
    _catch_up(tenant)
    old, customer = mirror.live(tenant), mirror.customer_of(tenant)
    id_, payer, paid = old.id, (customer and customer.stripe_id) or "", _paid(old)
    with outside():
        return sum(part.amount for part in _parts(id_, payer, paid))


def cancel_and_refund(tenant: str, *, actor: str, reason: str, key: UUID | None = None) -> int:
    """End the subscription now and pay back what is not used of its period; returns how much that was.

    The money goes first: whoever comes again after a failure still finds the subscription, and Stripe tells what has
    gone back already. Raises NoSubscription.
    """
    try:
        planned = worth(tenant)
    except NoSubscription:
        if told := sent("subscription.ended", tenant, key):  # by the same form, whose answer got lost
            return int(told["refunded"])
        raise
    entitlements.lock(tenant)
    old, customer = mirror.live(tenant), mirror.customer_of(tenant)
    id_, payer, paid, ends = old.id, (customer and customer.stripe_id) or "", _paid(old), old.cancel_at
    before, after = {"ends": ends and ends.isoformat()}, {"ends": "now", "refunded": planned}
    currency = old.currency
    with act("subscription.ended", tenant, actor, reason, key, before=before, after=after, currency=currency) as asked:
        parts = _parts(id_, payer, paid)
        for part in parts:
            invoices.refund(part.payment, part.amount, key=f"{asked.key}:{part.payment}:{part.amount}", ended=id_)
        gone = sum(invoices.paid_back_at_end(one.payment, id_) for one in paid)  # also by a form that broke off
        send(asked, subscription=id_, refunded=gone, currency=currency)
        subscriptions.cancel_now(id_, key=asked.key, comment=reason)
    keep(asked, id_)
    for part in parts:
        _look_at(tenant, part.invoice)
    return sum(part.amount for part in parts)


def _catch_up(tenant: str) -> None:
    """An invoice of just now, as of a change of plan, may be one that no event has told of yet."""
    if wanted := reconcile.whom(tenant):
        with outside():
            looked = reconcile.ask(wanted)
        reconcile.keep(tenant, looked)


def _parts(subscription: str, payer: str, paid: Sequence[_Paid]) -> list[_Part]:
    """What goes back of which payment, the newest first. To be called with no transaction open."""
    if not paid:  # as in a trial, of which Stripe has no invoice to show
        return []
    back = {one.payment: invoices.paid_back_at_end(one.payment, subscription) for one in paid}
    left, parts = previews.unused(subscription, customer=payer) - sum(back.values()), list[_Part]()
    for one in paid:
        amount = min(left, one.amount - max(one.refunded, back[one.payment]))
        if amount > 0:
            parts.append(_Part(one.invoice, one.payment, amount))
            left -= amount
    return parts


def _look_at(tenant: str, invoice: str) -> None:
    asked_at = mirror.now()
    with outside():
        found = invoices.fetch(invoice)
    mirror.store(tenant, found, asked_at)


def _product(old: Subscription) -> str:
    return part_id(old.plan or "", old.version or 1, PLAN)


def _paid(old: Subscription) -> list[_Paid]:
    """What was paid for the period that runs, the newest first.

    Also what was paid for one that gave way to it before its end, as when somebody goes from the month to the year: its
    rest was taken off the newer invoice.
    """
    found = list[_Paid]()
    for one in mirror.invoices_of(old.tenant):
        if one.subscription == old.id and one.payment and one.paid:
            found.append(_Paid(one.id, one.payment, one.paid, one.refunded))
        if one.subscription == old.id and one.reason in _BEGINS:
            break
    return found
