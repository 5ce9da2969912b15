"""What we have written down of customers and subscriptions beside what Stripe lists of them: drift, field by field."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from billing.gateway.bulk import Everything
from billing.gateway.connection import livemode
from billing.gateway.objects import SubscriptionState
from billing.ledger import Flag
from billing.mirrored import alarms, mirror, payers
from billing.models import LIVE, Customer, Invoice, Subscription
from saas.core.database import db
from tenants.models import Tenant

NONE = "nothing"
_Ids = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
_ROW = ("fetched_at", "tenant", "ended_at")  # not compared: ours, or of what Stripe does not list any more


@dataclass(frozen=True)
class Drift:
    """One field that is otherwise here than at Stripe."""

    tenant: str
    object: str  # its id at Stripe
    field: str  # a column's name, or "exists"
    here: str
    there: str


def drift(listed: Everything, asked_at: datetime) -> list[Drift]:
    """Sorted by tenant. What was fetched here since `asked_at` is left out: it is newer than the list."""
    known = {row.stripe_id: row for row in _customers()}
    found = [*_of_customers(known, listed, asked_at), *_of_subscriptions(known, listed, asked_at)]
    found += _of_payments(known, listed, asked_at)
    found += [*_twice(known, listed), *_strays(known, listed)]
    return sorted(found, key=lambda one: (one.tenant, one.object, one.field))


def _customers() -> list[Customer]:
    """Those that this key knows, and that Stripe has as far as we know."""
    ours = (Customer.stripe_id.is_not(None), Customer.deleted_at.is_(None), Customer.livemode == livemode())
    return list(db.session.scalars(sa.select(Customer).where(*ours).execution_options(populate_existing=True)))


def _of_customers(known: Mapping[str | None, Customer], listed: Everything, asked_at: datetime) -> Iterator[Drift]:
    for id_, row in known.items():
        there = listed.customers.get(id_ or "")
        if there is None:
            if row.created_at < asked_at:
                yield Drift(row.tenant, id_ or "", "exists", "yes", "no")
        elif row.fetched_at is None or row.fetched_at < asked_at:
            yield from _fields(row.tenant, there.id, row, payers.row(there))


def _of_subscriptions(known: Mapping[str | None, Customer], listed: Everything, asked_at: datetime) -> Iterator[Drift]:
    tenants = {row.tenant for row in known.values()}
    rows = {row.id: row for row in _subscriptions(listed) if row.tenant in tenants}
    for id_, there in listed.subscriptions.items():
        payer, row = known.get(there.customer), rows.get(id_)
        if row and row.fetched_at < asked_at:
            yield from _fields(row.tenant, id_, row, _columns(there))
        elif row is None and payer and there.status != "incomplete" and there.started_at < asked_at:
            yield Drift(payer.tenant, id_, "exists", "no", there.status)
    for id_, row in rows.items():
        if row.status in LIVE and id_ not in listed.subscriptions and row.fetched_at < asked_at:
            yield Drift(row.tenant, id_, "status", row.status, "ended")
    yield from _of_invoices(rows, listed, asked_at)


def _of_invoices(rows: Mapping[str, Subscription], listed: Everything, asked_at: datetime) -> Iterator[Drift]:
    """The newest of each subscription, as far as Stripe tells of it in a list."""
    mine = sa.select(Invoice).where(_among(Invoice.id, listed.invoices)).execution_options(populate_existing=True)
    here = {row.id: row for row in db.session.scalars(mine)}
    for id_, there in listed.subscriptions.items():
        brief, owner = listed.invoices.get(there.latest_invoice or ""), rows.get(id_)
        if brief is None or owner is None or owner.fetched_at >= asked_at:
            continue
        row = here.get(brief.id)
        if row is None:
            yield Drift(owner.tenant, brief.id, "exists", "no", "yes")
        elif row.fetched_at < asked_at:
            yield from _fields(owner.tenant, brief.id, row, brief.amounts())


def _of_payments(known: Mapping[str | None, Customer], listed: Everything, asked_at: datetime) -> Iterator[Drift]:
    """What went back, or is disputed, of an invoice however old."""
    mine = sa.select(Invoice).where(_among(Invoice.payment, listed.moved), Invoice.fetched_at < asked_at)
    for row in db.session.scalars(mine.execution_options(populate_existing=True)):
        if row.payment and row.customer in known:
            yield from _fields(row.tenant, row.id, row, listed.moved[row.payment]._asdict())


def _subscriptions(listed: Everything) -> list[Subscription]:
    """Those that live, here or there."""
    wanted = sa.or_(Subscription.status.in_(LIVE), _among(Subscription.id, listed.subscriptions))
    mine = sa.select(Subscription).where(Subscription.livemode == livemode(), wanted)
    return list(db.session.scalars(mine.execution_options(populate_existing=True)))


def _among(column: _Ids, ids: Iterable[str]) -> sa.ColumnElement[bool]:
    """Of thousands, as one parameter."""
    return column == sa.any_(sa.literal(list(ids), ARRAY(sa.String)))


def _columns(there: SubscriptionState) -> dict[str, Any]:
    return {name: value for name, value in mirror.subscription_row(there).items() if name not in _ROW}


def _fields(tenant: str, id_: str, row: Customer | Subscription | Invoice, there: Mapping[str, Any]) -> Iterator[Drift]:
    for name, value in there.items():
        if getattr(row, name) != value:
            yield Drift(tenant, id_, name, _word(getattr(row, name)), _word(value))


def _twice(known: Mapping[str | None, Customer], listed: Everything) -> Iterator[Drift]:
    """Two that charge the same customer, until an admin has been told."""
    by_customer: dict[str, list[SubscriptionState]] = defaultdict(list)
    for there in listed.subscriptions.values():
        if there.customer in known and there.status in LIVE:
            by_customer[there.customer].append(there)
    told = _flagged(alarms.TWICE)
    for customer, found in by_customer.items():
        for other in sorted(found, key=lambda one: (one.started_at, one.id))[1:]:
            if other.id not in told:
                yield Drift(known[customer].tenant, other.id, "live", "one", f"{len(found)} of {customer}")


def _strays(known: Mapping[str | None, Customer], listed: Everything) -> Iterator[Drift]:
    """Those that name a tenant of ours which somebody else is the customer of, until an admin has been told."""
    told = _flagged(alarms.STRANGE)
    strays = [
        one for one in listed.subscriptions.values()
        if one.tenant and one.customer not in known and one.status in LIVE and one.id not in told
    ]  # fmt: skip
    named = {one.tenant for one in strays}
    ours = set(db.session.scalars(sa.select(Tenant.id).where(Tenant.id.in_(named)))) if named else set()
    for one in strays:
        if one.tenant in ours:
            yield Drift(one.tenant, one.id, "customer", NONE, one.customer)


def _flagged(kind: str) -> set[str]:
    return set(db.session.scalars(sa.select(Flag.about).where(Flag.kind == kind)))


def _word(value: Any) -> str:
    if value is None:
        return NONE
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
