"""A tenant's people agree to pay for more than is included, up to a cap."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing import money
from billing.acting.acts import act, keep
from billing.entitlement import entitlements
from billing.entitlement.entitlements import Cause
from billing.errors import BadCap, InTrial, NoSubscription
from billing.gateway import subscriptions
from billing.gateway.objects import METERED_SINCE
from billing.gateway.subscriptions import Change
from billing.mirrored import mirror
from billing.models import Customer, Subscription
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.catalog import Interval
from saas.core.database import db
from tenants.usage import hours, limits

MOST = 10**9  # in the minor unit


def agree(tenant: str, cap: int, *, actor: str, key: UUID | None = None) -> Subscription:
    """Let use beyond the included amount cost at most `cap` in a period; 0: it ends at the included amount.

    Raises NoSubscription, BadCap and, while use costs nothing since a trial runs, InTrial.
    """
    if not (money.whole(cap) and 0 <= cap <= MOST):
        raise BadCap
    entitlements.lock(tenant)
    old = mirror.live_subscription_of(tenant)
    plan = catalog.find(old.plan, old.version) if old else None
    if old is None or plan is None or shaping.METERED not in plan.overage:
        raise NoSubscription
    id_, metered = old.id, old.metered_item
    mine = sa.select(Customer.spending_cap).where(Customer.tenant == tenant)
    before = db.session.scalar(mine)
    price = shaping.price_for(old, plan.code, old.interval or Interval.MONTH)
    wishes = shaping.overage_items(price, now=old)
    if old.status == "trialing":
        raise InTrial
    if metered is None and cap:  # what was used before nobody had agreed to pay for
        hours.waive(tenant, limits.get(shaping.METERED))
    since, why = int(mirror.time_of(tenant).timestamp()), "Chosen on the plan page."
    agreed: dict[str, Any] = {"before": before, "after": cap, "since": since, "currency": old.currency}
    with act("overage.agreed", tenant, actor, why, key, **agreed) as asked:
        if metered is None and cap and not asked.done:
            about = {METERED_SINCE: str(asked.detail["since"])}
            subscriptions.change(id_, Change(wishes), charged=False, metadata=about, key=asked.key)
    if not asked.done:
        db.session.execute(sa.update(Customer).where(Customer.tenant == tenant).values(spending_cap=cap))
    found = keep(asked, id_)
    entitlements.settle(tenant, Cause("person", actor, "Another spending cap."))
    return found
