"""The billing portal: the plan, the card, the invoices of one customer."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money import changing, collecting, invoicing, methods, planning
from billing.sandbox.pages import cardform, portal_frame, portal_service
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.values import Obj

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
        invoices=account.all("invoice", customer=customer["id"]),
        customer=customer,
    )


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
        choices=portal_service.choices(account, session, found),
    )


@blueprint.get("/<wanted>/plan/<subscription>/confirm")
def confirm(wanted: str, subscription: str) -> Response | str:
    account, session, customer = portal_frame.opened(wanted)
    found = portal_service.subscription(account, customer, subscription)
    price = portal_service.choice(account, session, found, request.args.get("price", ""))
    if price is None:
        return redirect(f"/portal/{wanted}/plan/{subscription}", 303)
    return _confirmation(account, session, found, price, {})


@blueprint.post("/<wanted>/plan/<subscription>/confirm")
def change(wanted: str, subscription: str) -> Response | str | tuple[str, int]:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    found = portal_service.subscription(account, customer, subscription)
    price = portal_service.choice(account, session, found, request.form.get("price", ""))
    if price is None:
        return redirect(f"/portal/{wanted}/plan/{subscription}", 303)
    try:
        with account.transaction():
            changing.update(account, found, portal_service.change_to(account, session, found, price))
    except CardDeclined as error:
        return _confirmation(account, session, found, price, cardform.declined(error)), 402
    return portal_frame.done(session)


@blueprint.get("/<wanted>/cancel/<subscription>")
def ask_to_cancel(wanted: str, subscription: str) -> str:
    account, session, customer = portal_frame.opened(wanted)
    portal_frame.allowed(account, session, "subscription_cancel")
    found = portal_service.subscription(account, customer, subscription)
    return portal_frame.rendered(
        account,
        session,
        "portal_cancel.html",
        subscription=found,
        mode=portal_service.features(account, session)["subscription_cancel"]["mode"],
    )


@blueprint.post("/<wanted>/cancel/<subscription>")
def cancel(wanted: str, subscription: str) -> Response:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    mode = portal_frame.allowed(account, session, "subscription_cancel")["mode"]
    with account.transaction():
        found = portal_service.subscription(account, customer, subscription)
        if mode == "immediately":
            collecting.end(account, found, account.now(customer["id"]), "cancellation_requested")
        else:
            changing.update(account, found, {"cancel_at_period_end": True})
    return portal_frame.done(session)


@blueprint.post("/<wanted>/keep/<subscription>")
def keep(wanted: str, subscription: str) -> Response:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    with account.transaction():
        found = portal_service.subscription(account, customer, subscription)
        changing.update(account, found, {"cancel_at_period_end": False})
    return portal_frame.done(session)


def _confirmation(account: Account, session: Obj, subscription: Obj, price: Obj, wrong: dict[str, str]) -> str:
    plan = planning.plan(account, subscription, portal_service.change_to(account, session, subscription, price))
    waiting = account.private(subscription["id"]).get("pending", [])
    return portal_frame.rendered(
        account,
        session,
        "portal_confirm.html",
        subscription=subscription,
        price=price,
        wrong=wrong,
        now=None if plan.lines is None else invoicing.named(account, waiting + plan.lines),
        later=invoicing.named(account, plan.pending),
        product=account.get("product", price["product"]),
    )
