"""The portal's way out of a subscription, with the reason when the configuration asks for it, and the way back in."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.money import changing, ending
from billing.sandbox.pages import portal_frame, portal_service
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.values import Obj

blueprint = Blueprint("portal_cancel", __name__, url_prefix="/portal")

_REASONS = {
    "too_expensive": "It is too expensive",
    "missing_features": "Something is missing",
    "switched_service": "I found something else",
    "unused": "I don't use it enough",
    "customer_service": "The support was not good enough",
    "too_complex": "It was hard to use",
    "low_quality": "It was not good enough",
    "other": "Another reason",
}
_LONGEST = 500  # characters of a comment


@blueprint.get("/<wanted>/cancel/<subscription>")
def ask(wanted: str, subscription: str) -> str:
    account, session, customer = portal_frame.opened(wanted)
    feature = portal_frame.allowed(account, session, "subscription_cancel")
    found = portal_service.subscription(account, customer, subscription)
    reasons = feature["cancellation_reason"]
    return portal_frame.rendered(
        account,
        session,
        "portal_cancel.html",
        subscription=found,
        mode=feature["mode"],
        reasons=[(name, _REASONS[name]) for name in reasons["options"]] if reasons["enabled"] else [],
    )


@blueprint.post("/<wanted>/cancel/<subscription>")
def cancel(wanted: str, subscription: str) -> Response:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    feature = portal_frame.allowed(account, session, "subscription_cancel")
    with account.transaction():
        found = portal_service.subscription(account, customer, subscription)
        _cancel(account, found, feature, _said(feature))
    return portal_frame.done(session)


@blueprint.post("/<wanted>/keep/<subscription>")
def keep(wanted: str, subscription: str) -> Response:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    with account.transaction():
        found = portal_service.subscription(account, customer, subscription)
        changing.update(account, found, {"cancel_at_period_end": False})
    return portal_frame.done(session)


def _cancel(account: Account, found: Obj, feature: Obj, said: dict[str, str]) -> None:
    if feature["mode"] == "at_period_end":
        changing.update(account, found, {"cancel_at_period_end": True, "cancellation_details": said})
        return
    found["cancellation_details"] = found["cancellation_details"] | said
    behaviour = feature["proration_behavior"]
    ending.at_once(account, found, {"prorate": behaviour != "none", "invoice_now": behaviour == "always_invoice"})


def _said(feature: Obj) -> dict[str, str]:
    """Only reasons that the page offered."""
    reasons = feature["cancellation_reason"]
    feedback, comment = request.form.get("feedback", ""), request.form.get("comment", "").strip()[:_LONGEST]
    offered = reasons["enabled"] and feedback in reasons["options"]
    return ({"feedback": feedback} if offered else {}) | (
        {"comment": comment} if reasons["enabled"] and comment else {}
    )
