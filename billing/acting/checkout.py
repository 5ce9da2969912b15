"""A business pays: the intent, then the session at Stripe. One payment is open for a tenant at a time."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from billing.acting import customers
from billing.entitlement import entitlements, trials
from billing.entitlement.entitlements import Cause
from billing.errors import AlreadySubscribed, Missing, PayFirst, Refused, StripeFailed, Superseded, UnknownCheckout
from billing.gateway import checkouts as gateway
from billing.gateway.objects import Session
from billing.inbox import following
from billing.mirrored import mirror
from billing.models import LIVE_CHECKOUT, Checkout, CheckoutState
from billing.offering import shaping
from billing.plans.catalog import Price
from saas.core import audit
from saas.core.database import db, outside, separate
from saas.core.ids import uuid7
from saas.core.jobs import enqueue
from tenants.usage import stocks
from tenants.usage.limits import SEATS

LASTS = timedelta(hours=2)
_FRESH = timedelta(hours=1)  # Stripe refuses a session that would end within half an hour


@dataclass(frozen=True)
class Payer:
    """For whom somebody pays, and where they come back to."""

    tenant: str
    name: str
    email: str
    actor: str
    return_url: str  # the page that waits for the payment, to which the checkout's id is added


def start(payer: Payer, price: Price) -> str:
    """Where to pay. The same choice leads to the same payment; another choice ends the one that is open.

    Raises AlreadySubscribed, StripeAway and, when another tab was quicker, Superseded.
    """
    if paid := drop_other(payer.tenant, price):
        return paid
    wanted = _intent(payer, price)
    if wanted.session_id:
        if url := _still_open(wanted):
            return url
        wanted = _intent(payer, price)
    customer = customers.ensure(payer.tenant, email=payer.email, name=payer.name)
    items, days, key, over = shaping.items(price, seats=wanted.seats), wanted.trial_days, str(wanted.id), _over(wanted)
    back, until = wanted.return_url, wanted.expires_at
    try:
        with outside():
            session = gateway.create_session(
                customer=customer, items=items, trial_days=days, tenant=payer.tenant, return_url=back,
                expires_at=until, key=key,
            )  # fmt: skip
    except StripeFailed:  # the next try has a key of its own
        with separate() as connection:
            connection.execute(over)
        raise
    return _opened(wanted, session)


def of_tenant(tenant: str, id_: UUID | None) -> Checkout:
    """Raises UnknownCheckout, also for another tenant's."""
    found = db.session.scalar(sa.select(Checkout).where(Checkout.id == id_, Checkout.tenant == tenant))
    if found is None:
        raise UnknownCheckout
    return found


def open_of(tenant: str) -> Checkout | None:
    """The payment that is under way."""
    live = sa.select(Checkout).where(Checkout.tenant == tenant, Checkout.state.in_(LIVE_CHECKOUT))
    return db.session.scalar(live.where(Checkout.expires_at > sa.func.now()))


def drop_other(tenant: str, price: Price | None) -> str | None:
    """End the payment that is open for another choice, or too old to be used; at Stripe first, then here.

    Returns where to see it when somebody has paid there just now.
    """
    entitlements.lock(tenant)
    found = db.session.scalar(sa.select(Checkout).where(Checkout.tenant == tenant, Checkout.state.in_(LIVE_CHECKOUT)))
    if found is None or (price and _is_for(found, price) and _usable(found)):
        return None
    if found.session_id and _end_at_stripe(found.session_id) == "complete":
        return found.return_url
    db.session.execute(_over(found))
    trials.give_back(tenant)
    return None


def _end_at_stripe(session_id: str) -> str:
    """Let nobody pay there any more; returns how it has ended."""
    asked_at = mirror.now()
    with outside():
        try:
            return gateway.expire_session(session_id).status
        except Missing:  # it was of the other mode, where nobody pays any more
            return "expired"
        except Refused:  # it had ended already
            followed = following.ask(session_id, asked_at)
    following.keep(followed, Cause("rule", "checkout"))
    return followed.session.status


def _intent(payer: Payer, price: Price) -> Checkout:
    """The row of this payment, new or as it was left; whoever comes second waits for the lock and finds it."""
    entitlements.lock(payer.tenant)
    if mirror.live_subscription_of(payer.tenant):
        raise AlreadySubscribed
    if mirror.owes_still(payer.tenant):
        raise PayFirst
    found = open_of(payer.tenant)
    if found:
        if not _is_for(found, price):
            raise Superseded
        return found
    id_ = uuid7()
    made = Checkout(
        id=id_,
        tenant=payer.tenant,
        plan=price.plan.code,
        version=price.plan.version,
        interval=price.interval.value,
        currency=price.currency,
        seats=shaping.seats_beyond(price.plan, stocks.used(SEATS, payer.tenant)),
        trial_days=_trial_days(payer, price),
        return_url=f"{payer.return_url}?checkout={id_}",
        actor=payer.actor,
        expires_at=mirror.now() + LASTS,
    )
    db.session.add(made)
    audit.record("checkout.started", actor=payer.actor, tenant=payer.tenant, plan=made.plan, interval=made.interval)
    db.session.flush()
    return made


def _still_open(wanted: Checkout) -> str | None:
    """Where to go on with a payment that was opened before: to pay, or, when that has been done, to where it shows."""
    asked_at, session_id, return_url = mirror.now(), wanted.session_id or "", wanted.return_url
    try:
        with outside():
            followed = following.ask(session_id, asked_at)
    except Missing:  # of the other mode
        db.session.execute(_over(wanted))
        return None
    if followed.session.status == "open":
        return followed.session.url
    following.keep(followed, Cause("rule", "checkout"))
    return return_url


def _opened(wanted: Checkout, session: Session) -> str:
    """The intent gets its session, and somebody to look after it should its webhook get lost."""
    mine = sa.update(Checkout).where(Checkout.id == wanted.id, Checkout.state == CheckoutState.STARTING)
    values = {"state": CheckoutState.OPEN, "session_id": session.id, "url": session.url}
    if db.session.scalar(mine.values(values).returning(Checkout.id)):
        enqueue("billing.follow", args=(str(wanted.id), 0), delay=timedelta(seconds=following.AFTER[0]))
        return session.url or wanted.return_url
    state = db.session.scalar(sa.select(Checkout.state).where(Checkout.id == wanted.id))
    if state == CheckoutState.EXPIRED:  # another tab has chosen another plan
        with outside():
            gateway.expire_session(session.id)
        raise Superseded
    return session.url or wanted.return_url  # the same click, twice


def _trial_days(payer: Payer, price: Price) -> int:
    """Nobody tries twice."""
    days = price.plan.trial.days
    return days if days and trials.claim(payer.tenant, payer.email) else 0


def _over(found: Checkout) -> sa.Update:
    """The statement by which nobody pays by it any more."""
    ended = sa.update(Checkout).where(Checkout.id == found.id, Checkout.state.in_(LIVE_CHECKOUT))
    return ended.values(state=CheckoutState.EXPIRED, url=None, ended_at=sa.func.now())


def _is_for(found: Checkout, price: Price) -> bool:
    seats = shaping.seats_beyond(price.plan, stocks.used(SEATS, found.tenant))
    wanted = (price.plan.code, price.plan.version, price.interval.value, price.currency, seats)
    return (found.plan, found.version, found.interval, found.currency, found.seats) == wanted


def _usable(found: Checkout) -> bool:
    left = found.expires_at - mirror.now()
    return left > (timedelta(0) if found.session_id else _FRESH)
