"""Stripe's events: stored as they come, believed only in what they are about, which is fetched again."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing import entitlements, following, mirror
from billing.entitlements import Cause
from billing.errors import Missing
from billing.following import Followed
from billing.gateway import invoices, subscriptions
from billing.gateway.webhooks import Envelope
from billing.mirror import Stored
from billing.models import Invoice, StripeEvent
from saas.core.database import db
from saas.core.jobs import enqueue


@dataclass(frozen=True)
class About:
    """What an event is about, as far as its body is believed."""

    type: str
    object_id: str
    payment: str | None  # of a charge or a refund
    asked_at: datetime


@dataclass(frozen=True)
class Fetched:
    """What Stripe says now of what an event is about."""

    found: tuple[Stored, ...] = ()
    followed: Followed | None = None
    asked_at: datetime | None = None


def receive(envelope: Envelope) -> bool:
    """Keep an event and the job that handles it, in one transaction; False when it has come before."""
    row = {"id": envelope.id, "type": envelope.type, "livemode": envelope.livemode, "payload": envelope.text}
    new = insert(StripeEvent).values(row).on_conflict_do_nothing(index_elements=["id"]).returning(StripeEvent.id)
    if db.session.scalar(new) is None:
        return False
    enqueue("billing.handle", args=(envelope.id,))
    return True


def about(event_id: str) -> About | None:
    """What to fetch for an event; None when it was handled before."""
    event = db.session.get(StripeEvent, event_id)
    if event is None or event.handled_at:
        return None
    shown: Any = json.loads(event.payload).get("data", {}).get("object", {})
    payment = shown.get("payment_intent")
    return About(event.type, str(shown.get("id") or ""), payment and str(payment), mirror.now())


def fetch(what: About, invoice_of: dict[str, str]) -> Fetched:
    """Ask Stripe, with no transaction open. `invoice_of` names the invoices of payments that we know."""
    kind = what.type.rpartition(".")[0]
    try:
        match kind:
            case "checkout.session":
                return Fetched(followed=following.ask(what.object_id, what.asked_at), asked_at=what.asked_at)
            case "customer.subscription":
                return Fetched(_subscription(what.object_id), asked_at=what.asked_at)
            case "invoice" if what.object_id:
                return Fetched(_invoice(what.object_id), asked_at=what.asked_at)
            case "charge" | "refund" | "charge.refund" if what.payment in invoice_of:
                return Fetched((invoices.fetch(invoice_of[what.payment]),), asked_at=what.asked_at)
    except Missing:  # deleted meanwhile, as drafts are
        pass
    return Fetched()


def invoice_of_payment(payment: str | None) -> dict[str, str]:
    if payment is None:
        return {}
    found = db.session.execute(sa.select(Invoice.payment, Invoice.id).where(Invoice.payment == payment))
    return {row.payment: row.id for row in found}


def handle(event_id: str, fetched: Fetched) -> None:
    """Store what was fetched, settle what the tenant may do, and note what became of the event."""
    mine = sa.select(StripeEvent).where(StripeEvent.id == event_id, StripeEvent.handled_at.is_(None))
    event = db.session.scalar(mine)
    if event is None:
        return
    event.outcome, event.tenant = _apply(event, fetched)
    event.handled_at = sa.func.now()


def _apply(event: StripeEvent, fetched: Fetched) -> tuple[str, str | None]:
    cause = Cause("event", event.id, event.type)
    if fetched.followed and (tenant := following.keep(fetched.followed, cause)):
        return "stored", tenant
    if fetched.asked_at is None or not fetched.found:
        return ("unknown customer" if fetched.followed else "not ours"), None
    tenant = mirror.tenant_of(fetched.found[0].customer)
    if tenant is None:
        return "unknown customer", None
    entitlements.lock(tenant)
    for one in fetched.found:
        mirror.store(tenant, one, fetched.asked_at)
    entitlements.settle(tenant, cause)
    return "stored", tenant


def _subscription(id_: str) -> tuple[Stored, ...]:
    found = subscriptions.fetch(id_)
    return (found, invoices.fetch(found.latest_invoice)) if found.latest_invoice else (found,)


def _invoice(id_: str) -> tuple[Stored, ...]:
    found = invoices.fetch(id_)
    return (found, subscriptions.fetch(found.subscription)) if found.subscription else (found,)
