"""An act is several rows of the audit: it was asked for, sent, done or refused. People want one line of it."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from saas.core.audit import AuditEntry
from saas.core.database import db

_STEPS = (".asked", ".sent", ".refused")


def hidden(entries: Sequence[AuditEntry]) -> set[UUID]:
    """Those of a page's rows whose act has a later one, which may be on the page before; in at most one query.

    That something was sent is no news beside what was asked.
    """
    steps = [entry for entry in entries if entry.action.endswith(_STEPS) and _act(entry)]
    if not steps:
        return set()
    last = _last(steps)
    return {one.id for one in steps if one.action.endswith(".sent") or one.id < last.get(_act(one), one.id)}


def _last(steps: Sequence[AuditEntry]) -> dict[str, UUID]:
    """The newest row of each of their acts that says how it went."""
    act = sa.func.coalesce(AuditEntry.detail["act"].astext, AuditEntry.detail["form"].astext)
    mine = (AuditEntry.tenant.in_({one.tenant for one in steps}), AuditEntry.id >= min(one.id for one in steps))
    told = (act.in_({_act(one) for one in steps}), ~AuditEntry.action.endswith(".sent"))
    rows = db.session.execute(sa.select(act, AuditEntry.id).where(*mine, *told).order_by(AuditEntry.id))
    return {row[0]: row.id for row in rows}


def _act(entry: AuditEntry) -> str:
    return str(entry.detail.get("act") or entry.detail.get("form") or "")
