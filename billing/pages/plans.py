"""Plan and payments: what a workspace has, what it costs, and what it could have instead.

No tenant is bound: billing's tables are the platform's own.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.acting import changing, checkout, trying
from billing.acting.changing import Offer
from billing.entitlement import access, spending, trials
from billing.errors import NoPayments, Refused, StripeAway
from billing.gateway.connection import set_up
from billing.mirrored import mirror
from billing.models import Customer, Subscription
from billing.money import named, shown
from billing.offering import shaping
from billing.pages import cards, common
from billing.plans import catalog
from billing.plans.catalog import Interval, Price
from saas.core import identity
from saas.core.ids import uuid7
from tenants import gauges, preview
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.preview import Loss
from tenants.routing import bind, binds_later
from tenants.usage import service as usage

blueprint = Blueprint("billing", __name__, url_prefix="/billing")


@blueprint.get("")
@needs(permissions.BILLING_READ)
@binds_later
def index() -> ResponseReturnValue:
    return page()


def page(**more: Any) -> str:
    """The page, also for a form on it that comes back with an error."""
    tenant = identity.tenant()
    subscription, customer = mirror.live_subscription_of(tenant.id), mirror.customer_of(tenant.id)
    theirs = subscription.interval if subscription else None
    interval = cards.interval_of(request.args.get("interval") or theirs)
    currency = currency_of(subscription, customer, request.args)
    tries = trials.left(tenant.id, identity.person().email)
    shown_here = {
        "set_up": set_up(),
        "plan": catalog.name_of(tenant.plan),
        "subscription": subscription,
        "grant": access.grant_of(tenant.id),
        "customer": customer,
        "under_way": checkout.open_of(tenant.id),
        "invoices": mirror.invoices_of(tenant.id),
        "meters": gauges.meters(tenant.id),
        "spent": spending.of(subscription) if subscription else None,
        "next_amount": next_amount(subscription) if subscription else None,
        "interval": interval,
        "currency": currency,
        "currencies": _tabs(interval, currency),
        "cards": cards.cards(interval, (tenant.plan, theirs), currency=currency, trials=tries),
        "money": shown,
        "name_of": catalog.name_of,
        "key": uuid7(),
        "code_error": None,
        "code_given": "",
    }
    losses = _losses_on_free(tenant.id) if subscription and not subscription.cancel_at else []
    return render_template("billing/index.html", losses=losses, **{**shown_here, **more})


@blueprint.get("/choose")
@needs(permissions.BILLING_MANAGE)
@binds_later
def choose() -> ResponseReturnValue:
    """What a plan costs and changes, before anything happens."""
    if catalog.plan(request.args.get("plan", "")).free:
        return redirect(url_for("billing.index"))
    tenant = identity.tenant()
    subscription, customer = mirror.live_subscription_of(tenant.id), mirror.customer_of(tenant.id)
    price, payer = price_of(subscription, customer, request.args), identity.person().email
    after, hindrance = access.of_plan(tenant.id, price.plan, subscription), _hindrance(subscription, price)
    shown_here = {
        "set_up": set_up(),
        "price": price,
        "trial_days": price.plan.trial.days if trials.left(tenant.id, payer) else 0,
        "without_card": trying.without_card(tenant.id, payer, price),
        "seats": shaping.seats_beyond(price.plan, tenant.used.get("seats", 0)),
        "subscription": subscription,
        "same": subscription is not None and is_to(subscription, price),
        "before": catalog.name_of(tenant.plan),
        "grant": access.grant_of(tenant.id),
        "ends_trial": subscription is not None and changing.ends_trial_by(subscription, price),
        "overage": price.plan.overage.get(shaping.METERED),
        "currency_held": bool(customer and customer.currency),
        "hindrance": hindrance,
        "offer": None if hindrance else _offer(tenant.id, price, subscription),
        "money": shown,
        "named": named,
        "name_of": catalog.name_of,
        "differences": cards.differences(after, usage.meters(tenant.id)),
        "key": uuid7(),
    }
    bind()  # what would be read-only is named by the tenant's own tables, when all of billing's are read
    return render_template("billing/choose.html", losses=preview.losses(tenant.id, after), **shown_here)


@blueprint.get("/return")
@needs(permissions.BILLING_READ)
@binds_later
def returned() -> ResponseReturnValue:
    """Where Stripe sends people back to. It reads what our own database knows and waits for the webhook."""
    found = checkout.of_tenant(identity.tenant().id, common.uuid(request.args.get("checkout")))
    return render_template(
        "billing/return.html",
        checkout=found,
        plan=catalog.name_of(found.plan),
        grant=access.grant_of(found.tenant),
        name_of=catalog.name_of,
        subscription=mirror.live_subscription_of(found.tenant),
        cancelled="cancelled" in request.args,
    )


def _losses_on_free(tenant: str) -> list[Loss]:
    """What a cancellation would make read-only. Binds the tenant, so it comes last."""
    after = access.of_plan(tenant, catalog.free())
    bind()
    return preview.losses(tenant, after)


def is_to(subscription: Subscription, price: Price) -> bool:
    return (subscription.plan, subscription.interval) == (price.plan.code, price.interval.value)


def price_of(subscription: Subscription | None, customer: Customer | None, given: Mapping[str, str]) -> Price:
    """What a page's address or form asks for, in the currency that they pay in. Raises UnknownPlan."""
    plan, interval = given.get("plan", ""), given.get("interval", Interval.MONTH)
    if subscription:
        return shaping.price_for(subscription, plan, interval)
    theirs = customer.currency if customer else None
    return catalog.price(plan, interval, theirs or given.get("currency", catalog.CURRENCY))


def currency_of(subscription: Subscription | None, customer: Customer | None, given: Mapping[str, str]) -> str:
    """In which prices are shown: who has paid in one pays in it for ever, since Stripe lets nobody change it."""
    if subscription:
        return subscription.currency
    asked = given.get("currency", catalog.CURRENCY)
    theirs = customer.currency if customer else None
    return theirs or (asked if asked in catalog.currencies() else catalog.CURRENCY)


def _hindrance(subscription: Subscription | None, price: Price) -> str | None:
    """Why a change would be refused, so that nobody is offered it."""
    if subscription is None or is_to(subscription, price):
        return None
    if subscription.cancel_at:
        return "ending"
    return "owes" if shaping.when(subscription, price) == "now" and mirror.owes(subscription) else None


def next_amount(subscription: Subscription) -> int:
    """What the next period costs, before seats, discounts and use: of another plan, where it changes to one."""
    plan, interval = catalog.find(subscription.next_plan, subscription.next_version), subscription.next_interval
    if plan is None or interval is None or subscription.currency not in plan.prices:
        return subscription.amount
    return plan.amount(Interval(interval), subscription.currency)


def _tabs(interval: str, currency: str) -> list[tuple[str, str, bool, None]]:
    return [
        (code.upper(), url_for("billing.index", interval=interval, currency=code), code == currency, None)
        for code in catalog.currencies()
    ]


def _offer(tenant: str, price: Price, subscription: Subscription | None) -> Offer | None:
    """None where there is nothing to tell, or nobody who could."""
    if subscription is None or is_to(subscription, price) or not common.may_ask():
        return None
    try:
        return changing.offer(tenant, price)
    except (StripeAway, Refused, NoPayments):
        return None
