"""The next charge to the cent, which only Stripe knows; the page of the plan loads it after itself."""

from flask import render_template

from billing.errors import Missing, NoPayments, Refused, StripeAway
from billing.gateway import previews
from billing.gateway.previews import Preview
from billing.mirrored import mirror
from billing.models import Customer, Subscription
from billing.money import shown
from billing.pages import common, plans
from billing.pages.plans import blueprint
from saas.core import identity
from saas.core.database import outside
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later


@blueprint.get("/next")
@needs(permissions.BILLING_READ)
@binds_later
def upcoming() -> str:
    tenant = identity.tenant().id
    subscription, customer = mirror.live_subscription_of(tenant), mirror.customer_of(tenant)
    return render_template(
        "billing/_next.html",
        subscription=subscription,
        next_amount=plans.next_amount(subscription) if subscription else 0,
        preview=_preview(subscription, customer) if subscription and not subscription.cancel_at else None,
        asked=True,
        money=shown,
    )


def _preview(subscription: Subscription, customer: Customer | None) -> Preview | None:
    """None where there is nothing to tell, or nobody who could."""
    if not (customer and customer.stripe_id and common.may_ask()):
        return None
    id_, payer = subscription.id, customer.stripe_id
    try:
        with outside():
            return previews.upcoming(id_, customer=payer)
    except (StripeAway, Refused, Missing, NoPayments):
        return None
