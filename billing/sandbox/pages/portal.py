"""The billing portal: the plan, the card, the invoices of one customer."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from billing.sandbox.money import methods
from billing.sandbox.pages import portal_frame, portal_service

blueprint = Blueprint("portal", __name__, url_prefix="/portal")


@blueprint.get("/<wanted>")
def home(wanted: str) -> Response | str:
    account, session, customer = portal_frame.opened(wanted)
    if (target := portal_service.flow_page(session)) and "home" not in request.args:
        return redirect(target, 303)
    return portal_frame.rendered(
        account,
        session,
        "portal.html",
        subscriptions=portal_service.subscriptions(account, customer),
        method=methods.default_of(account, customer, portal_service.newest(account, customer)),
        others=account.all("payment_method", customer=customer["id"]),
        tax_ids=account.all("tax_id", customer=customer["id"]),
        invoices=account.all("invoice", customer=customer["id"]),
        customer=customer,
    )


@blueprint.get("/<wanted>/done")
def confirmed(wanted: str) -> str:
    """Where a session for one thing ends when its call asked for a confirmation."""
    account, session, _ = portal_frame.opened(wanted)
    completion = (session["flow"] or {}).get("after_completion") or {}
    told = (completion.get("hosted_confirmation") or {}).get("custom_message")
    return portal_frame.rendered(
        account, session, "message.html", title="Done", text=told or "Your change is saved.", back=session["return_url"]
    )
