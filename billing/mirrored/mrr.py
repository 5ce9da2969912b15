"""Monthly recurring revenue (docs/revenue.md): what each subscription brings in a month, and each change of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa

from billing.gateway.objects import SubscriptionState
from billing.ledger import MrrChange
from billing.mirrored import discounts
from billing.models import Subscription
from billing.plans.model import MONTHS
from saas.core.database import db

# A trial brings nothing yet, and who is given up on nothing any more; as Stripe counts,
# https://docs.stripe.com/billing/subscriptions/analytics/glossary#monthly-recurring-revenue-mrr
COUNTED = ("active", "past_due")
OTHER = "other"  # instead of a plan, where the price is not ours
_LATE = timedelta(days=31)  # what we hear of later than this is of the day we heard of it
_NEXT = timedelta(microseconds=1)  # no two changes of a tenant are at one moment, so that time alone is their order


class Kind(StrEnum):
    """What a change is to a tenant's revenue."""

    NEW = "new"  # the first that was ever paid for
    REACTIVATION = "reactivation"  # after a churn
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    MOVE = "move"  # to another plan for the same amount


@dataclass(frozen=True)
class Level:
    """What is paid by the month, and for what."""

    plan: str
    currency: str
    amount: int  # in the currency's minor unit
    subscription: str


@dataclass(frozen=True)
class Movement:
    kind: Kind
    before: Level  # of a plan, currency and subscription as `after` where nothing was paid
    after: Level


def monthly(found: SubscriptionState) -> int:
    """In the currency's minor unit: plan and seats by the month after discounts for ever; neither tax nor use."""
    if found.status not in COUNTED:
        return 0
    interval = next((item.interval for item in found.items if item.interval), None)
    whole = sum((Decimal(item.amount * item.quantity) for item in found.items if not item.metered), Decimal(0))
    return discounts.rounded(discounts.lasting(found.discounts, whole) / MONTHS.get(interval or "", 1))


def note(tenant: str, subscription: Subscription | None, at: datetime) -> None:
    """Write down that a tenant's revenue has changed, if it has. To be called with the tenant's row locked.

    `at` is Stripe's time for the tenant.
    """
    if subscription is None:
        return
    last = _last(tenant, livemode=subscription.livemode)
    before = Level(last.plan, last.currency, last.after, last.subscription) if last else None
    for movement in movements(before, _level(subscription)):
        happened = _when(movement, subscription, at, begins=before is None or before.subscription != subscription.id)
        last = _row(tenant, movement, max(happened, last.at + _NEXT) if last else happened, subscription.livemode)
        db.session.add(last)


def movements(before: Level | None, after: Level) -> Iterator[Movement]:
    """From what was paid last (None: nothing ever was) to what is paid now, in their order.

    Whoever is on another subscription has left and come back, whether we saw it in between or not: a subscription keeps
    its currency, and all else can be changed while it lasts.
    """
    paid = before if before and before.amount else None
    if paid and after.amount and paid.subscription == after.subscription:
        if kind := _changed(paid, after):
            yield Movement(kind, paid, after)
        return
    if paid:
        yield Movement(Kind.CHURN, paid, replace(paid, amount=0))
    if after.amount:
        yield Movement(Kind.REACTIVATION if before else Kind.NEW, replace(after, amount=0), after)


def _changed(before: Level, after: Level) -> Kind | None:
    if after.amount != before.amount:
        return Kind.EXPANSION if after.amount > before.amount else Kind.CONTRACTION
    return None if after.plan == before.plan else Kind.MOVE


def _last(tenant: str, *, livemode: bool) -> MrrChange | None:
    """Each mode has a history of its own: what was bought with play money is no revenue once the key is a live one."""
    mine = sa.select(MrrChange).where(MrrChange.tenant == tenant, MrrChange.livemode == livemode)
    return db.session.scalars(mine.order_by(MrrChange.at.desc()).limit(1)).first()


def _level(subscription: Subscription) -> Level:
    return Level(subscription.plan or OTHER, subscription.currency, subscription.monthly, subscription.id)


def _when(movement: Movement, subscription: Subscription, at: datetime, *, begins: bool) -> datetime:
    """Stripe's time of it where there is one, else when we heard of it: often seconds, yet maybe a month's border."""
    told: datetime | None = None
    if movement.kind == Kind.CHURN:
        left = Subscription.id == movement.before.subscription
        told = db.session.scalar(sa.select(Subscription.ended_at).where(left))
    elif movement.kind in {Kind.NEW, Kind.REACTIVATION} and begins:
        tried = subscription.trial_end
        told = tried if tried and tried <= at else subscription.started_at
    return told if told and at - _LATE <= told <= at else at


def _row(tenant: str, movement: Movement, at: datetime, livemode: bool) -> MrrChange:
    before, after = movement.before, movement.after
    return MrrChange(
        tenant=tenant, at=at, kind=movement.kind, plan=after.plan, plan_before=before.plan, currency=after.currency,
        before=before.amount, after=after.amount, subscription=after.subscription, livemode=livemode,
    )  # fmt: skip
