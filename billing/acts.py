"""A person does something that Stripe has to hear: the intent is committed first, its id is the idempotency key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing import entitlements, mirror
from billing.entitlements import Cause
from billing.errors import UsedKey
from billing.gateway.objects import SubscriptionState
from billing.models import Subscription
from saas.core.audit import AuditEntry
from saas.core.database import db, outside
from saas.core.ids import uuid7


@dataclass
class Act:
    """What somebody wants done; `detail` is what the audit keeps of it."""

    name: str  # "subscription.changed"
    tenant: str
    actor: str
    reason: str
    detail: dict[str, Any]
    id: UUID
    asked_at: datetime

    @property
    def key(self) -> str:
        """The idempotency key."""
        return str(self.id)


@contextmanager
def act(name: str, tenant: str, actor: str, reason: str, key: UUID | None, **detail: Any) -> Iterator[Act]:
    """Commit the intent as an audit row; the body calls Stripe, with no transaction open; then the deed is a row too.

    When the body fails the first row stays alone, which tells that it was tried. A `key` that was used before is the
    same act, sent again.
    """
    asked = Act(name, tenant, actor, reason, detail, key or uuid7(), mirror.now())
    before = db.session.get(AuditEntry, asked.id)
    if before is None:
        db.session.add(_row(asked, f"{name}.asked", asked.id))
    elif (before.tenant, before.action) != (tenant, f"{name}.asked"):
        raise UsedKey
    with outside():
        yield asked
    if not _done(asked):
        db.session.add(_row(asked, name, uuid7()))


def keep(asked: Act, found: SubscriptionState) -> Subscription:
    """What Stripe says after an act becomes the tenant's at once; the webhook about it will change nothing."""
    entitlements.lock(asked.tenant)
    mirror.store(asked.tenant, found, asked.asked_at)
    entitlements.settle(asked.tenant, Cause("person", asked.actor, asked.reason))
    stored = db.session.get(Subscription, found.id, populate_existing=True)
    if stored is None:
        raise LookupError(found.id)
    return stored


def _done(asked: Act) -> bool:
    """Whether the deed has its row from the first time that its form was sent."""
    mine = (AuditEntry.tenant == asked.tenant, AuditEntry.action == asked.name)
    return bool(db.session.scalar(sa.select(sa.exists().where(*mine, AuditEntry.detail["act"].astext == asked.key))))


def _row(asked: Act, action: str, id_: UUID) -> AuditEntry:
    detail = asked.detail | {"reason": asked.reason, "act": asked.key}
    return AuditEntry(id=id_, action=action, actor=asked.actor, tenant=asked.tenant, detail=detail)
