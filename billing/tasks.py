"""Billing's background jobs. Stripe is asked `outside`; what to ask is read before, in a transaction of its own."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from billing import entitlements, events, following, mirror, reconcile
from billing.entitlements import Cause
from billing.events import Fetched
from billing.following import Followed
from billing.models import Checkout, CheckoutState, StripeEvent
from billing.reconcile import Looked
from saas.core.database import db, transaction
from saas.core.jobs import enqueue, handler

KEEP_EVENTS = timedelta(days=90)
_SPREAD = timedelta(hours=6)


def _fetch(_job: UUID, event_id: str) -> Fetched:
    with transaction():
        what = events.about(event_id)
        invoice_of = events.invoice_of_payment(what.payment) if what else {}
    return events.fetch(what, invoice_of) if what else Fetched()


@handler("billing.handle", outside=_fetch)
def handle(event_id: str, fetched: Fetched) -> None:
    """An event of Stripe's."""
    events.handle(event_id, fetched)


def _look(_job: UUID, checkout_id: str, _turn: int) -> Followed | None:
    with transaction():
        found = db.session.get(Checkout, UUID(checkout_id))
        asked_at = mirror.now()
    if found is None or found.state != CheckoutState.OPEN or found.session_id is None:
        return None
    return following.ask(found.session_id, asked_at)


@handler("billing.follow", outside=_look)
def follow(checkout_id: str, turn: int, followed: Followed | None) -> None:
    """Looks after a payment whose webhook may have got lost, less and less often, until it has ended."""
    if followed is None:
        return
    following.keep(followed, Cause("rule", "follow", "The payment was found without its webhook."))
    if following.ended(followed) is None and turn + 1 < len(following.AFTER):
        wait = timedelta(seconds=following.AFTER[turn + 1])
        enqueue("billing.follow", args=(checkout_id, turn + 1), delay=wait, key=f"{checkout_id}/{turn + 1}")


@handler("billing.settle")
def settle(tenant: str, _grant_id: str) -> None:
    """A grant has run out."""
    entitlements.settle(tenant, Cause("rule", "grant-over"))


def _reconcile(_job: UUID, tenant: str) -> Looked | None:
    with transaction():
        customer = mirror.customer_of(tenant)
        asked_at = mirror.now()
    return reconcile.ask(customer.stripe_id, asked_at) if customer and customer.stripe_id else None


@handler("billing.reconcile", queue="slow", outside=_reconcile)
def reconcile_one(tenant: str, looked: Looked | None) -> None:
    """Finds what no event told of one tenant."""
    if looked:
        reconcile.keep(tenant, looked)
    else:  # there is nobody to ask about, as after a change from the test mode to the live one
        entitlements.settle(tenant, Cause("rule", "reconcile"))


@handler("billing.reconcile_all", queue="slow", every=86_400)
def reconcile_all() -> None:
    """Over some hours, so that neither Stripe nor what else waits for a worker, as a sign-up may, has all at once."""
    due = sorted(reconcile.due())
    for number, tenant in enumerate(due):
        enqueue("billing.reconcile", args=(tenant,), key=tenant, delay=_SPREAD * number / len(due))


@handler("billing.sweep", every=86_400)
def sweep() -> None:
    old = (StripeEvent.handled_at.is_not(None), StripeEvent.received_at < sa.func.now() - KEEP_EVENTS)
    db.session.execute(sa.delete(StripeEvent).where(*old))
