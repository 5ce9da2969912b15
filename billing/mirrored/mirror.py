"""Stripe's objects as rows: the newest answer wins, however late an older one arrives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from billing.errors import NoSubscription
from billing.gateway.connection import livemode
from billing.gateway.objects import InvoiceState, SubscriptionState
from billing.gateway.payers import CustomerState
from billing.mirrored import alarms, discounts, mrr, payers
from billing.models import LIVE, NEWEST_FIRST, OVERDUE, Customer, Invoice, Subscription
from billing.plans import model
from billing.plans.model import PLAN, SEAT
from saas.core.database import Base, db
from tenants.usage import hours, limits

_EVER = sa.literal("-infinity").cast(sa.DateTime(timezone=True))

Stored = SubscriptionState | InvoiceState | CustomerState


def now() -> datetime:
    """The database's time, to be read before Stripe is asked: two machines' clocks differ."""
    found: datetime = db.session.scalars(sa.select(sa.func.clock_timestamp())).one()
    return found


def tenant_of(customer: str | None) -> str | None:
    """Whose customer at Stripe this is; None of one that we did not make."""
    return db.session.scalar(sa.select(Customer.tenant).where(Customer.stripe_id == customer)) if customer else None


def whose(found: Stored) -> str | None:
    """The tenant that an object is of, also where another customer has come in the place of its own."""
    known = tenant_of(found.customer)
    if known or isinstance(found, CustomerState):
        return known
    model: type[Subscription | Invoice] = Subscription if isinstance(found, SubscriptionState) else Invoice
    return db.session.scalar(sa.select(model.tenant).where(model.id == found.id))


def store(tenant: str, found: Stored, asked_at: datetime) -> None:
    """Write down an object as it was when Stripe was asked, unless a later answer is there already."""
    known = {"tenant": tenant, "fetched_at": asked_at}
    if isinstance(found, InvoiceState):
        _upsert(Invoice, invoice_row(found) | known)
        _note_failure(tenant, found)
    elif isinstance(found, CustomerState):
        payers.keep(tenant, found, asked_at)
    else:
        _begin_price(tenant, found)
        _upsert(Subscription, subscription_row(found) | known)
        if found.payer:
            payers.keep(tenant, found.payer, asked_at)
        else:
            payers.tick(tenant, found.customer, found.clock_at)
    alarms.look(tenant, found)


def asked_since(kind: str, id_: str, at: datetime) -> str | None:
    """Whose object it is, if what Stripe said since a time is stored; with an invoice, of its subscription too."""
    if kind == "customer":
        known = sa.select(Customer.tenant).where(Customer.stripe_id == id_, Customer.fetched_at > at)
    elif kind == "subscription":
        known = sa.select(Subscription.tenant).where(Subscription.id == id_, Subscription.fetched_at > at)
    else:
        theirs = sa.exists().where(Subscription.id == Invoice.subscription, Subscription.fetched_at > at)
        whole = sa.or_(Invoice.subscription.is_(None), theirs)
        known = sa.select(Invoice.tenant).where(Invoice.id == id_, Invoice.fetched_at > at, whole)
    return db.session.scalar(known)


def end(tenant: str, subscription: str, asked_at: datetime) -> None:
    """Of one that Stripe does not know any more, as when its test clock was deleted."""
    mine = (Subscription.tenant == tenant, Subscription.id == subscription, Subscription.fetched_at <= asked_at)
    values = {"status": "canceled", "ended_at": sa.func.coalesce(Subscription.ended_at, asked_at), "monthly": 0}
    db.session.execute(sa.update(Subscription).where(*mine).values(values | {"fetched_at": asked_at}))


def drop(invoice: str, asked_at: datetime) -> None:
    """A draft that Stripe does not know any more asks for nothing."""
    draft = (Invoice.id == invoice, Invoice.status == "draft", Invoice.fetched_at <= asked_at)
    db.session.execute(sa.update(Invoice).where(*draft).values(due=0, fetched_at=asked_at))


def invoice_row(found: InvoiceState) -> dict[str, Any]:
    """Its columns."""
    return {name: value for name, value in vars(found).items() if name != "elsewhere"}


_SAME = (
    "id", "status", "currency", "livemode", "started_at", "period_start", "period_end", "trial_end", "cancel_at",
    "ended_at", "seats_paid", "seats_paid_until", "metered_since", "cancel_reason",
)  # fmt: skip


def subscription_row(found: SubscriptionState) -> dict[str, Any]:
    """Its columns. Which plan it is to, and to what else, is told by its items' products."""
    named = {one.part: (one, item) for item in found.items if (one := model.named(item.product))}
    ours, item = named.get(PLAN, (None, found.items[0]))
    _, seat = named.get(SEAT, (None, None))
    change = found.change
    return {name: getattr(found, name) for name in _SAME} | {
        "plan": ours.code if ours else None,
        "version": ours.version if ours else None,
        "interval": item.interval,
        "item": item.id,
        "amount": item.amount,
        "monthly": mrr.monthly(found),
        "seat_item": seat.id if seat else None,
        "seats": seat.quantity if seat else 0,
        "metered_item": next((item.id for item in found.items if item.metered), None),
        "schedule": change.schedule if change else None,
        "next_plan": change.plan if change else None,
        "next_version": change.version if change else None,
        "next_interval": change.interval if change else None,
        "next_at": change.at if change else None,
        "discount": ", ".join(discounts.words(one, found.currency) for one in found.discounts)[:200] or None,
        "own_price": any(one.own_price for one in found.discounts),
    }


def time_of(tenant: str) -> datetime:
    """The time as Stripe has it for a tenant: that of a test clock, where its customer lives by one, else our own."""
    told = sa.select(Customer.clock_at).where(Customer.tenant == tenant, Customer.clock_at.is_not(None))
    return db.session.scalar(told) or now()


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


def live(tenant: str) -> Subscription:
    """Raises NoSubscription."""
    found = live_subscription_of(tenant)
    if found is None:
        raise NoSubscription
    return found


def owes(subscription: Subscription) -> bool:
    """Whether a payment failed, or its newest invoice waits to be paid, as for an hour after each renewal."""
    mine = (Invoice.tenant == subscription.tenant, Invoice.subscription == subscription.id)
    waits = sa.and_(Invoice.status.in_(("draft", "open")), Invoice.due > 0)
    newest = sa.select(waits).where(*mine).order_by(*NEWEST_FIRST).limit(1)
    return subscription.status in OVERDUE or bool(db.session.scalar(newest))


def overdue_since(subscription: Subscription) -> datetime | None:
    """When the first payment of those that are open failed, since the last that was made; None: nothing is overdue.

    An older invoice may be open still: a subscription is active again once its newest one is paid
    (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses).
    """
    if subscription.status not in OVERDUE:
        return None
    mine = (Invoice.tenant == subscription.tenant, Invoice.subscription == subscription.id)
    open_ = (Invoice.status == "open", Invoice.due > 0, Invoice.attempts > 0)
    newer = aliased(Invoice)
    paid = sa.select(sa.func.max(newer.created_at)).where(newer.subscription == subscription.id, newer.paid > 0)
    since = Invoice.created_at > sa.func.coalesce(paid.where(newer.status == "paid").scalar_subquery(), _EVER)
    failed_at = sa.func.coalesce(Invoice.finalized_at, Invoice.created_at)
    first = sa.select(sa.func.min(failed_at)).where(*mine, *open_, since)
    return db.session.scalar(first) or subscription.period_start or time_of(subscription.tenant)


def owes_still(tenant: str) -> bool:
    """Whether a payment of the tenant's has failed and was never made up for, of an ended subscription's too."""
    return bool(db.session.scalar(sa.select(sa.exists().where(*unpaid(tenant), Invoice.attempts > 0))))


def unpaid(tenant: str) -> tuple[sa.ColumnElement[bool], ...]:
    """What invoices are that somebody can pay: of one who was deleted at Stripe, or of the test mode, nobody can."""
    payer = customer_of(tenant)
    theirs = sa.or_(Invoice.customer.is_(None), Invoice.customer == (payer.stripe_id if payer else None))
    return (Invoice.tenant == tenant, Invoice.status == "open", Invoice.due > 0, theirs)


def overdue() -> Sequence[str]:
    """The tenants of which a subscription owes something."""
    late = (Subscription.status.in_(OVERDUE), Subscription.livemode == livemode())
    return db.session.scalars(
        sa.select(Subscription.tenant).where(*late).distinct().order_by(Subscription.tenant)
    ).all()


def invoices_of(tenant: str, most: int = 50) -> Sequence[Invoice]:
    """The newest first, without drafts."""
    mine = sa.select(Invoice).where(Invoice.tenant == tenant, Invoice.status != "draft")
    return db.session.scalars(_fresh(mine.order_by(*NEWEST_FIRST).limit(most))).all()


def customer_of(tenant: str) -> Customer | None:
    """Who pays. One that was deleted at Stripe is nobody, nor are, to a live key, the customers of the test mode."""
    found = db.session.get(Customer, tenant, populate_existing=True)
    gone = found and (found.deleted_at or (livemode() and not found.livemode))
    return None if gone else found


def _note_failure(tenant: str, found: InvoiceState) -> None:
    """Mark one whose payment was tried in vain, for good: paid by hand after the first try, it has no trace of that."""
    if found.attempts > 1 or (found.attempts == 1 and found.status != "paid"):
        mine = (Invoice.id == found.id, Invoice.tenant == tenant, ~Invoice.failed)
        db.session.execute(sa.update(Invoice).where(*mine).values(failed=True))


def _begin_price(tenant: str, found: SubscriptionState) -> None:
    """From the moment that we know of another metered price, what is told to Stripe counts for that one."""
    if found.metered_since is None:
        return
    known = sa.exists().where(Subscription.id == found.id, Subscription.metered_since >= found.metered_since)
    if not db.session.scalar(sa.select(known)):
        hours.begin_anew(tenant, limits.API_CALLS)


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
