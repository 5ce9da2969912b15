"""What is used beyond the included amount: what it costs so far, where it leads, and up to what it may go."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing import money
from billing.entitlement import spending
from billing.errors import BadCap, NoSubscription
from billing.metering import agreeing
from billing.mirrored import mirror
from billing.models import Subscription
from billing.offering.shaping import METERED
from billing.pages import common
from billing.plans import catalog
from billing.plans.catalog import Plan
from billing.plans.model import MONTHS
from saas.core import identity
from saas.core.ids import uuid7
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later

blueprint = Blueprint("spending", __name__, url_prefix="/billing/usage")


@blueprint.get("")
@needs(permissions.BILLING_READ)
@binds_later
def index() -> ResponseReturnValue:
    return page()


def page(**more: Any) -> str:
    """The page, also for its form that comes back with an error."""
    tenant = identity.tenant().id
    subscription = mirror.live_subscription_of(tenant)
    plan = _plan(subscription)
    spent = spending.of(subscription) if subscription else None
    return render_template(
        "billing/usage.html",
        subscription=subscription,
        plan=plan,
        included=(plan.included(METERED) or 0) * MONTHS.get((subscription and subscription.interval) or "", 1)
        if plan
        else 0,
        overage=plan.overage.get(METERED) if plan else None,
        spent=spent,
        forecast=spent.forecast(mirror.time_of(tenant)) if spent else None,
        money=money.shown,
        written=money.written,
        key=uuid7(),
        **{"cap_error": None, "cap_given": "", **more},
    )


@blueprint.post("")
@needs(permissions.BILLING_MANAGE)
@binds_later
def agree() -> ResponseReturnValue:
    common.ready()
    tenant = identity.tenant().id
    subscription = mirror.live_subscription_of(tenant)
    if subscription is None:
        raise NoSubscription
    given, currency = request.form.get("cap", "").strip(), subscription.currency
    try:
        cap = money.minor(given, currency)
        if cap is None:
            raise BadCap  # noqa: TRY301 - answered as the one that the service raises
        agreeing.agree(tenant, cap, actor=common.actor(), key=common.key())
    except BadCap as error:
        return page(cap_error=error.detail, cap_given=given[:100]), error.status
    words = f"More than is included may cost {money.shown(cap, currency)} in a period."
    flash(words if cap else "Calls end at what is included.", "success")
    return redirect(url_for("spending.index"), 303)


def _plan(subscription: Subscription | None) -> Plan | None:
    return catalog.find(subscription.plan, subscription.version) if subscription else None
