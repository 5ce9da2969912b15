"""What became of a payment: asked of Stripe, whoever told us to look."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from billing.entitlement import entitlements, trials
from billing.entitlement.entitlements import Cause
from billing.gateway import checkouts, invoices, subscriptions
from billing.gateway.objects import Session, SubscriptionState
from billing.mirrored import mirror
from billing.mirrored.mirror import Stored
from billing.models import Checkout, CheckoutState
from saas.core import audit
from saas.core.database import db

REDEEMED = "discount.redeemed"  # in the audit: a promotion code is had once
AFTER = (30, 120, 600, 3600, 7200)  # seconds until we look by ourselves, each behind the one before


@dataclass(frozen=True)
class Followed:
    """What Stripe says of a checkout, asked at one moment."""

    session: Session
    found: tuple[Stored, ...]
    asked_at: datetime


def ask(session_id: str, asked_at: datetime) -> Followed:
    """Fetch a session with the subscription and the invoice that it led to; with no transaction open."""
    session = checkouts.fetch_session(session_id)
    found: list[Stored] = []
    if session.subscription:
        subscription = subscriptions.fetch(session.subscription)
        found.append(subscription)
        if subscription.latest_invoice:
            found.append(invoices.fetch(subscription.latest_invoice))
    return Followed(session, tuple(found), asked_at)


def keep(followed: Followed, cause: Cause) -> str | None:
    """Write down what a session has led to; returns the tenant, None when the session is not ours."""
    tenant = db.session.scalar(sa.select(Checkout.tenant).where(Checkout.session_id == followed.session.id))
    if tenant is None:
        return None
    entitlements.lock(tenant)
    for one in followed.found:
        mirror.store(tenant, one, followed.asked_at)
    if state := ended(followed):
        mine = sa.update(Checkout).where(Checkout.session_id == followed.session.id, Checkout.state != state)
        new = db.session.scalar(mine.values(state=state, url=None, ended_at=sa.func.now()).returning(Checkout.id))
        if state != CheckoutState.COMPLETE:
            trials.give_back(tenant)
        for code in followed.session.codes if new and state == CheckoutState.COMPLETE else ():
            audit.record(REDEEMED, actor="system", tenant=tenant, code=code, act=followed.session.id)
    entitlements.settle(tenant, cause)
    return tenant


def ended(followed: Followed) -> CheckoutState | None:
    """How it has ended; None while somebody can pay, or the bank still thinks about it."""
    session = followed.session
    if session.status == "expired":
        return CheckoutState.EXPIRED
    if any(isinstance(one, SubscriptionState) and one.status == "incomplete_expired" for one in followed.found):
        return CheckoutState.FAILED
    return CheckoutState.COMPLETE if session.status == "complete" and session.paid else None
