"""Billing's background jobs. Stripe is asked `outside`; what to ask is read before, in a transaction of its own."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from billing.acting import acts, paying, trying
from billing.entitlement import dunning, entitlements, trials
from billing.entitlement.entitlements import Cause
from billing.errors import Missing
from billing.gateway import cards, subscriptions
from billing.inbox import events, following, kinds, reconcile
from billing.inbox.comparing import Drift
from billing.inbox.following import Followed
from billing.inbox.kinds import Fetched
from billing.inbox.reconcile import Looked
from billing.ledger import Override
from billing.mirrored import mirror
from billing.models import Checkout, CheckoutState, StripeEvent
from saas.core import audit
from saas.core.database import db, transaction
from saas.core.jobs import enqueue, handler

KEEP_EVENTS = timedelta(days=90)
_APART = timedelta(seconds=2)
# Tries, apart by twice as long each time up to an hour: three days, as long as Stripe sends its own events again
# (https://docs.stripe.com/webhooks). Nothing else would look, so that none may end while Stripe is away.
_DAYS = 84


def _fetch(_job: UUID, event_id: str) -> Fetched | None:
    with transaction():
        what = events.about(event_id)
    return kinds.fetch(what) if what else None


@handler("billing.handle", max_tries=_DAYS, outside=_fetch)
def handle(event_id: str, fetched: Fetched | None) -> None:
    """An event of Stripe's."""
    events.handle(event_id, fetched)


def _look(_job: UUID, checkout_id: str, _turn: int) -> Followed | None:
    with transaction():
        found = db.session.get(Checkout, UUID(checkout_id))
        asked_at = mirror.now()
    if found is None or found.state != CheckoutState.OPEN or found.session_id is None:
        return None
    return following.ask(found.session_id, asked_at)


@handler("billing.follow", max_tries=_DAYS, outside=_look)
def follow(checkout_id: str, turn: int, followed: Followed | None) -> None:
    """Looks after a payment whose webhook may have got lost, less and less often, until it has ended."""
    if followed is None:
        return
    following.keep(followed, Cause("rule", "follow", "The payment was found without its webhook."))
    if following.ended(followed) is None and turn + 1 < len(following.AFTER):
        wait = timedelta(seconds=following.AFTER[turn + 1])
        enqueue("billing.follow", args=(checkout_id, turn + 1), delay=wait, key=f"{checkout_id}/{turn + 1}")


@handler("billing.settle", max_tries=_DAYS)
def settle(tenant: str, given: str) -> None:
    """What an admin gave until a time has run out: a plan, or another limit than the plan's."""
    limit = db.session.get(Override, UUID(given))
    entitlements.settle(tenant, Cause("rule", "override-over" if limit else "grant-over"))


def _dun(job: UUID, tenant: str) -> Looked | None:
    """Somebody may have paid without an event that told us, so Stripe is asked before anything is taken away."""
    with transaction():
        found = mirror.live_subscription_of(tenant)
        wanted, asked_at = (found.id if found else None), mirror.now()
    if wanted is None:
        return None
    try:
        looked = paying.ask(wanted, asked_at)
    except Missing:  # it is of another account
        return None
    with transaction():
        paying.store(tenant, looked)
        ends = dunning.due_to_end(tenant)
        if ends:
            acts.begin(tenant, job)  # else somebody might be paying just now
    return _end(job, tenant, wanted) if ends else looked


def _end(job: UUID, tenant: str, subscription: str) -> Looked:
    """Nobody has paid for as long as they may; looked at once more, since now nobody else can."""
    try:
        with transaction():
            asked_at = mirror.now()
        looked = paying.ask(subscription, asked_at)
        with transaction():
            paying.store(tenant, looked)
            ends, asked_at = dunning.due_to_end(tenant), mirror.now()
        if ends:
            subscriptions.cancel_now(subscription, key=str(job), comment=dunning.COMMENT)
        return paying.ask(subscription, asked_at)
    finally:
        with transaction():
            db.session.execute(acts.ended(tenant, job))


@handler("billing.dun", max_tries=_DAYS, outside=_dun)
def dun(tenant: str, looked: Looked | None) -> None:
    """A step of dunning has come or is near: an account may do less, its subscription ends, or its people are told."""
    if looked:
        paying.store(tenant, looked)
    entitlements.settle(tenant, Cause("rule", "dunning", "A payment is overdue."))


def _check_trial(job: UUID, tenant: str, subscription: str) -> Looked | None:
    """What Stripe says once a second trial has been ended; None: it is the first one, or without a card."""
    fingerprint = cards.fingerprint(subscription)
    if fingerprint is None:
        return None
    with transaction():
        entitlements.lock(tenant)
        first, asked_at = trials.claim_card(tenant, fingerprint), mirror.now()
    if first:
        return None
    if subscriptions.fetch(subscription).status == "trialing":
        subscriptions.end_trial(subscription, key=str(job))
    return paying.ask(subscription, asked_at)


@handler("billing.check_trial", max_tries=_DAYS, outside=_check_trial)
def check_trial(tenant: str, subscription: str, ended: Looked | None) -> None:
    """A trial has begun by a card, which may have had one with another business."""
    if ended is None:
        return
    paying.store(tenant, ended)
    trying.refuse(tenant, subscription)
    entitlements.settle(tenant, Cause("rule", "one-trial", "The card has had a trial before."))


def _reconcile(_job: UUID, tenant: str) -> Looked | None:
    with transaction():
        wanted = reconcile.whom(tenant)
    try:
        return reconcile.ask(wanted) if wanted else None
    except Missing:  # it is of another account
        return None


@handler("billing.reconcile", queue="slow", outside=_reconcile)
def reconcile_one(tenant: str, looked: Looked | None) -> None:
    """Finds what no event told of one tenant."""
    if looked:
        reconcile.keep(tenant, looked)
    else:  # there is nobody to ask about, as after a change from the test mode to the live one
        entitlements.settle(tenant, Cause("rule", "reconcile"))


def _compare(_job: UUID) -> list[Drift]:
    with transaction():
        asked_at = mirror.now()
    listed = reconcile.list_all(asked_at)
    with transaction():
        return reconcile.compare(listed)


@handler("billing.reconcile_all", queue="slow", every=86_400, limit_seconds=300, outside=_compare)
def reconcile_all(found: list[Drift]) -> None:
    """Looks at those who differ, one after the other, so that neither Stripe nor other jobs have all at once.

    And at those who owe something, whose steps go by a job for each: whichever did not come is made up for.
    """
    reconcile.tell(found)
    tenants = sorted({one.tenant for one in found})
    for number, tenant in enumerate(tenants):
        enqueue("billing.reconcile", args=(tenant,), key=tenant, delay=_APART * number)
    for number, tenant in enumerate(mirror.overdue()):
        enqueue("billing.dun", args=(tenant,), key=tenant, delay=_APART * number)
    audit.record("billing.compared", actor="system", tenant=None, drifted=len(tenants), fields=len(found))


@handler("billing.sweep", every=86_400)
def sweep() -> None:
    old = (StripeEvent.handled_at.is_not(None), StripeEvent.received_at < sa.func.now() - KEEP_EVENTS)
    db.session.execute(sa.delete(StripeEvent).where(*old))
