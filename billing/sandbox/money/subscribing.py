"""A customer subscribes."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.cards import UNAUTHENTICATED, Decline
from billing.sandbox.errors import ApiError, CardDeclined
from billing.sandbox.money import collecting, invoicing, methods, periods
from billing.sandbox.shapes import invoices, subscriptions
from billing.sandbox.values import Obj, new_id

_HOURS_TO_PAY = 23
_MOST_TRIAL_DAYS = 730
_MOST_QUANTITY = 999_999
_DAY = 86_400


def subscribe(account: Account, customer: Obj, params: dict[str, Any], *, authenticated: bool = False) -> Obj:
    """Start a subscription and its first invoice. Raises CardDeclined under error_if_incomplete."""
    now = account.now(customer["id"])
    if method := params.get("default_payment_method"):
        params = params | {
            "default_payment_method": methods.usable(account, method, customer, "default_payment_method")["id"]
        }
    trial_end = _trial_end(params, now)
    made = new_id("sub")
    items = _items(account, made, params["items"], now, trial_end)
    subscription = subscriptions.subscription(made, customer, items, params, now)
    if trial_end:
        behaviour = (params.get("trial_settings") or {}).get("end_behavior")
        subscription |= {
            "status": "trialing",
            "trial_start": now,
            "trial_end": trial_end,
            "billing_cycle_anchor": trial_end,
        }
        subscription["trial_settings"] = {"end_behavior": behaviour or {"missing_payment_method": "create_invoice"}}
    elif subscription["collection_method"] == "send_invoice":
        subscription["status"] = "active"
    if subscription["cancel_at_period_end"]:
        subscription |= {"cancel_at": items[0]["current_period_end"], "canceled_at": now}
    account.add(subscription, expires_at=now + _HOURS_TO_PAY * 3600)
    _remember_currency(account, customer, subscription)
    events.emit(account, "customer.subscription.created", subscription)
    _first_invoice(account, customer, subscription, params, authenticated=authenticated)
    return account.get("subscription", made)


def price_of(account: Account, params: dict[str, Any], path: str) -> Obj:
    """The price that an item names; it has to be active and recurring."""
    if "price" not in params:
        raise ApiError(f"Missing required param: {path}[price].", "parameter_missing", f"{path}[price]")
    price = account.get("price", params["price"], f"{path}[price]")
    if not price["active"]:
        raise ApiError(
            "The price specified is inactive. This field only accepts active prices.",
            "price_inactive",
            f"{path}[price]",
        )
    if not price["recurring"]:
        raise ApiError(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=f"{path}[price]",
        )
    return price


def period_line(item: Obj) -> Obj:
    """The line for an item's current period."""
    amount = (item["price"]["unit_amount"] or 0) * item["quantity"]
    text = f"{item['quantity']} \N{MULTIPLICATION SIGN} {item['price']['product']}"
    return invoices.line(
        item, amount, item["quantity"], (item["current_period_start"], item["current_period_end"]), text
    )


def trial_line(item: Obj) -> Obj:
    return invoices.line(
        item, 0, item["quantity"], (item["current_period_start"], item["current_period_end"]), "Trial period"
    )


def _items(account: Account, made: str, given: list[dict[str, Any]], now: int, trial_end: int | None) -> list[Obj]:
    items = []
    for number, params in enumerate(given):
        price = price_of(account, params, f"items[{number}]")
        period = (now, trial_end) if trial_end else periods.of_price(now, price["recurring"], now)
        items.append(
            subscriptions.item(
                made, price, quantity_of(params, f"items[{number}]"), period, params.get("metadata") or {}, now
            )
        )
    fit_together(items)
    return items


def fit_together(items: list[Obj]) -> None:
    if not items:
        raise ApiError("Missing required param: items.", "parameter_missing", "items")
    if len({item["price"]["currency"] for item in items}) > 1:
        raise ApiError("All prices of a subscription have the same currency.", param="items")
    if (
        len({(item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"]) for item in items})
        > 1
    ):
        raise ApiError("The stand-in takes prices of one interval only in a subscription.", param="items")


def _trial_end(params: dict[str, Any], now: int) -> int | None:
    end = params.get("trial_end")
    if end == "now":
        return None
    if end is not None:
        check_trial_end(end, now)
    days = params.get("trial_period_days")
    if days is not None and not 1 <= days <= _MOST_TRIAL_DAYS:
        message = f"Invalid trial_period_days: it must be between 1 and {_MOST_TRIAL_DAYS}."
        raise ApiError(message, "parameter_invalid_integer", "trial_period_days")
    return end or (now + days * _DAY if days else None)


def check_trial_end(end: int, now: int) -> None:
    if not now < end <= now + 5 * 366 * _DAY:
        raise ApiError("Invalid trial_end: it must be in the future, within five years.", param="trial_end")


def quantity_of(params: dict[str, Any], path: str, default: int = 1) -> int:
    quantity: int = params.get("quantity", default)
    if not 0 <= quantity <= _MOST_QUANTITY:
        raise ApiError("Invalid non-negative integer", "parameter_invalid_integer", f"{path}[quantity]")
    return quantity


def _remember_currency(account: Account, customer: Obj, subscription: Obj) -> None:
    if customer["currency"] is None:
        customer["currency"] = subscription["currency"]
        account.save(customer)


def _first_invoice(
    account: Account, customer: Obj, subscription: Obj, params: dict[str, Any], *, authenticated: bool
) -> None:
    trial = subscription["status"] == "trialing"
    lines = [(trial_line if trial else period_line)(item) for item in subscription["items"]["data"]]
    now = subscription["created"]
    invoice = invoicing.draft(
        account, customer, subscription, lines, billing_reason="subscription_create", period_start=now, period_end=now
    )
    subscription["latest_invoice"] = invoice["id"]
    account.save(subscription)
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "paid":
        collecting.settled(account, invoice)
    elif subscription["collection_method"] == "charge_automatically":
        _charge(account, customer, subscription, invoice, params.get("payment_behavior"), authenticated=authenticated)
    collecting.schedule(account, account.get("subscription", subscription["id"]))


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


def next_line(item: Obj, subscription: Obj) -> Obj:
    """The line for the period after an item's current one."""
    start, end = periods.of_price(
        item["current_period_end"], item["price"]["recurring"], subscription["billing_cycle_anchor"]
    )
    return period_line({**item, "current_period_start": start, "current_period_end": end})
