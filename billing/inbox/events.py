"""Stripe's events: stored as they come, believed only in what they are about, which is fetched again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing.entitlement import entitlements
from billing.entitlement.entitlements import Cause
from billing.errors import UnknownEvent
from billing.gateway.webhooks import Envelope
from billing.inbox import following, kinds, measures
from billing.inbox.kinds import About, Fetched
from billing.mirrored import mirror
from billing.mirrored.mirror import Stored
from billing.models import LIVE, StripeEvent, Subscription
from saas.core.database import db
from saas.core.jobs import enqueue

# What became of an event
STORED, UNKNOWN_TYPE, UNKNOWN_CUSTOMER = "stored", "unknown type", "unknown customer"
NOT_NEEDED = "not needed"  # what it tells is nothing that we keep
AGAIN = "again"  # it waits to be handled once more
GONE = "gone"  # what it is about is not there any more, or it names nothing

_EVENTS = cast("sa.Table", StripeEvent.__table__)
# Built once, and not the ORM's: a quarter of what a webhook costs would be that.
_KEEP = insert(_EVENTS).on_conflict_do_nothing(index_elements=["id"]).returning(_EVENTS.c.id)


# And of most events nothing is kept but that.
_LET_BE = (
    sa.update(_EVENTS)
    .where(_EVENTS.c.id == sa.bindparam("event"), _EVENTS.c.handled_at.is_(None))
    .values(handled_at=sa.func.now(), outcome=sa.bindparam("became"), tenant=sa.bindparam("whose"))
)


@dataclass(frozen=True)
class Wanted:
    """Stored events that are to be handled again: since a time when they came, of a type or of all."""

    since: datetime
    type: str | None = None


def receive(envelope: Envelope) -> bool:
    """Keep an event and the job that handles it, in one transaction; False when it has come before."""
    row = {"id": envelope.id, "type": envelope.type, "livemode": envelope.livemode, "payload": envelope.text}
    row |= {"created_at": envelope.created_at, "object_id": envelope.object_id}
    came_first = db.session.scalar(_KEEP, row) is not None
    measures.count(envelope.type, new=came_first)
    if came_first:
        enqueue("billing.handle", args=(envelope.id,))
    return came_first


def about(event_id: str) -> About | None:
    """What to fetch for an event; None when it was handled before."""
    mine = (StripeEvent.id == event_id, StripeEvent.handled_at.is_(None))
    row = db.session.execute(sa.select(StripeEvent, sa.func.clock_timestamp()).where(*mine)).one_or_none()
    if row is None:
        return None
    event, now = row
    told = json.loads(event.payload).get("data")
    data: dict[str, Any] = told if isinstance(told, dict) else {}
    shown, before = (_table(data.get(name)) for name in ("object", "previous_attributes"))
    ours = _ours(kinds.customer_of(event.type, shown))
    return About(event.type, shown, now, before, ours, known=_known(event, shown))


def handle(event_id: str, fetched: Fetched | None) -> None:
    """Store what was fetched, settle what the tenant may do, and note what became of the event.

    Nothing was `fetched` for one that had been handled; should it be waiting again by now, another job is to do it.
    """
    if fetched is None:
        return
    if not fetched.needed:
        outcome = UNKNOWN_TYPE if fetched.unknown else NOT_NEEDED
        db.session.execute(_LET_BE, {"event": event_id, "became": outcome, "whose": fetched.tenant})
        return
    mine = sa.select(StripeEvent).where(StripeEvent.id == event_id, StripeEvent.handled_at.is_(None))
    event = db.session.scalar(mine)
    if event is None:
        return
    event.outcome, event.tenant = _apply(event, fetched)
    event.handled_at = sa.func.now()


def of_id(event_id: str) -> StripeEvent:
    """Raises UnknownEvent."""
    found = db.session.get(StripeEvent, event_id)
    if found is None:
        raise UnknownEvent(event_id)
    return found


def among(wanted: Wanted) -> Sequence[StripeEvent]:
    """The first of them first."""
    query = sa.select(StripeEvent).where(StripeEvent.received_at >= wanted.since)
    if wanted.type:
        query = query.where(StripeEvent.type == wanted.type)
    return db.session.scalars(query.order_by(StripeEvent.received_at, StripeEvent.id)).all()


def replay(events: Iterable[StripeEvent]) -> int:
    """Let jobs handle them again; returns how many are, beside those that wait for it already."""
    asked = 0
    for event in sorted(events, key=lambda one: one.id):
        event.handled_at, event.outcome = None, AGAIN
        asked += enqueue("billing.handle", args=(event.id,), key=f"{event.id}/again") is not None
    return asked


def _apply(event: StripeEvent, fetched: Fetched) -> tuple[str, str | None]:
    """What became of it, and of which tenant it is; None of one that is about several."""
    cause, followed = Cause("event", event.id, event.type), fetched.followed
    if followed and (tenant := following.keep(followed, cause)):
        return STORED, tenant
    if fetched.gone:
        mirror.drop(fetched.gone, fetched.asked_at)
    found = followed.found if followed else fetched.found
    if not found and not followed:
        return GONE, None
    tenants = _by_tenant(found)
    for tenant, theirs in sorted(tenants.items()):
        entitlements.lock(tenant)
        for one in theirs:
            mirror.store(tenant, one, fetched.asked_at)
        for id_ in fetched.lost:
            mirror.end(tenant, id_, fetched.asked_at)
        entitlements.settle(tenant, cause)
    return (STORED if tenants else UNKNOWN_CUSTOMER), next(iter(tenants)) if len(tenants) == 1 else None


def _by_tenant(found: Iterable[Stored]) -> dict[str, list[Stored]]:
    """Without what is of customers that are not ours."""
    tenants: dict[str, list[Stored]] = {}
    for one in found:
        if tenant := mirror.whose(one):
            tenants.setdefault(tenant, []).append(one)
    return tenants


def _ours(customer: str | None) -> tuple[str, ...]:
    """What we take to be a customer's live subscriptions."""
    tenant = mirror.tenant_of(customer)
    if tenant is None:
        return ()
    live = sa.select(Subscription.id).where(Subscription.tenant == tenant, Subscription.status.in_(LIVE))
    return tuple(db.session.scalars(live))


def _known(event: StripeEvent, shown: dict[str, Any]) -> str | None:
    """Whose object it is, if that was asked for since the event came, as for another one that a payment brings at once.

    Whoever has an event handled again wants to see it asked for.
    """
    found = kinds.object_of(event.type, shown)
    return None if found is None or event.outcome == AGAIN else mirror.asked_since(*found, event.received_at)


def _table(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}
