"""What was used goes to Stripe by the hour, each unit once, however often a worker dies on the way."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from billing.entitlement.spending import BEGUN
from billing.gateway import meters
from billing.gateway.connection import livemode
from billing.models import LIVE, Customer, Subscription
from billing.offering.shaping import METERED
from saas.core.database import db, transaction
from tenants.usage import hours, limits
from tenants.usage.hours import HOUR, Claim

_TAKEN = timedelta(days=34)
_AFTER_ITS_END = timedelta(days=1)


def charged() -> list[str]:
    """The tenants that pay for more than is included, and have used something that Stripe has not heard of."""
    since = {row.tenant: row.since for row in reversed(_metered())}  # of several subscriptions the newest counts
    return hours.owing(limits.get(METERED), since) if since else []


def report(tenant: str) -> int:
    """Tell Stripe of one tenant's hours that are over; returns how many. To be called with no transaction open."""
    told = 0
    for claim, row in _claims(tenant):
        meters.report(
            event=meters.event_of(METERED),
            customer=row.stripe_id,
            value=claim.amount,
            at=_moment(claim.hour.hour, row.period_start, row.metered_since),
            identifier=identifier(claim),
        )
        with transaction():
            hours.sent(claim)
        told += 1
    return told


def identifier(claim: Claim) -> str:
    """Of one telling, the same whoever repeats it."""
    hour = claim.hour
    return f"{hour.tenant}.{hour.resource}.{hour.hour:%Y%m%dT%H}.{claim.begin}"


def _moment(hour: datetime, begin: datetime, since: datetime | None) -> datetime:
    """When the calls of an hour were made, as Stripe is told: all at one moment, at which what they count for runs.

    The hour in which a period begins is charged in that one. What Stripe had not heard of when the present price began
    is charged by it, like all that comes after: Stripe counts for a price what happens from then on,
    https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup
    """
    if since and since > hour:
        return max(hour + HOUR - timedelta(seconds=1), since + BEGUN)
    return begin if hour < begin < hour + HOUR else hour


def _claims(tenant: str) -> Iterator[tuple[Claim, Any]]:
    with transaction():
        rows = _metered(tenant)[:1]
        owed = [(hour, row) for row in rows for hour in hours.owed(limits.get(METERED), tenant, row.since)]
    for hour, row in owed:
        if claim := hours.claim(hour):
            yield claim, row


def _metered(tenant: str | None = None) -> Sequence[Any]:
    """Who pays for more than is included, or did until a day ago, and since when what they use is to be told.

    What was used before somebody agreed is told already (`hours.waive`). Stripe takes no hour older than 35 days:
    https://docs.stripe.com/api/billing/meter-event/create
    """
    since = sa.func.greatest(Subscription.started_at, sa.func.now() - _TAKEN)
    lately = sa.or_(Subscription.status.in_(LIVE), Subscription.ended_at > sa.func.now() - _AFTER_ITS_END)
    query = (
        sa.select(
            Subscription.tenant,
            Customer.stripe_id,
            Subscription.period_start,
            Subscription.metered_since,
            since.label("since"),
        )
        .join(Customer, Customer.tenant == Subscription.tenant)
        .where(lately, Subscription.metered_item.is_not(None))
        .where(Customer.stripe_id.is_not(None), Subscription.period_start.is_not(None))
        .where(Customer.deleted_at.is_(None), Subscription.livemode == livemode())
        .order_by(Subscription.started_at.desc())
    )
    if tenant:
        query = query.where(Subscription.tenant == tenant)
    return db.session.execute(query).all()
