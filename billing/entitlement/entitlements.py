"""What a tenant may do, written down where the product reads it, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
import structlog

from billing.entitlement import access, dunning, occasions, trials
from billing.entitlement.access import UnknownVersion
from billing.ledger import AccessChange
from billing.mirrored import mirror, mrr
from billing.models import Customer, Subscription
from billing.plans import catalog
from saas.core.audit import AuditEntry
from saas.core.database import db
from saas.core.jobs import enqueue
from tenants import suspension
from tenants.models import FREE, Standing, Tenant

_MARGIN = timedelta(seconds=1)  # so that a step of dunning has come by the time that the job looks

# Acts that change what a tenant may do; a credit or a refund, which is under way as well, does not.
_MOVES = ("subscription.", "seats.", "trial.", "overage.", "invoices.")

_UNKNOWN = timedelta(minutes=10)  # until a worker of the newer release may be there

log = structlog.get_logger()


@dataclass(frozen=True)
class Cause:
    """Who or what made us look: an event of Stripe's, a person, or a rule of ours."""

    kind: Literal["event", "person", "rule"]
    source: str  # the event's id, the person as in the audit, or the rule's name
    reason: str | None = None


def start(tenant: Tenant) -> None:
    """Give a new tenant what the free plan allows, which are the defaults."""
    free = catalog.free()
    tenant.plan, tenant.plan_version, tenant.limits = FREE, free.version, dict(free.limits)
    tenant.standing = Standing.GOOD
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
    subscription, now = mirror.subscription_of(tenant_id), mirror.time_of(tenant_id)
    mrr.note(tenant_id, subscription, now)
    _look_again(tenant_id, subscription, now)
    trials.watch(tenant_id, subscription)
    try:
        found = access.effective(tenant_id)
    except UnknownVersion as error:  # a newer release has sold it: what they have stays until that one is back
        log.warning("billing.unknown_plan", tenant=tenant_id, plan=str(error))
        enqueue("billing.dun", args=(tenant_id,), delay=_UNKNOWN, key=f"{tenant_id}/unknown/{mirror.now():%Y%m%dT%H%M}")
        return False
    before, step = _shown(tenant), dunning.step_after(subscription, now)
    was = tenant.standing
    tenant.plan, tenant.plan_version, tenant.limits = found.plan.code, found.plan.version, found.limits
    suspension.stand(tenant, found.standing)
    tenant.standing_until = step.at if step and found.rule != "grant" else None
    occasions.look(tenant, subscription, now, was)
    after = _shown(tenant)
    if before == after:
        return False
    cause = _under_way(tenant_id) or cause if cause.kind == "event" else cause
    db.session.add(
        AccessChange(
            tenant=tenant_id, cause=cause.kind, source=cause.source, rule=found.rule, reason=cause.reason,
            before=before, after=after,
        )
    )  # fmt: skip
    db.session.flush()
    return True


def access_changes_of(tenant: str, most: int = 100) -> Sequence[AccessChange]:
    """Why the tenant may do what it may, the newest change first."""
    mine = sa.select(AccessChange).where(AccessChange.tenant == tenant)
    return db.session.scalars(mine.order_by(AccessChange.id.desc()).limit(most)).all()


def _under_way(tenant: str) -> Cause | None:
    """Who does something at Stripe at this moment: an event of it may come before what came of it is stored."""
    mine = (Customer.tenant == tenant, Customer.acting_until > sa.func.clock_timestamp())
    query = sa.select(AuditEntry).join(Customer, Customer.acting == AuditEntry.id).where(*mine)
    asked = db.session.scalar(query)
    if asked is None or not asked.action.startswith(_MOVES):
        return None
    return Cause("person", asked.actor, asked.detail.get("reason"))


def _look_again(tenant: str, subscription: Subscription | None, now: datetime) -> None:
    """Let a job look when a step of dunning has come and a day before it, and when a trial is about to end."""
    at = dunning.looks_at(subscription, now) or occasions.trial_told_at(subscription, now)
    if at:
        customer = mirror.customer_of(tenant)
        behind = mirror.now() - now if customer and customer.clock_at else timedelta(0)  # of a test clock's time
        run_at = at + behind + _MARGIN
        enqueue("billing.dun", args=(tenant,), run_at=run_at, key=f"{tenant}/{at:%Y%m%dT%H%M%S}")


def _shown(tenant: Tenant) -> dict[str, Any]:
    return {
        "plan": tenant.plan,
        "version": tenant.plan_version,
        "limits": dict(tenant.limits),
        "standing": str(tenant.standing),
    }
