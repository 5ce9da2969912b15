"""Stripe's objects as rows: the newest answer wins, however late an older one arrives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing import catalog
from billing.gateway.connection import livemode
from billing.gateway.objects import InvoiceState, SubscriptionState
from billing.models import LIVE, OVERDUE, Customer, Invoice, Subscription
from saas.core.database import Base, db

Stored = SubscriptionState | InvoiceState


def now() -> datetime:
    """The database's time, to be read before Stripe is asked: two machines' clocks differ."""
    found: datetime = db.session.scalars(sa.select(sa.func.clock_timestamp())).one()
    return found


def tenant_of(customer: str | None) -> str | None:
    """Whose customer at Stripe this is; None of one that we did not make."""
    return db.session.scalar(sa.select(Customer.tenant).where(Customer.stripe_id == customer)) if customer else None


def store(tenant: str, found: Stored, asked_at: datetime) -> None:
    """Write down an object as it was when Stripe was asked, unless a later answer is there already."""
    known = {"tenant": tenant, "fetched_at": asked_at}
    if isinstance(found, InvoiceState):
        fields = {name: value for name, value in vars(found).items() if name != "customer"}
        _upsert(Invoice, fields | known)
        return
    plan = catalog.of_product(found.product)
    fields = {
        name: value for name, value in vars(found).items() if name not in {"customer", "product", "latest_invoice"}
    }
    _upsert(Subscription, fields | known | {"plan": plan})


def subscription_of(tenant: str) -> Subscription | None:
    """The subscription that counts: a live one before an ended one, then the newest. None: there never was one.

    Once the key is a live one, what was bought with play money counts no more.
    """
    mine = sa.select(Subscription).where(Subscription.tenant == tenant)
    if livemode():
        mine = mine.where(Subscription.livemode)
    order = (Subscription.status.in_(LIVE).desc(), Subscription.started_at.desc(), Subscription.id)
    return db.session.scalars(_fresh(mine.order_by(*order).limit(1))).first()


def live_subscription_of(tenant: str) -> Subscription | None:
    found = subscription_of(tenant)
    return found if found and found.live else None


def owes(subscription: Subscription) -> bool:
    """Whether a payment failed, or its newest invoice waits to be paid, as for an hour after each renewal."""
    mine = (Invoice.tenant == subscription.tenant, Invoice.subscription == subscription.id)
    waits = sa.and_(Invoice.status.in_(("draft", "open")), Invoice.due > 0)
    newest = sa.select(waits).where(*mine).order_by(Invoice.created_at.desc(), Invoice.id).limit(1)
    return subscription.status in OVERDUE or bool(db.session.scalar(newest))


def invoices_of(tenant: str, most: int = 50) -> Sequence[Invoice]:
    """The newest first, without drafts."""
    mine = sa.select(Invoice).where(Invoice.tenant == tenant, Invoice.status != "draft")
    return db.session.scalars(_fresh(mine.order_by(Invoice.created_at.desc(), Invoice.id).limit(most))).all()


def customer_of(tenant: str) -> Customer | None:
    """Who pays. To a live key the customers of the test mode are nobody."""
    found = db.session.get(Customer, tenant)
    return None if found and livemode() and not found.livemode else found


def _fresh(query: sa.Select[Any]) -> sa.Select[Any]:
    """Rows are stored by statements of their own, which the session's objects do not hear of."""
    return query.execution_options(populate_existing=True)


def _upsert(model: type[Base], values: dict[str, Any]) -> None:
    """One statement, so that two who store at the same time end with the later answer."""
    statement = insert(model).values(values)
    table = model.__table__.c
    new = {name: statement.excluded[name] for name in values if name not in {"id", "tenant"}}
    mine = sa.and_(table.tenant == statement.excluded.tenant, table.fetched_at <= statement.excluded.fetched_at)
    db.session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=new, where=mine))
