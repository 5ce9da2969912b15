"""A person does something that Stripe has to hear: the intent is committed first, its id is the idempotency key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing import entitlements, mirror
from billing.entitlements import Cause
from billing.errors import UsedKey
from billing.gateway import subscriptions
from billing.models import Subscription
from saas.core.audit import AuditEntry
from saas.core.database import db, outside
from saas.core.ids import made_at, uuid7

_KEYS_LAST = timedelta(hours=23)  # Stripe forgets them after a day, and would do it again
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

    @property
    def key(self) -> str:
        """The idempotency key."""
        return str(self.id)


@contextmanager
def act(name: str, tenant: str, actor: str, reason: str, key: UUID | None, **detail: Any) -> Iterator[Act]:
    """Commit the intent as an audit row; the body calls Stripe, with no transaction open; then the deed is a row too.

    When the body fails the first row stays alone, which tells that it was tried. A `key` that was used before is the
    same act, sent again. Raises UsedKey for one of another act, and for one that is not of today.
    """
    if key and not _fresh(key):
        raise UsedKey
    asked = Act(name, tenant, actor, reason, detail, key or uuid7())
    before = db.session.get(AuditEntry, asked.id)
    if before is None:
        db.session.add(_row(asked, f"{name}.asked", asked.id))
    elif (before.tenant, before.action) != (tenant, f"{name}.asked"):
        raise UsedKey
    with outside():
        yield asked
    if not _done(asked):
        db.session.add(_row(asked, name, uuid7()))


def keep(asked: Act, subscription: str) -> Subscription:
    """What Stripe says after an act becomes the tenant's at once; the webhook about it will change nothing.

    It is asked anew: an answer to the act itself may be an old one, given to its key, and a job may have asked between
    the intent and the deed.
    """
    asked_at = mirror.now()
    with outside():
        found = subscriptions.fetch(subscription)
    entitlements.lock(asked.tenant)
    mirror.store(asked.tenant, found, asked_at)
    entitlements.settle(asked.tenant, Cause("person", asked.actor, asked.reason))
    stored = db.session.get(Subscription, found.id, populate_existing=True)
    if stored is None:
        raise LookupError(found.id)
    return stored


def _fresh(key: UUID) -> bool:
    """Whether a form of today carries it: the audit sorts by such ids, so none may be made up."""
    return key.version == 7 and -_SKEW < datetime.now(UTC) - made_at(key) < _KEYS_LAST


def _done(asked: Act) -> bool:
    """Whether the deed has its row from the first time that its form was sent."""
    mine = (AuditEntry.tenant == asked.tenant, AuditEntry.action == asked.name)
    return bool(db.session.scalar(sa.select(sa.exists().where(*mine, AuditEntry.detail["act"].astext == asked.key))))


def _row(asked: Act, action: str, id_: UUID) -> AuditEntry:
    detail = asked.detail | {"reason": asked.reason, "act": asked.key}
    return AuditEntry(id=id_, action=action, actor=asked.actor, tenant=asked.tenant, detail=detail)
