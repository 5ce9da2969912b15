"""Whoever nears a limit is told at 80 and at 100 %, and use that may cost no more ends."""

from collections.abc import Iterator

import sqlalchemy as sa

from billing.entitlement import access, entitlements, notices, spending
from billing.entitlement.entitlements import Cause
from billing.entitlement.spending import Spending
from billing.ledger import Notice
from billing.mirrored import mirror
from billing.models import LIVE, Subscription
from saas.core.database import db
from tenants.models import State, Tenant
from tenants.usage import flows, limits, stocks
from tenants.usage import service as usage
from tenants.usage.limits import Limit
from tenants.usage.models import Usage, UsageHour
from tenants.usage.service import Meter

STEPS = (100, 80)  # percent; who is past both is told of the higher one
MOST = 500  # tenants at a time
_COUNTED = 100  # a limit of fewer is seen as it is reached, on the page where something is added


def to_look_at() -> list[str]:
    """The tenants that near a limit and were not told, and those that pay for use and have used something."""
    found = {tenant for limit in _limits() for step in STEPS for tenant in _nearing(limit, step)}
    return sorted(found | set(_spending()))


def look(tenant: str) -> None:
    """Tell what there is to tell, and bring the limit of those in line who pay for use up to a cap."""
    if entitlements.lock(tenant) is None:
        return
    subscription = mirror.live_subscription_of(tenant)
    spent = spending.of(subscription) if subscription else None
    for meter in usage.meters(tenant):
        if meter.allowed and meter.allowed >= _COUNTED:
            _tell(tenant, meter, flows.period())
    if spent and access.effective(tenant).rule == "subscription":
        _tell_of_spending(tenant, spent)
        entitlements.settle(tenant, Cause("rule", "spending-cap", "By what was used in this period."))


def _tell(tenant: str, meter: Meter, period: str) -> None:
    percent = meter.percent or 0
    step = next((step for step in STEPS if percent >= step), None)
    if step:
        about = {"meter": meter, "percent": step}
        notices.tell(tenant, f"usage-{step}", f"{meter.limit.name}/{period}", template="usage", **about)


def _tell_of_spending(tenant: str, spent: Spending) -> None:
    if spent.included and spent.used * 100 >= spent.included * STEPS[0]:
        notices.tell(tenant, "overage", f"{spent.begin:%Y-%m-%d}", spent=spent)
    step = next((step for step in STEPS if spent.cap and spent.cost * 100 >= spent.cap * step), None)
    if step:
        notices.tell(tenant, f"cap-{step}", f"{spent.begin:%Y-%m-%d}", template="cap", spent=spent, percent=step)


def _limits() -> list[Limit]:
    return limits.of_kind("stock", "flow")


def _nearing(limit: Limit, step: int) -> Iterator[str]:
    period = flows.period() if limit.kind == "flow" else ""
    most = stocks.most(limit)
    told = sa.exists().where(
        Notice.tenant == Tenant.id,
        Notice.kind.in_([f"usage-{higher}" for higher in STEPS if higher >= step]),
        Notice.about == f"{limit.name}/{flows.period()}",
    )
    query = (
        sa.select(Tenant.id)
        .join(Usage, Usage.tenant == Tenant.id)
        .where(Usage.resource == limit.name, Usage.period == period, Tenant.state == State.ACTIVE)
        .where(most >= _COUNTED, Usage.used >= sa.cast(most, sa.Numeric) * step / 100, ~told)
        .limit(MOST)
    )
    yield from db.session.scalars(query)


def _spending() -> list[str]:
    """Who has used something of late, or may use nothing just now."""
    lately = sa.exists().where(
        UsageHour.tenant == Subscription.tenant, UsageHour.hour >= sa.func.now() - sa.text("interval '2 hours'")
    )
    stopped = sa.exists().where(Tenant.id == Subscription.tenant, Tenant.limits[limits.API_CALLS.name].astext == "0")
    paying = sa.select(Subscription.tenant).where(
        Subscription.status.in_(LIVE), Subscription.metered_item.is_not(None), sa.or_(lately, stopped)
    )
    return list(db.session.scalars(paying))
