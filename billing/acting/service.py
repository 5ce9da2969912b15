"""What can be done with a tenant's subscription, by its own people and by admins.

Each act commits its intent, calls Stripe with the intent's id as idempotency key, and stores the answer. `actor` is as
in the audit ("user:<id>"); `key`, where a form brings one, makes a form that is sent twice one act. All of them raise
StripeAway and leave everything as it was when Stripe does not answer.
"""

from datetime import datetime
from uuid import UUID

from billing.acting.acts import act, keep, tell
from billing.entitlement import entitlements
from billing.errors import BadUntil, NoSubscription
from billing.gateway import portal as gateway_portal
from billing.gateway import schedules, subscriptions
from billing.mirrored import mirror
from billing.models import Subscription
from saas.core.database import outside


def cancel(tenant: str, *, at_period_end: bool, actor: str, reason: str, key: UUID | None = None) -> Subscription:
    """End the subscription, at once or when what is paid for is used up. Nothing is deleted. Raises NoSubscription."""
    old = _locked(tenant)
    id_, schedule, period_end = old.id, old.schedule, old.period_end
    before, last = {"ends": _end_of(old)}, period_end.isoformat() if period_end else "period end"
    after = {"ends": last if at_period_end else "now"}
    with act(
        "subscription.cancelled", tenant, actor, reason, key, before=before, after=after, subscription=id_
    ) as asked:
        if schedule and not asked.done:
            schedules.release(schedule, key=f"{asked.key}:released")
        if at_period_end:
            subscriptions.cancel_at_period_end(id_, True, key=asked.key, comment=reason)
        else:
            subscriptions.cancel_now(id_, key=asked.key, comment=reason)
    kept = keep(asked, id_)
    if kept.live and kept.cancel_at:
        tell(asked, kept, "plan-cancelled")
    return kept


def resume(tenant: str, *, actor: str, reason: str, key: UUID | None = None) -> Subscription:
    """Take back a cancellation whose time has not come. Raises NoSubscription."""
    old = _locked(tenant)
    id_, schedule, before = old.id, old.schedule, _end_of(old)
    with act(
        "subscription.resumed", tenant, actor, reason, key, before={"ends": before}, after={"ends": None}
    ) as asked:
        if schedule and not asked.done:  # by which Stripe would go, and not by us
            schedules.release(schedule, key=f"{asked.key}:released")
        subscriptions.cancel_at_period_end(id_, False, key=asked.key)
    kept = keep(asked, id_)
    if kept.live and not kept.cancel_at:
        tell(asked, kept, "plan-goes-on")
    return kept


def extend_trial(tenant: str, until: datetime, *, actor: str, reason: str, key: UUID | None = None) -> Subscription:
    """Let the first or next charge wait until a time to come. Raises NoSubscription and BadUntil."""
    old = _locked(tenant)
    if until <= mirror.now():
        raise BadUntil("Choose a time in the future.")
    if old.trial_end and until <= old.trial_end:
        raise BadUntil(f"The trial lasts until {old.trial_end:%-d %b %Y} already: choose a later day.")
    id_, before = old.id, old.trial_end and old.trial_end.isoformat()
    after = {"trial_end": until.isoformat()}
    with act("trial.extended", tenant, actor, reason, key, before={"trial_end": before}, after=after) as asked:
        subscriptions.extend_trial(id_, until, key=asked.key)
    return keep(asked, id_)


def portal(tenant: str, return_url: str) -> str:
    """Where the tenant's people change the card and read invoices. Raises NoSubscription where nobody ever paid."""
    customer = mirror.customer_of(tenant)
    if customer is None or customer.stripe_id is None:
        raise NoSubscription
    stripe_id = customer.stripe_id
    with outside():
        return gateway_portal.open_for(customer=stripe_id, return_url=return_url)


def _locked(tenant: str) -> Subscription:
    entitlements.lock(tenant)
    return mirror.live(tenant)


def _end_of(subscription: Subscription) -> str | None:
    return subscription.cancel_at.isoformat() if subscription.cancel_at else None
