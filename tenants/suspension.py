"""Closing a tenant's door, and opening it again. Its data, members and subscription stay as they are; its jobs wait.

An operator closes it, or billing: then it is not closed altogether (`admission`).
"""

import sqlalchemy as sa

from saas.core import audit
from saas.core.database import at_once, db
from saas.core.jobs import endings
from tenants.errors import AlreadySuspended, NotSuspended, UnknownTenant
from tenants.models import Standing, State, Tenant

_COLUMNS = (Tenant.state, Tenant.suspended_at, Tenant.standing)
_STANDING = sa.select(*_COLUMNS).where(Tenant.id == sa.bindparam("tenant"))
_CLOSING = {Standing.READ_ONLY: "read_only", Standing.SUSPENDED: "suspended"}  # a tenant's jobs write, as people do


def standing(tenant_id: str) -> str | None:
    """How the tenant stands to whoever works for it: "open", "read_only", "suspended" or "preparing"; None: it is gone.

    Asked beside whatever transaction is open, which may be a tenant's.
    """
    with at_once() as connection:
        found = connection.execute(_STANDING, {"tenant": tenant_id}).one_or_none()
    if found is None:
        return None
    if found.state == State.PREPARING:
        return "preparing"
    return _CLOSING.get(found.standing, "open") if found.suspended_at is None else "suspended"


def stand(tenant: Tenant, to: Standing) -> None:
    """Billing's word on how a tenant stands; whoever calls this holds its row. What it held up goes on at once."""
    opens = tenant.standing in _CLOSING and to is not tenant.standing
    tenant.standing = to
    if opens:
        endings.release(tenant.id)


def suspend(tenant_id: str, *, text: str, reason: str, actor: str) -> None:
    """From the next request on its site and API answer 403 with `text`; `reason` is for the audit only.

    Its jobs are held from the next one on, but for those that tolerate it. Raises UnknownTenant and AlreadySuspended.
    """
    tenant = _locked(tenant_id)
    if tenant.suspended_at is not None:
        raise AlreadySuspended
    tenant.suspended_at, tenant.suspended_reason = sa.func.now(), text
    after = {"suspended": True, "text": text}
    audit.record(
        "tenant.suspended", actor=actor, tenant=tenant_id, before={"suspended": False}, after=after, reason=reason
    )


def resume(tenant_id: str, *, reason: str, actor: str) -> None:
    """Raises UnknownTenant and NotSuspended."""
    tenant = _locked(tenant_id)
    if tenant.suspended_at is None:
        raise NotSuspended
    before = {"suspended": True, "text": tenant.suspended_reason}
    tenant.suspended_at = tenant.suspended_reason = None
    endings.release(tenant_id)
    audit.record(
        "tenant.resumed", actor=actor, tenant=tenant_id, before=before, after={"suspended": False}, reason=reason
    )


def _locked(tenant_id: str) -> Tenant:
    """Two who do this at once come one after the other, and the second learns of the first."""
    query = sa.select(Tenant).where(Tenant.id == tenant_id, Tenant.state != State.SPARE).with_for_update(key_share=True)
    tenant = db.session.scalar(query.execution_options(populate_existing=True))
    if tenant is None:
        raise UnknownTenant
    return tenant
