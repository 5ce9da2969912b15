"""Another limit than the plan's for one tenant: given by an admin, with a reason, until an end."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from billing.entitlement import access, entitlements
from billing.entitlement.entitlements import Cause
from billing.errors import BadOverride, BadUntil, NoOverride
from billing.ledger import Override
from saas.core import audit
from saas.core.database import db
from saas.core.ids import uuid7
from saas.core.jobs import enqueue
from tenants.usage import limits

_MARGIN = timedelta(seconds=1)  # so that it is over by the time that the job looks
MOST = 2**53  # what a JSON number says exactly


def override(
    tenant: str, resource: str, value: int | None, until: datetime | None, *, actor: str, reason: str
) -> Override:
    """Let a limit be `value` (None: no limit; of a feature 1 or 0) until a time (None: until somebody ends it).

    It takes the place of one that was given before. Raises BadOverride and BadUntil.
    """
    entitlements.lock(tenant)
    _check(resource, value)
    now = db.session.scalars(sa.select(sa.func.now())).one()  # delays count from the transaction's beginning
    if until and until <= now:
        raise BadUntil("Choose a time in the future.")
    before = _end(tenant, resource)
    made = Override(id=uuid7(), tenant=tenant, resource=resource, value=value, until=until, reason=reason, author=actor)
    db.session.add(made)
    db.session.flush()
    after = _shown(made)
    audit.record("limit.overridden", actor=actor, tenant=tenant, before=before, after=after, reason=reason)
    entitlements.settle(tenant, Cause("person", actor, reason))
    if until:
        enqueue("billing.settle", args=(tenant, str(made.id)), delay=until - now + _MARGIN)
    return made


def end_override(tenant: str, resource: str, *, actor: str, reason: str) -> None:
    """Raises NoOverride."""
    entitlements.lock(tenant)
    before = _end(tenant, resource)
    if before is None:
        raise NoOverride
    audit.record("limit.override_ended", actor=actor, tenant=tenant, before=before, after=None, reason=reason)
    entitlements.settle(tenant, Cause("person", actor, reason))


def live(tenant: str) -> list[Override]:
    return list(access.overrides_of(tenant))


def _check(resource: str, value: int | None) -> None:
    known = {limit.name: limit for limit in limits.every()}
    if resource not in known:
        raise BadOverride("resource", f"There is no limit {resource[:40]!r}. Choose one of {', '.join(known)}.")
    if isinstance(value, bool) or not isinstance(value, int | None):
        raise BadOverride("value", "Give a whole number, or none for no limit.")
    if value is not None and not 0 <= value <= MOST:
        raise BadOverride("value", "Give a number from zero up, or none for no limit.")
    if known[resource].kind == "feature" and value not in {0, 1}:
        raise BadOverride("value", "A feature is had (1) or not (0).")


def _end(tenant: str, resource: str) -> dict[str, object] | None:
    """End the one that there is; returns what it was, unless its time was over."""
    mine = (Override.tenant == tenant, Override.resource == resource, Override.ended_at.is_(None))
    row = db.session.execute(
        sa.select(Override, sa.func.coalesce(Override.until > sa.func.now(), True)).where(*mine)
    ).one_or_none()
    if row is None:
        return None
    found, lasts = row
    found.ended_at = sa.func.now()
    db.session.flush()
    return _shown(found) if lasts else None


def _shown(found: Override) -> dict[str, object]:
    until = found.until.isoformat() if found.until else None
    return {"resource": found.resource, "value": found.value, "until": until}
