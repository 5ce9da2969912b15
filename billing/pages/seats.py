"""More people than the plan includes: what a seat costs is shown before it is charged."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.acting import seats
from billing.entitlement import access
from billing.gateway.connection import set_up
from billing.mirrored import mirror
from billing.money import shown
from billing.pages import common
from billing.plans import catalog
from saas.core import identity
from saas.core.ids import uuid7
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later
from tenants.team import invitations

blueprint = Blueprint("seats", __name__, url_prefix="/billing/seats")


@blueprint.get("")
@needs(permissions.BILLING_MANAGE)
@binds_later
def index() -> ResponseReturnValue:
    """How many seats there are; for a number of people, what they would cost."""
    tenant = identity.tenant()
    now, subscription = invitations.seats(tenant.id), mirror.live_subscription_of(tenant.id)
    wanted = common.whole(request.args.get("people"), seats.MOST) or now.members + now.invited + 1
    asked, grant = "people" in request.args, access.grant_of(tenant.id)
    offer = seats.offer(tenant.id, wanted) if asked and subscription and common.may_ask() else None
    return render_template(
        "billing/seats.html",
        set_up=set_up(),
        subscription=subscription,
        grant=grant,
        plan=catalog.name_of(tenant.plan),
        ends=subscription and (subscription.cancel_at or subscription.next_at),
        next_plan=catalog.name_of((subscription and subscription.next_plan) or ""),
        owes=subscription is not None and mirror.owes(subscription),
        now=now,
        people=wanted,
        asked=asked,
        offer=offer,
        money=shown,
        key=uuid7(),
    )


@blueprint.post("")
@needs(permissions.BILLING_MANAGE)
@binds_later
def buy() -> ResponseReturnValue:
    common.ready()
    extra = common.whole(request.form.get("extra"), seats.MOST)
    tenant = identity.tenant()
    seats.buy(tenant.id, extra or 0, actor=common.actor(), key=common.key(), at=common.moment(),
               due=common.due())  # fmt: skip
    flash(f"The seats are yours. Invite whom you like.{common.given(tenant.id)}", "success")
    return redirect(url_for("team.index"), 303)
