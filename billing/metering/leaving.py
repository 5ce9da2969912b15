"""Seats of people who left, and of those who came into them."""

from collections.abc import Sequence

import sqlalchemy as sa

from billing.entitlement import access
from billing.mirrored import mirror
from billing.models import LIVE, Subscription
from billing.offering import shaping
from billing.plans import catalog
from saas.core.database import db
from tenants.team import invitations


def people(tenant: str) -> int:
    """Who has a seat: members, and those who are invited."""
    now = invitations.seats(tenant)
    return now.members + now.invited


def out_of_step() -> Sequence[str]:
    """The tenants whose next renewal would charge more seats than they have people for, or fewer."""
    has = sa.or_(Subscription.seats > 0, Subscription.seats_paid > 0)
    paying = sa.select(Subscription).where(Subscription.status.in_(LIVE), has)
    return [found.tenant for found in db.session.scalars(paying) if _needed(found) != found.seats]


def _needed(found: Subscription) -> int:
    plan = catalog.find(found.plan, found.version)
    if plan is None:
        return found.seats
    paid = access.seats_of(found, mirror.time_of(found.tenant))
    return min(shaping.seats_beyond(plan, people(found.tenant)), paid)
