"""What an admin should look at: each thing is raised once, and stays until somebody has looked and says so."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing.errors import NoFlag
from billing.ledger import Flag
from saas.core import audit
from saas.core.database import db
from saas.core.ids import uuid7

_LONGEST = 500  # characters of a text


def raise_flag(tenant: str, kind: str, about: str, text: str) -> bool:
    """In the caller's transaction; False where it was raised before, also when it has been cleared since.

    `kind` is a word ("dispute", "refund", "second-trial"), `about` the id of what it is about at Stripe, and `text` a
    sentence or two for admins.
    """
    row = {"id": uuid7(), "tenant": tenant, "kind": kind, "about": about, "text": text[:_LONGEST]}
    new = insert(Flag).values(row).on_conflict_do_nothing(index_elements=["kind", "about"]).returning(Flag.id)
    return db.session.scalar(new) is not None


def open_of(tenant: str) -> Sequence[Flag]:
    """Those that nobody has cleared, the oldest first."""
    mine = sa.select(Flag).where(Flag.tenant == tenant, Flag.cleared_at.is_(None))
    return db.session.scalars(mine.order_by(Flag.raised_at, Flag.id)).all()


def clear(tenant: str, flag: UUID, *, actor: str, reason: str) -> None:
    """Raises NoFlag where it is not there, or cleared already."""
    mine = sa.update(Flag).where(Flag.id == flag, Flag.tenant == tenant, Flag.cleared_at.is_(None))
    cleared = db.session.execute(
        mine.values(cleared_at=sa.func.now(), cleared_by=actor).returning(Flag.kind, Flag.about)
    ).one_or_none()
    if cleared is None:
        raise NoFlag
    about = {"kind": cleared.kind, "about": cleared.about, "before": "raised", "after": "cleared"}
    audit.record("flag.cleared", actor=actor, tenant=tenant, reason=reason, **about)
