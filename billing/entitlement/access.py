"""What a tenant may do by what is granted and paid, and for each limit the reason; nothing is changed here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from billing.entitlement import dunning, spending
from billing.ledger import Grant, Override
from billing.mirrored import mirror
from billing.models import PAYING, Subscription
from billing.offering.shaping import METERED
from billing.plans import catalog
from billing.plans.catalog import Plan
from saas.core.database import db
from tenants.models import Standing
from tenants.usage.limits import SEATS


class UnknownVersion(LookupError):
    """A plan that this release's catalogue does not have."""


@dataclass
class Access:
    plan: Plan
    rule: str  # what the plan rests on: "grant", "subscription" or "free"
    standing: Standing
    limits: dict[str, int | None] = field(default_factory=dict)  # as in `tenants.limits`
    grant: Grant | None = None
    overrides: Sequence[Override] = ()
    seats: int = 0  # paid for beyond the included ones


def effective(tenant: str) -> Access:
    """A live grant goes first, then a subscription that is paid for or about to be, then the free plan.

    Then come the seats that are paid for, and last what admins have overridden. Raises UnknownVersion.
    """
    now = mirror.time_of(tenant)
    grant, subscription = grant_of(tenant), mirror.subscription_of(tenant)
    found = _plan(grant, subscription, dunning.standing(subscription, now))
    found.limits = dict(found.plan.limits)
    if subscription and found.rule == "subscription":
        found.seats = seats_of(subscription, now)
        _add_seats(found)
        _lift_calls(found, subscription)
    found.overrides = overrides_of(tenant)
    found.limits |= {one.resource: one.value for one in found.overrides}
    return found


def seats_of(subscription: Subscription, now: datetime) -> int:
    """Beyond the included ones: as many as the next renewal charges, or as are paid for until then."""
    paid_until = subscription.seats_paid_until
    return max(subscription.seats, subscription.seats_paid if paid_until and paid_until > now else 0)


def of_plan(tenant: str, plan: Plan, subscription: Subscription | None = None) -> dict[str, int | None]:
    """What a tenant would be allowed on a plan, as in `tenants.limits`: what is overridden stays as it is.

    Nor do calls have a limit where the subscription to it is one that pays for use.
    """
    found = dict(plan.limits)
    charged = subscription and subscription.metered_item and subscription.status != "trialing"
    if charged and METERED in plan.overage:
        found[METERED] = None
    return found | {one.resource: one.value for one in overrides_of(tenant)}


def grant_of(tenant: str) -> Grant | None:
    """The grant that is live now."""
    live = (Grant.ended_at.is_(None), sa.or_(Grant.until.is_(None), Grant.until > sa.func.now()))
    return db.session.scalar(sa.select(Grant).where(Grant.tenant == tenant, *live))


def overrides_of(tenant: str) -> Sequence[Override]:
    """Those that are live now."""
    live = (Override.ended_at.is_(None), sa.or_(Override.until.is_(None), Override.until > sa.func.now()))
    mine = sa.select(Override).where(Override.tenant == tenant, *live).order_by(Override.resource)
    return db.session.scalars(mine).all()


def _plan(grant: Grant | None, subscription: Subscription | None, standing: Standing) -> Access:
    if grant:  # whoever was given a plan works on, whatever became of a payment
        mild = standing if standing == Standing.GOOD else Standing.PAST_DUE
        return Access(_known(grant.plan, grant.version), "grant", mild, grant=grant)
    if subscription and subscription.plan and subscription.status in PAYING:
        return Access(_known(subscription.plan, subscription.version), "subscription", standing)
    return Access(catalog.free(), "free", standing)


def _known(code: str, version: int | None) -> Plan:
    found = catalog.find(code, version)
    if found is None:
        raise UnknownVersion(f"{code} version {version}")
    return found


def _lift_calls(found: Access, subscription: Subscription) -> None:
    """Who pays for more than is included has no limit, until their own cap is reached."""
    if subscription.status != "trialing" and (spent := spending.of(subscription)):
        found.limits[METERED] = 0 if spent.reached else None


def _add_seats(found: Access) -> None:
    included = found.plan.included(SEATS.name)
    if found.seats and included is not None:
        found.limits[SEATS.name] = included + found.seats
