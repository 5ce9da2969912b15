"""The portal's change of plan: another price or quantity, shown with its cost before it is done."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money import changing, forecast, invoicing, planning, totals, waiting
from billing.sandbox.money.totals import Totals
from billing.sandbox.pages import cardform, portal_choices, portal_frame, portal_service
from billing.sandbox.pages.portal_choices import Choice
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.values import Obj

blueprint = Blueprint("portal_plan", __name__, url_prefix="/portal")


@blueprint.get("/<wanted>/plan/<subscription>")
def plans(wanted: str, subscription: str) -> str:
    account, session, customer = portal_frame.opened(wanted)
    portal_frame.allowed(account, session, "subscription_update")
    found = portal_service.subscription(account, customer, subscription)
    return portal_frame.rendered(
        account,
        session,
        "portal_plans.html",
        subscription=found,
        choices=portal_choices.prices(account, session, found),
        quantities=portal_choices.quantities(account, session, found),
    )


@blueprint.get("/<wanted>/plan/<subscription>/confirm")
def confirm(wanted: str, subscription: str) -> Response | str:
    account, session, customer = portal_frame.opened(wanted)
    portal_frame.allowed(account, session, "subscription_update")
    found = portal_service.subscription(account, customer, subscription)
    choice = portal_choices.chosen(account, session, found, request.args)
    if choice is None:
        return redirect(f"/portal/{wanted}/plan/{subscription}", 303)
    return _confirmation(account, session, found, choice, {})


@blueprint.post("/<wanted>/plan/<subscription>/confirm")
def change(wanted: str, subscription: str) -> Response | str | tuple[str, int]:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    portal_frame.allowed(account, session, "subscription_update")
    found = portal_service.subscription(account, customer, subscription)
    choice = portal_choices.chosen(account, session, found, request.form)
    if choice is None:
        return redirect(f"/portal/{wanted}/plan/{subscription}", 303)
    try:
        with account.transaction():
            changing.update(account, found, portal_choices.change_to(account, session, found, choice))
    except CardDeclined as error:
        return _confirmation(account, session, found, choice, cardform.declined(error)), 402
    return portal_frame.done(session)


def _confirmation(account: Account, session: Obj, subscription: Obj, choice: Choice, wrong: dict[str, str]) -> str:
    now, shown = forecast.asked(account, lambda: _cost(account, session, subscription, choice))
    return portal_frame.rendered(
        account,
        session,
        "portal_confirm.html",
        subscription=subscription,
        choice=choice,
        wrong=wrong,
        now=now,
        shown=shown.lines,
        sums=shown.fields,
        currency=subscription["currency"],
        product=account.get("product", choice.price["product"]),
    )


def _cost(account: Account, session: Obj, subscription: Obj, choice: Choice) -> tuple[bool, Totals]:
    """Whether it is due now, and what."""
    plan = planning.plan(account, subscription, portal_choices.change_to(account, session, subscription, choice))
    now = plan.lines is not None
    lines = waiting.lines(account, subscription["customer"], subscription) + plan.lines if plan.lines else plan.pending
    customer = account.get("customer", subscription["customer"])
    return now, totals.of(account, customer, plan.subscription, invoicing.named(account, lines))
