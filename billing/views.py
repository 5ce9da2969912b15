"""A workspace's pages about its plan and payments. No tenant is bound: billing's tables are the platform's own."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from billing import cards, catalog, checkout, entitlements, mirror, service
from billing.catalog import Interval, Price
from billing.checkout import Payer
from billing.errors import BadQuantity, NoPayments, Refused, StripeAway
from billing.gateway.connection import set_up
from billing.models import Subscription
from billing.money import shown
from saas.core import attempts, identity
from saas.core.ids import uuid7
from saas.core.text import one_line
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later
from tenants.usage import service as usage

blueprint = Blueprint("billing", __name__, url_prefix="/billing")

_THEIR_WISH = "Chosen on the plan page."
_A_MINUTE = 30  # acts of one workspace: all of them share what Stripe allows us
_OLD_FORM = "That form had been sent before, so nothing was changed. What holds is shown here."


@blueprint.get("")
@needs(permissions.BILLING_READ)
@binds_later
def index() -> ResponseReturnValue:
    tenant = identity.tenant()
    subscription = mirror.live_subscription_of(tenant.id)
    theirs = subscription.interval if subscription else None
    interval = cards.interval_of(request.args.get("interval") or theirs)
    return render_template(
        "billing/index.html",
        set_up=set_up(),
        plan=catalog.name_of(tenant.plan),
        subscription=subscription,
        grant=entitlements.grant_of(tenant.id),
        customer=mirror.customer_of(tenant.id),
        under_way=checkout.open_of(tenant.id),
        invoices=mirror.invoices_of(tenant.id),
        meters=usage.meters(tenant.id),
        interval=interval,
        cards=cards.cards(interval, (tenant.plan, theirs), trials=mirror.subscription_of(tenant.id) is None),
        money=shown,
        name_of=catalog.name_of,
        key=uuid7(),
    )


@blueprint.get("/choose")
@needs(permissions.BILLING_MANAGE)
@binds_later
def choose() -> ResponseReturnValue:
    """What a plan costs and changes, before anything happens."""
    if catalog.plan(request.args.get("plan", "")).free:
        return redirect(url_for("billing.index"))
    price = catalog.price(request.args.get("plan", ""), request.args.get("interval", Interval.MONTH))
    tenant = identity.tenant()
    subscription = mirror.live_subscription_of(tenant.id)
    due = _due_now(tenant.id, price, subscription) if set_up() else None
    return render_template(
        "billing/choose.html",
        set_up=set_up(),
        price=price,
        amount=shown(price.amount, catalog.CURRENCY),
        trial_days=0 if mirror.subscription_of(tenant.id) else price.plan.trial_days,
        subscription=subscription,
        same=subscription is not None and _is(subscription, price),
        before=catalog.name_of(tenant.plan),
        due=due,
        differences=cards.differences(price.plan, usage.meters(tenant.id)),
        key=uuid7(),
    )


@blueprint.post("/checkout")
@needs(permissions.BILLING_MANAGE)
@binds_later
def pay() -> ResponseReturnValue:
    price = _chosen()
    return redirect(checkout.start(_payer(), price), 303)


@blueprint.post("/change")
@needs(permissions.BILLING_MANAGE)
@binds_later
def change() -> ResponseReturnValue:
    price = _chosen()
    now = service.change_plan(
        identity.tenant().id, price.plan.code, price.interval, actor=_actor(), reason=_THEIR_WISH, key=_key()
    )
    if _is(now, price):
        flash(f"You are on {price.plan.name} from now on.", "success")
    else:
        flash(_OLD_FORM, "warning")
    return _back()


@blueprint.post("/cancel")
@needs(permissions.BILLING_MANAGE)
@binds_later
def cancel() -> ResponseReturnValue:
    _ready()
    reason = one_line(request.form.get("reason", ""), 400)[:400] or "No reason given."
    ended = service.cancel(identity.tenant().id, at_period_end=True, actor=_actor(), reason=reason, key=_key())
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
    _ready()
    now = service.resume(identity.tenant().id, actor=_actor(), reason=_THEIR_WISH, key=_key())
    flash(*((_OLD_FORM, "warning") if now.cancel_at else ("Your plan goes on.", "success")))
    return _back()


@blueprint.post("/portal")
@needs(permissions.BILLING_MANAGE)
@binds_later
def portal() -> ResponseReturnValue:
    _ready()
    tenant = identity.tenant()
    return redirect(service.portal(tenant.id, f"{tenant.url}/billing"), 303)


@blueprint.get("/return")
@needs(permissions.BILLING_READ)
@binds_later
def returned() -> ResponseReturnValue:
    """Where Stripe sends people back to. It reads what our own database knows and waits for the webhook."""
    found = checkout.of_tenant(identity.tenant().id, _uuid(request.args.get("checkout")))
    return render_template(
        "billing/return.html",
        checkout=found,
        plan=catalog.name_of(found.plan),
        subscription=mirror.live_subscription_of(found.tenant),
        cancelled="cancelled" in request.args,
    )


def _due_now(tenant: str, price: Price, subscription: Subscription | None) -> str | None:
    """None where there is nothing to tell, or nobody who could."""
    if subscription is None or _is(subscription, price):
        return None
    if not attempts.within("billing-amount", tenant, limit=_A_MINUTE, seconds=60):
        return None
    try:
        return shown(*service.due_now(tenant, price))
    except (StripeAway, Refused, NoPayments):
        return None


def _is(subscription: Subscription, price: Price) -> bool:
    return (subscription.plan, subscription.interval) == (price.plan.code, price.interval.value)


def _chosen() -> Price:
    """Raises UnknownPlan, BadQuantity and NoPayments."""
    _ready()
    if request.form.get("quantity", "1") != "1":
        raise BadQuantity
    return catalog.price(request.form.get("plan", ""), request.form.get("interval", ""))


def _ready() -> None:
    """Raises NoPayments and TooManyAttempts."""
    if not set_up():
        raise NoPayments
    attempts.count("billing", identity.tenant().id, limit=_A_MINUTE, seconds=60)


def _payer() -> Payer:
    tenant, person = identity.tenant(), identity.person()
    return Payer(tenant.id, tenant.name, person.email, _actor(), f"{tenant.url}/billing/return")


def _actor() -> str:
    return f"user:{identity.person().id}"


def _key() -> UUID | None:
    """Of the form that was sent, so that the same form sent twice is one act."""
    return _uuid(request.form.get("key"))


def _uuid(given: str | None) -> UUID | None:
    try:
        return UUID(given or "")
    except ValueError:
        return None


def _back() -> Response:
    return redirect(url_for("billing.index"), 303)
