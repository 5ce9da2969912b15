"""Seats of people who left, and of those who came into them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from billing.entitlement import access
from billing.mirrored import mirror
from billing.models import LIVE, Customer, Subscription
from billing.offering import shaping
from billing.plans import catalog
from saas.core.database import db
from tenants.team import invitations


def people(tenant: str) -> int:
    """Who has a seat: members, and those who are invited."""
    return invitations.people([tenant])[tenant]


def out_of_step() -> Sequence[str]:
    """The tenants whose next renewal would charge more seats than they have people for, or fewer."""
    has = sa.or_(Subscription.seats > 0, Subscription.seats_paid > 0)
    paying = sa.select(Subscription, Customer.clock_at).join(Customer, Customer.tenant == Subscription.tenant)
    found = db.session.execute(paying.where(Subscription.status.in_(LIVE), has)).all()
    there, now = invitations.people({one.tenant for one, _ in found}), mirror.now()
    return [one.tenant for one, clock in found if _needed(one, there[one.tenant], clock or now) != one.seats]


def _needed(found: Subscription, people: int, now: datetime) -> int:
    plan = catalog.find(found.plan, found.version)
    return found.seats if plan is None else min(shaping.seats_beyond(plan, people), access.seats_of(found, now))
