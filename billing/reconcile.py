"""Once a day Stripe is asked about everybody who pays: what no event told is found here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from billing import entitlements, mirror
from billing.entitlements import Cause
from billing.gateway import invoices, subscriptions
from billing.mirror import Stored
from billing.models import Customer
from saas.core.database import db


@dataclass(frozen=True)
class Looked:
    found: tuple[Stored, ...]
    asked_at: datetime


def due() -> Sequence[str]:
    """The tenants that have a customer at Stripe."""
    return db.session.scalars(sa.select(Customer.tenant).where(Customer.stripe_id.is_not(None))).all()


def ask(customer: str, asked_at: datetime) -> Looked:
    """All subscriptions of a customer, and their newest invoices; with no transaction open."""
    newest = [invoices.fetch(id_) for id_ in invoices.latest(customer, most=3)]
    return Looked((*subscriptions.of_customer(customer), *newest), asked_at)


def keep(tenant: str, looked: Looked) -> bool:
    """Returns whether the tenant's access changed, which means that something had been missed."""
    entitlements.lock(tenant)
    for one in looked.found:
        mirror.store(tenant, one, looked.asked_at)
    return entitlements.settle(tenant, Cause("rule", "reconcile", "Found when Stripe was asked without an event."))
