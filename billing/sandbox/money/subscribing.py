"""A customer subscribes."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.cards import UNAUTHENTICATED, Decline
from billing.sandbox.errors import ApiError, CardDeclined
from billing.sandbox.money import collecting, conditions, debits, invoicing, lines, methods, starting, waiting
from billing.sandbox.shapes import payments
from billing.sandbox.values import Obj

_HOURS_TO_PAY = 23


def subscribe(account: Account, customer: Obj, params: dict[str, Any], *, authenticated: bool = False) -> Obj:
    """Start a subscription and its first invoice. Raises CardDeclined under error_if_incomplete."""
    now = account.now(customer["id"])
    if method := params.get("default_payment_method"):
        params = params | {
            "default_payment_method": methods.usable(account, method, customer, "default_payment_method")["id"]
        }
    subscription = starting.drafted(account, customer, params, now)
    whole = sum(lines.whole(account, subscription, item)["amount"] for item in subscription["items"]["data"])
    conditions.apply(account, customer, subscription, params, whole)
    account.add(subscription, expires_at=now + _HOURS_TO_PAY * 3600)
    _remember_currency(account, customer, subscription)
    _ask_for_card(account, customer, subscription)
    events.emit(account, "customer.subscription.created", subscription)
    _first_invoice(account, customer, subscription, params, authenticated=authenticated)
    return account.get("subscription", subscription["id"])


def _remember_currency(account: Account, customer: Obj, subscription: Obj) -> None:
    if customer["currency"] is None:
        customer["currency"] = subscription["currency"]
        account.save(customer)


def _ask_for_card(account: Account, customer: Obj, subscription: Obj) -> None:
    """A trial without a card has a setup intent with which one can be given."""
    by_card = subscription["collection_method"] == "charge_automatically"
    if subscription["status"] == "trialing" and by_card and not methods.default_of(account, customer, subscription):
        intent = payments.setup_intent(customer["id"], None, subscription["created"])
        events.added(account, "setup_intent.created", intent, subscription=subscription["id"])
        subscription["pending_setup_intent"] = intent["id"]
        account.save(subscription)


def _first_invoice(
    account: Account, customer: Obj, subscription: Obj, params: dict[str, Any], *, authenticated: bool
) -> None:
    found = subscription["items"]["data"]
    trial = subscription["status"] == "trialing"
    if trial:
        entries = lines.of_trial(subscription, found)
    elif "billing_cycle_anchor" in params:
        entries = starting.until_anchor(account, subscription, params)
    else:
        entries = lines.of_period(account, subscription, found)
    entries = waiting.lines(account, customer["id"], subscription) + entries
    if entries:
        _invoice(account, customer, subscription, entries, params, authenticated=authenticated)
    elif not trial:
        events.changed(account, "customer.subscription.updated", subscription | {"status": "active"})
    collecting.schedule(account, account.get("subscription", subscription["id"]))


def _invoice(
    account: Account,
    customer: Obj,
    subscription: Obj,
    entries: list[Obj],
    params: dict[str, Any],
    *,
    authenticated: bool,
) -> None:
    now = subscription["created"]
    invoice = invoicing.draft(
        account, customer, subscription, entries, billing_reason="subscription_create", period_start=now, period_end=now
    )
    debits.replace(account, subscription, invoice["lines"]["data"])
    subscription["latest_invoice"] = invoice["id"]
    account.save(subscription)
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "paid":
        collecting.settled(account, invoice)
    elif subscription["collection_method"] == "charge_automatically":
        _charge(account, customer, subscription, invoice, params.get("payment_behavior"), authenticated=authenticated)


def _charge(
    account: Account, customer: Obj, subscription: Obj, invoice: Obj, behaviour: str | None, *, authenticated: bool
) -> None:
    if behaviour == "default_incomplete":
        return
    method = methods.default_of(account, customer, subscription)
    if method is None:
        raise ApiError(
            "This customer has no attached payment source or default payment method. "
            "Please consider adding a default payment method.",
            "resource_missing",
        )
    invoice = collecting.collect(account, invoice, authenticated=authenticated)
    if invoice["status"] != "paid" and behaviour == "error_if_incomplete":
        raise why(account, invoice)


def why(account: Account, invoice: Obj) -> CardDeclined:
    """The error that tells why an invoice is still open."""
    _, intent = invoicing.payment_of(account, invoice)
    error = intent["last_payment_error"]
    if error is None:
        return UNAUTHENTICATED.error()
    return Decline(error["code"], error.get("decline_code"), error["message"]).error(charge=error["charge"])
