"""A person does something that Stripe has to hear: the intent is committed first, its id is the idempotency key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.entitlement import entitlements, notices
from billing.entitlement.entitlements import Cause
from billing.errors import CardDeclined, Refused, UnderWay, UsedKey
from billing.gateway import subscriptions
from billing.mirrored import mirror
from billing.models import Customer, Subscription
from billing.plans import catalog
from saas.core.audit import AuditEntry
from saas.core.database import db, outside, separate
from saas.core.ids import made_at, uuid7

_KEYS_LAST = timedelta(hours=23)  # Stripe forgets them after a day, and would do it again
_LONGEST = timedelta(minutes=5)  # after which its process is taken to be gone: several calls, each tried thrice
_SKEW = timedelta(minutes=5)


@dataclass
class Act:
    """What somebody wants done; `detail` is what the audit keeps of it."""

    name: str  # "subscription.changed"
    tenant: str
    actor: str
    reason: str
    detail: dict[str, Any]
    id: UUID
    done: bool = False  # before, when its form was sent first: then there is nothing to do
    refused: int = 0  # times that Stripe has said no to it, as to a card that has been replaced since
    held: bool = False  # it is under way until what came of it is stored
    sent: bool = False  # what was shown has been found to hold, and Stripe may have done it: not looked at again

    @property
    def key(self) -> str:
        """The idempotency key. Under one that was refused Stripe would only say no again."""
        return f"{self.id}:{self.refused}" if self.refused else str(self.id)


@contextmanager
def act(
    name: str, tenant: str, actor: str, reason: str, key: UUID | None, *, kept: bool = True, **detail: Any
) -> Iterator[Act]:  # fmt: skip
    """Commit the intent as an audit row; the body calls Stripe, with no transaction open; then the deed is a row too.

    When the body fails the first row stays alone, which tells that it was tried. A `key` that was used before is the
    same act, sent again. The next act begins when `keep` has stored what came of this one, or with its end where
    nothing of the subscription is to be `kept`. Raises UsedKey for a key of another act, and for one that is not of
    today, and UnderWay while somebody else does something to the same tenant's payments.
    """
    if key and not _fresh(key):
        raise UsedKey
    asked = Act(name, tenant, actor, reason, detail, key or uuid7())
    before = db.session.get(AuditEntry, asked.id)
    if before is None:
        db.session.add(_row(asked, f"{name}.asked", asked.id))
    elif (before.tenant, before.action) != (tenant, f"{name}.asked"):
        raise UsedKey
    else:
        asked.done, asked.refused = _done(asked), _count(asked, "refused")
        asked.sent = _count(asked, "sent") > asked.refused
        asked.detail = {name: before.detail.get(name, value) for name, value in detail.items()}
    mine = begin(tenant, asked.id)
    try:
        with outside():
            yield asked
    except BaseException as error:
        with separate() as connection:  # the request's own transaction is rolled back
            if mine:
                connection.execute(ended(tenant, asked.id))
            if isinstance(error, CardDeclined | Refused):
                connection.execute(_refusal(asked, error))
        raise
    entitlements.lock(tenant)  # the same form, sent twice at once, is one deed
    if mine and not kept:
        db.session.execute(ended(tenant, asked.id))
    asked.held = mine and kept
    if not _done(asked):
        db.session.add(_row(asked, name, uuid7()))


def send(asked: Act, **detail: Any) -> None:
    """Note that the next call does it, so that the same form goes on with it, whatever it would cost by then."""
    detail |= {"form": str(asked.id)}
    row = {"action": f"{asked.name}.sent", "actor": asked.actor, "tenant": asked.tenant, "detail": detail}
    with separate() as connection:
        connection.execute(sa.insert(AuditEntry).values(id=uuid7(), **row))


def sent(name: str, tenant: str, key: UUID | None) -> dict[str, Any] | None:
    """What was noted by `send` of an act of this form; None: it has not come so far."""
    mine = (AuditEntry.tenant == tenant, AuditEntry.action == f"{name}.sent")
    same = AuditEntry.detail["form"].astext == str(key)
    return db.session.scalar(sa.select(AuditEntry.detail).where(*mine, same).limit(1))


def keep(asked: Act, subscription: str) -> Subscription:
    """What Stripe says after an act becomes the tenant's at once; the webhook about it will change nothing.

    It is asked anew: an answer to the act itself may be an old one, given to its key, and a job may have asked between
    the intent and the deed.
    """
    asked_at = mirror.now()
    try:
        with outside():
            found = subscriptions.fetch(subscription)
    except BaseException:
        if asked.held:
            with separate() as connection:
                connection.execute(ended(asked.tenant, asked.id))
        raise
    entitlements.lock(asked.tenant)
    mirror.store(asked.tenant, found, asked_at)
    entitlements.settle(asked.tenant, Cause("person", asked.actor, asked.reason))
    if asked.held:
        db.session.execute(ended(asked.tenant, asked.id))
    stored = db.session.get(Subscription, found.id, populate_existing=True)
    if stored is None:
        raise LookupError(found.id)
    return stored


def tell(asked: Act, now: Subscription, kind: str) -> None:
    """Mail a tenant's people what was done with their subscription, once for each act."""
    names = {"plan": catalog.name_of(now.plan or ""), "then": catalog.name_of(now.next_plan or "")}
    notices.tell(asked.tenant, kind, str(asked.id), subscription=now, **names)


def begin(tenant: str, act: UUID) -> bool:
    """One act at a time: what another one has seen may not be so any more when it calls Stripe.

    Returns whether this is the one that has to end it: the same form, sent twice at once, goes along with the first.
    Raises UnderWay.
    """
    free = sa.or_(Customer.acting.is_(None), Customer.acting_until < sa.func.now())
    taken = sa.update(Customer).where(Customer.tenant == tenant, free).returning(Customer.id)
    until = sa.func.clock_timestamp() + _LONGEST
    if db.session.scalar(taken.values(acting=act, acting_until=until)):
        return True
    other = db.session.scalar(sa.select(Customer.acting).where(Customer.tenant == tenant))
    if other not in {None, act}:
        raise UnderWay
    return False


def ended(tenant: str, act: UUID) -> sa.Update:
    """The statement that lets the next act begin."""
    mine = sa.update(Customer).where(Customer.tenant == tenant, Customer.acting == act)
    return mine.values(acting=None, acting_until=None)


def _fresh(key: UUID) -> bool:
    """Whether a form of today carries it: the audit sorts by such ids, so none may be made up."""
    return key.version == 7 and -_SKEW < datetime.now(UTC) - made_at(key) < _KEYS_LAST


def _done(asked: Act) -> bool:
    """Whether the deed has its row from the first time that its form was sent."""
    mine = (AuditEntry.tenant == asked.tenant, AuditEntry.action == asked.name)
    same = AuditEntry.detail["act"].astext == str(asked.id)
    return bool(db.session.scalar(sa.select(sa.exists().where(*mine, same))))


def _count(asked: Act, what: str) -> int:
    mine = (AuditEntry.tenant == asked.tenant, AuditEntry.action == f"{asked.name}.{what}")
    same = AuditEntry.detail["form"].astext == str(asked.id)
    return db.session.scalar(sa.select(sa.func.count()).where(*mine, same)) or 0


def _refusal(asked: Act, error: Exception) -> sa.Insert:
    detail = asked.detail | {"reason": asked.reason, "form": str(asked.id), "because": str(error)[:300]}
    row = {"action": f"{asked.name}.refused", "actor": asked.actor, "tenant": asked.tenant, "detail": detail}
    return sa.insert(AuditEntry).values(id=uuid7(), **row)


def _row(asked: Act, action: str, id_: UUID) -> AuditEntry:
    detail = asked.detail | {"reason": asked.reason, "act": str(asked.id)}
    return AuditEntry(id=id_, action=action, actor=asked.actor, tenant=asked.tenant, detail=detail)
