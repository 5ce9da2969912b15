"""What a workspace's people do about their plan: buy one, change it, cancel it, take it up again, pay less for it."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from billing.acting import changing, checkout, promotions, service, trying
from billing.acting.checkout import Payer
from billing.errors import BadCode, BadQuantity, StaleOffer
from billing.mirrored import mirror
from billing.pages import common, plans
from billing.pages.plans import blueprint
from billing.plans.catalog import Price
from saas.core import identity
from saas.core.text import one_line
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later

_THEIR_WISH = "Chosen on the plan page."
_OLD_FORM = "That form had been sent before, so nothing was changed. What holds is shown here."


@blueprint.post("/checkout")
@needs(permissions.BILLING_MANAGE)
@binds_later
def pay() -> ResponseReturnValue:
    price = _chosen()
    tenant, person = identity.tenant(), identity.person()
    payer = Payer(tenant.id, tenant.name, person.email, common.actor(), f"{tenant.url}/billing/return")
    if trying.without_card(tenant.id, person.email, price):
        return _try(payer, price)
    return redirect(checkout.start(payer, price), 303)


@blueprint.post("/change")
@needs(permissions.BILLING_MANAGE)
@binds_later
def change() -> ResponseReturnValue:
    tenant, price = identity.tenant().id, _chosen()
    given = common.given(tenant)
    now = changing.change_plan(
        tenant,
        price,
        actor=common.actor(),
        reason=_THEIR_WISH,
        key=common.key(),
        at=common.moment(),
        due=common.due(),
    )
    if (now.next_plan, now.next_interval) == (price.plan.code, price.interval) and now.next_at:
        flash(f"You will be on {price.plan.name} from {now.next_at:%-d %B %Y} on. Until then all stays.", "success")
    elif plans.is_to(now, price):
        flash(f"You {'pay for' if given else 'are on'} {price.plan.name} from now on.{given}", "success")
    else:
        flash(_OLD_FORM, "warning")
    return _back()


@blueprint.post("/cancel")
@needs(permissions.BILLING_MANAGE)
@binds_later
def cancel() -> ResponseReturnValue:
    common.ready()
    reason = one_line(request.form.get("reason", ""), 400)[:400] or "No reason given."
    tenant = identity.tenant().id
    ended = service.cancel(tenant, at_period_end=True, actor=common.actor(), reason=reason, key=common.key())
    if ended.cancel_at:
        last = f"{ended.cancel_at:%-d %B %Y}"
        flash(f"Your plan ends on {last}. Nothing is deleted, and you can resume until then.", "success")
    else:
        flash(_OLD_FORM, "warning")
    return _back()


@blueprint.post("/resume")
@needs(permissions.BILLING_MANAGE)
@binds_later
def resume() -> ResponseReturnValue:
    common.ready()
    now = service.resume(identity.tenant().id, actor=common.actor(), reason=_THEIR_WISH, key=common.key())
    flash(*((_OLD_FORM, "warning") if now.cancel_at else ("Your plan goes on.", "success")))
    return _back()


@blueprint.post("/code")
@needs(permissions.BILLING_MANAGE)
@binds_later
def redeem() -> ResponseReturnValue:
    common.ready()
    tenant, code = identity.tenant().id, request.form.get("code", "")
    old = mirror.live_subscription_of(tenant)
    before = old.discount if old else None
    try:
        now = promotions.redeem(tenant, code, actor=common.actor(), key=common.key())
    except BadCode as error:
        return plans.page(code_error=error.detail, code_given=code[:100]), error.status
    place = f" It takes the place of {before}." if before and before != now.discount else ""
    flash(f"You pay less now: {now.discount}.{place}", "success")
    return _back()


@blueprint.post("/portal")
@needs(permissions.BILLING_MANAGE)
@binds_later
def portal() -> ResponseReturnValue:
    common.ready()
    tenant = identity.tenant()
    return redirect(service.portal(tenant.id, f"{tenant.url}/billing"), 303)


def _try(payer: Payer, price: Price) -> Response:
    began = trying.start(payer, price, key=common.key())
    if began.trial_end:
        flash(
            f"You can try {price.plan.name} until {began.trial_end:%-d %B %Y}. No card is needed until then.", "success"
        )
    return _back()


def _chosen() -> Price:
    """Raises UnknownPlan, BadQuantity, StaleOffer and NoPayments."""
    common.ready()
    if request.form.get("quantity", "1") != "1":
        raise BadQuantity
    tenant = identity.tenant().id
    price = plans.price_of(mirror.live_subscription_of(tenant), mirror.customer_of(tenant), request.form)
    if request.form.get("version", str(price.plan.version)) != str(price.plan.version):
        raise StaleOffer  # a newer one has come on sale since the page was shown
    return price


def _back() -> Response:
    return redirect(url_for("billing.index"), 303)
