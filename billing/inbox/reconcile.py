"""Stripe is compared with what we have written down, all of it at once; who differs is looked at one by one.

Once a day a job does so: what no event has told is found by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from billing.entitlement import entitlements
from billing.entitlement.entitlements import Cause
from billing.gateway import bulk, invoices, moved, payers, subscriptions
from billing.gateway.bulk import Everything
from billing.gateway.invoices import Brief
from billing.gateway.moved import Moved
from billing.gateway.objects import SubscriptionState
from billing.inbox import comparing
from billing.inbox.comparing import Drift
from billing.mirrored import alarms, mirror
from billing.mirrored.mirror import Stored
from billing.models import LIVE, Invoice, Subscription
from saas.core.database import db

_YOUNG = 3  # invoices of which something may have been missed that their briefs don't tell
_FOUND = "Found when Stripe was asked without an event."


@dataclass(frozen=True)
class Listed:
    everything: Everything
    asked_at: datetime


class Paid(NamedTuple):
    """What became of the payment of an invoice."""

    payment: str
    invoice: str
    moved: Moved


@dataclass(frozen=True)
class Wanted:
    """Whom to ask Stripe about, and what we take to be live of theirs."""

    customer: str
    subscriptions: tuple[str, ...]
    invoices: frozenset[Brief]
    payments: frozenset[Paid]
    asked_at: datetime


@dataclass(frozen=True)
class Looked:
    """What Stripe says of one tenant; `gone` are subscriptions that it does not know any more."""

    found: tuple[Stored, ...]
    asked_at: datetime
    gone: tuple[str, ...] = ()


def list_all(asked_at: datetime) -> Listed:
    """With no transaction open."""
    return Listed(bulk.everything(), asked_at)


def compare(listed: Listed, tenant: str | None = None) -> list[Drift]:
    """Of all tenants, or of one."""
    found = comparing.drift(listed.everything, listed.asked_at)
    return [one for one in found if tenant in {None, one.tenant}]


def whom(tenant: str) -> Wanted | None:
    """None of a tenant that has no customer at Stripe, as after a change from the test mode to the live one."""
    customer, asked_at = mirror.customer_of(tenant), mirror.now()
    if customer is None or customer.stripe_id is None:
        return None
    live = sa.select(Subscription.id).where(Subscription.tenant == tenant, Subscription.status.in_(LIVE))
    return Wanted(customer.stripe_id, tuple(db.session.scalars(live)), _briefly(tenant), _paid(tenant), asked_at)


def ask(wanted: Wanted) -> Looked:
    """The customer, all its subscriptions, and the invoices that differ or are young; with no transaction open.

    Raises Missing of a customer that this key has never known, which says nothing of what the tenant has paid.
    """
    payer = payers.fetch_customer(wanted.customer)
    if payer.deleted:
        listed: list[SubscriptionState] = []
        newest = []
    else:
        listed = subscriptions.of_customer(wanted.customer)
        briefs = invoices.briefly(wanted.customer)
        there = moved.of_customer(wanted.customer)
        ids = {one.id for place, one in enumerate(briefs) if place < _YOUNG or one not in wanted.invoices}
        ids |= {one.invoice for one in wanted.payments if there.get(one.payment, one.moved) != one.moved}
        newest = [invoices.fetch(id_) for id_ in sorted(ids)]
    seen = {one.id for one in listed}
    others, gone = subscriptions.known(id_ for id_ in wanted.subscriptions if id_ not in seen)
    return Looked((payer, *listed, *others, *newest), wanted.asked_at, tuple(gone))


def keep(tenant: str, looked: Looked) -> bool:
    """Returns whether the tenant's access changed, which means that something had been missed."""
    entitlements.lock(tenant)
    for one in looked.found:
        mirror.store(tenant, one, looked.asked_at)
    for id_ in looked.gone:
        mirror.end(tenant, id_, looked.asked_at)
    live = [one for one in looked.found if isinstance(one, SubscriptionState) and one.status in LIVE]
    live.sort(key=lambda one: (one.started_at, one.id))
    for other in live[1:]:
        alarms.twice(tenant, live[0].id, other.id)
    return entitlements.settle(tenant, Cause("rule", "reconcile", _FOUND))


def tell(found: Sequence[Drift]) -> None:
    """Of what asking about the tenant does not mend an admin is told."""
    for one in found:
        if one.field == "customer":
            alarms.stray(one.tenant, one.object, one.there)


def _briefly(tenant: str) -> frozenset[Brief]:
    columns = (Invoice.id, Invoice.status, Invoice.due, Invoice.paid, Invoice.credited)
    return frozenset(Brief(*row) for row in db.session.execute(sa.select(*columns).where(Invoice.tenant == tenant)))


def _paid(tenant: str) -> frozenset[Paid]:
    columns = (Invoice.payment, Invoice.id, Invoice.refunded, Invoice.disputed)
    mine = sa.select(*columns).where(Invoice.tenant == tenant, Invoice.payment.is_not(None))
    rows = db.session.execute(mine)
    return frozenset(Paid(row.payment or "", row.id, Moved(row.refunded, row.disputed)) for row in rows)
