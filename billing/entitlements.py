"""What a tenant may do, written down where the product reads it, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from billing import catalog, mirror
from billing.models import OVERDUE, PAYING, AccessChange, Grant
from saas.core.database import db
from tenants.models import FREE, Standing, Tenant


@dataclass(frozen=True)
class Cause:
    """Who or what made us look: an event of Stripe's, a person, or a rule of ours."""

    kind: Literal["event", "person", "rule"]
    source: str  # the event's id, the person as in the audit, or the rule's name
    reason: str | None = None


@dataclass(frozen=True)
class Access:
    plan: str
    rule: str  # what the plan rests on: "grant", "subscription" or "free"
    standing: Standing


def start(tenant: Tenant) -> None:
    """Give a new tenant what the free plan allows, which are the defaults."""
    tenant.plan, tenant.limits, tenant.standing = FREE, dict(catalog.plan(FREE).limits), Standing.GOOD
    db.session.add(
        AccessChange(tenant=tenant.id, cause="rule", source="sign-up", rule="free", before=None, after=_shown(tenant))
    )


def lock(tenant: str) -> Tenant | None:
    """The tenant's row, held until the transaction ends: billing does one thing at a time with a tenant."""
    mine = sa.select(Tenant).where(Tenant.id == tenant)
    return db.session.scalar(mine.with_for_update(key_share=True).execution_options(populate_existing=True))


def settle(tenant_id: str, cause: Cause) -> bool:
    """Bring plan, limits and standing in line with what is granted and paid; returns whether anything changed."""
    tenant = lock(tenant_id)
    if tenant is None:  # taken back meanwhile
        return False
    access = effective(tenant_id)
    before = _shown(tenant)
    tenant.plan, tenant.standing = access.plan, access.standing
    tenant.limits = dict(catalog.plan(access.plan).limits)
    after = _shown(tenant)
    if before == after:
        return False
    db.session.add(
        AccessChange(
            tenant=tenant_id, cause=cause.kind, source=cause.source, rule=access.rule, reason=cause.reason,
            before=before, after=after,
        )
    )  # fmt: skip
    db.session.flush()
    return True


def effective(tenant: str) -> Access:
    """A live grant goes first, then a subscription that is paid for or about to be, then the free plan."""
    grant, subscription = grant_of(tenant), mirror.subscription_of(tenant)
    overdue = subscription is not None and subscription.status in OVERDUE
    standing = Standing.PAST_DUE if overdue else Standing.GOOD
    if grant:
        return Access(grant.plan, "grant", standing)
    if subscription and subscription.plan and subscription.status in PAYING:
        return Access(subscription.plan, "subscription", standing)
    return Access(FREE, "free", standing)


def grant_of(tenant: str) -> Grant | None:
    """The grant that is live now."""
    live = (Grant.ended_at.is_(None), sa.or_(Grant.until.is_(None), Grant.until > sa.func.now()))
    return db.session.scalar(sa.select(Grant).where(Grant.tenant == tenant, *live))


def access_changes_of(tenant: str, most: int = 100) -> Sequence[AccessChange]:
    """Why the tenant may do what it may, the newest change first."""
    mine = sa.select(AccessChange).where(AccessChange.tenant == tenant)
    return db.session.scalars(mine.order_by(AccessChange.id.desc()).limit(most)).all()


def _shown(tenant: Tenant) -> dict[str, Any]:
    return {"plan": tenant.plan, "limits": dict(tenant.limits), "standing": str(tenant.standing)}
