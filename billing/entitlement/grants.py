"""A plan for nothing, given by an admin."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from billing.entitlement import entitlements
from billing.entitlement.entitlements import Cause
from billing.errors import BadUntil, NoGrant
from billing.ledger import Grant
from billing.plans import catalog
from saas.core import audit
from saas.core.database import db
from saas.core.ids import uuid7
from saas.core.jobs import enqueue

_MARGIN = timedelta(seconds=1)  # so that the grant is over by the time that the job looks


def grant(tenant: str, plan: str, until: datetime | None, *, actor: str, reason: str) -> Grant:
    """Give a plan until a time (None: until somebody ends it), in place of one given before.

    Raises UnknownPlan and BadUntil.
    """
    entitlements.lock(tenant)
    wanted, now = catalog.plan(plan), _delays_count_from()
    if until and until <= now:
        raise BadUntil("Choose a time in the future.")
    before = _end(tenant)
    made = Grant(
        id=uuid7(), tenant=tenant, plan=wanted.code, version=wanted.version, until=until, reason=reason, author=actor
    )
    db.session.add(made)
    after = {"plan": wanted.code, "until": until and until.isoformat()}
    audit.record("plan.granted", actor=actor, tenant=tenant, before=before, after=after, reason=reason)
    db.session.flush()
    entitlements.settle(tenant, Cause("person", actor, reason))
    if until:
        enqueue("billing.settle", args=(tenant, str(made.id)), delay=until - now + _MARGIN)
    return made


def end_grant(tenant: str, *, actor: str, reason: str) -> None:
    """Raises NoGrant."""
    entitlements.lock(tenant)
    before = _end(tenant)
    if before is None:
        raise NoGrant
    audit.record("plan.grant_ended", actor=actor, tenant=tenant, before=before, after=None, reason=reason)
    entitlements.settle(tenant, Cause("person", actor, reason))


def _delays_count_from() -> datetime:
    """The transaction's beginning: it may be long ago, since whoever grants has waited for the tenant's row."""
    found: datetime = db.session.scalars(sa.select(sa.func.now())).one()
    return found


def _end(tenant: str) -> dict[str, str | None] | None:
    """End the grant there is, if there is one; returns what it was."""
    found = db.session.scalar(sa.select(Grant).where(Grant.tenant == tenant, Grant.ended_at.is_(None)))
    if found is None:
        return None
    found.ended_at = sa.func.now()
    db.session.flush()
    return {"plan": found.plan, "until": found.until.isoformat() if found.until else None}
