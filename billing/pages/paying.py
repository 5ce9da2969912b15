"""What is open, and one way to pay it: another card is given at Stripe, and all of it is charged on the way back."""

import base64
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from billing.acting import paying
from billing.acting.paying import Outcome
from billing.errors import UsedKey
from billing.gateway.connection import set_up
from billing.mirrored import mirror
from billing.money import shown
from billing.pages import common
from billing.plans import catalog
from saas.core import crypto, identity
from saas.core.ids import uuid7
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later

blueprint = Blueprint("paying", __name__, url_prefix="/billing/pay")


@blueprint.get("")
@needs(permissions.BILLING_MANAGE)
@binds_later
def index() -> ResponseReturnValue:
    """Mails and the banner lead here."""
    tenant = identity.tenant()
    return render_template(
        "billing/pay.html",
        set_up=set_up(),
        debt=paying.debt_of(tenant.id),
        customer=mirror.customer_of(tenant.id),
        name_of=catalog.name_of,
        money=shown,
        key=uuid7(),
    )


@blueprint.post("/card")
@needs(permissions.BILLING_MANAGE)
@binds_later
def card() -> ResponseReturnValue:
    """Leads to Stripe, and from there to `charged` with a ticket that is good for one charge of this workspace."""
    common.ready()
    tenant = identity.tenant()
    back = f"{tenant.url}/billing/pay"
    return redirect(paying.other_card(tenant.id, back=back, then=f"{back}/charged?ticket={_ticket(tenant.id)}"), 303)


@blueprint.get("/charged")
@needs(permissions.BILLING_MANAGE)
@binds_later
def charged() -> ResponseReturnValue:
    """Where Stripe leads back to. Nothing is charged by a link that was not made by the form, nor twice by one."""
    common.ready()
    return _charge(_number(request.args.get("ticket", ""), identity.tenant().id), updated=True)


@blueprint.post("/now")
@needs(permissions.BILLING_MANAGE)
@binds_later
def now() -> ResponseReturnValue:
    """The card that is there is tried again."""
    common.ready()
    key = common.key()
    if key is None:
        raise UsedKey
    return _charge(key, updated=False)


def _charge(key: UUID, *, updated: bool) -> Response:
    tenant = identity.tenant().id
    _tell(paying.pay_open(tenant, actor=common.actor(), key=key, updated=updated), tenant)
    return redirect(url_for("paying.index"), 303)


def _tell(done: Outcome, tenant: str) -> None:
    left = paying.debt_of(tenant)
    if not left.invoices:
        flash("Paid, thank you. Everything works." if done.paid else "The card is kept. Nothing is open.", "success")
    elif done.refused and not any(invoice.confirm for invoice in left.invoices):
        said = " ".join(dict.fromkeys(done.refused.values()))
        flash(f"The payment was declined. The bank says: {said} Try another card, or ask the bank.", "danger")
    elif not done.paid and not done.refused:
        flash("That form had been sent before, so no card was tried now. What is open is shown here.", "warning")


def _ticket(tenant: str) -> str:
    sealed = crypto.seal(str(uuid7()), _context(tenant))
    return base64.urlsafe_b64encode(sealed).decode()


def _number(ticket: str, tenant: str) -> UUID:
    """Raises UsedKey for what is no ticket of this workspace's."""
    try:
        return UUID(crypto.unseal(base64.urlsafe_b64decode(ticket.encode()), _context(tenant)))
    except ValueError:  # SealBroken, or no base64
        raise UsedKey from None


def _context(tenant: str) -> str:
    return f"pay {tenant}"
