"""What an update of a subscription comes to, before anything of it is stored."""

from dataclasses import dataclass, field
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, no_such
from billing.sandbox.money import methods, periods, proration, subscribing
from billing.sandbox.shapes import catalog, subscriptions
from billing.sandbox.values import Obj, merged, taken

_ENDED = {"canceled", "incomplete_expired"}


@dataclass
class Change:
    """The subscription as it would be, and what that costs."""

    subscription: Obj
    pending: list[Obj] = field(default_factory=list)  # lines for the next invoice
    lines: list[Obj] | None = None  # of an invoice that is due now


def plan(account: Account, subscription: Obj, params: dict[str, Any]) -> Change:
    """Raises ApiError for what Stripe refuses."""
    if subscription["status"] in _ENDED and set(params) - {"metadata", "cancellation_details", "expand"}:
        raise ApiError("A canceled subscription can only update its cancellation_details and metadata.")
    now = account.now(subscription["customer"])
    change = Change({**subscription, "items": dict(subscription["items"])})
    _plain_fields(account, change.subscription, params, now)
    if "items" in params:
        change.subscription["items"]["data"] = _items(account, subscription, params["items"], now)
    _move_trial(change, params, now)
    if params.get("billing_cycle_anchor") == "now":
        _restart(change.subscription, now)
    _price(
        change,
        subscription,
        params.get("proration_behavior", "create_prorations"),
        params.get("proration_date", now),
        now,
    )
    return change


def _plain_fields(account: Account, made: Obj, params: dict[str, Any], now: int) -> None:
    made |= taken(params, "description collection_method days_until_due")
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    if "default_payment_method" in params:
        customer = account.get("customer", made["customer"])
        wanted = params["default_payment_method"]
        made["default_payment_method"] = (
            wanted and methods.usable(account, wanted, customer, "default_payment_method")["id"]
        )
    if "payment_settings" in params:
        made["payment_settings"] = made["payment_settings"] | taken(
            params["payment_settings"], "save_default_payment_method"
        )
    if "cancellation_details" in params:
        made["cancellation_details"] = made["cancellation_details"] | taken(
            params["cancellation_details"], "comment feedback"
        )
    if "trial_settings" in params:
        made["trial_settings"] = params["trial_settings"]
    _set_end(made, params, now)


def _set_end(made: Obj, params: dict[str, Any], now: int) -> None:
    if "cancel_at_period_end" not in params and "cancel_at" not in params:
        return
    at = params.get("cancel_at")
    if params.get("cancel_at_period_end") or at in {"min_period_end", "max_period_end"}:
        at = made["items"]["data"][0]["current_period_end"]
    details = made["cancellation_details"]
    made |= {
        "cancel_at_period_end": params.get("cancel_at_period_end", False),
        "cancel_at": at or None,
        "canceled_at": now if at else None,
        "cancellation_details": details | {"reason": "cancellation_requested" if at else None},
    }


def _items(account: Account, subscription: Obj, given: list[dict[str, Any]], now: int) -> list[Obj]:
    items = {item["id"]: item for item in subscription["items"]["data"]}
    period = next(iter(items.values()))
    for number, params in enumerate(given):
        if params.get("id"):
            if params["id"] not in items:
                raise no_such("subscription_item", params["id"], f"items[{number}][id]")
            if params.get("deleted"):
                del items[params["id"]]
                continue
            items[params["id"]] = _changed_item(account, items[params["id"]], params, number)
        else:
            price = subscribing.price_of(account, params, f"items[{number}]")
            span = (period["current_period_start"], period["current_period_end"])
            made = subscriptions.item(
                subscription["id"],
                price,
                subscribing.quantity_of(params, f"items[{number}]"),
                span,
                params.get("metadata") or {},
                now,
            )
            items[made["id"]] = made
    subscribing.fit_together(list(items.values()))
    return list(items.values())


def _changed_item(account: Account, item: Obj, params: dict[str, Any], number: int) -> Obj:
    made = {**item, "metadata": merged(item["metadata"], params.get("metadata"))}
    if "price" in params and params["price"] != item["price"]["id"]:
        price = subscribing.price_of(account, params, f"items[{number}]")
        made |= {"price": price, "plan": catalog.plan(price)}
    made["quantity"] = subscribing.quantity_of(params, f"items[{number}]", 1 if "price" in params else item["quantity"])
    return made


def _move_trial(change: Change, params: dict[str, Any], now: int) -> None:
    made, end = change.subscription, params.get("trial_end")
    if end == "now":
        if made["status"] == "trialing":
            made |= {"status": "active", "trial_end": now}
            _restart(made, now)
    elif end is not None:
        subscribing.check_trial_end(end, now)
        start = made["trial_start"] if made["status"] == "trialing" else now
        made |= {"status": "trialing", "trial_start": start, "trial_end": end, "billing_cycle_anchor": end}
        _set_period(made, made["items"]["data"][0]["current_period_start"] if start != now else now, end)


def _restart(made: Obj, now: int) -> None:
    price = made["items"]["data"][0]["price"]
    made["billing_cycle_anchor"] = now
    _set_period(made, *periods.of_price(now, price["recurring"], now))


def _set_period(made: Obj, start: int, end: int) -> None:
    made["items"]["data"] = [
        {**item, "current_period_start": start, "current_period_end": end} for item in made["items"]["data"]
    ]
    if made["cancel_at_period_end"]:
        made["cancel_at"] = end


def _price(change: Change, before: Obj, behaviour: str, at: int, now: int) -> None:
    """Which lines the change makes, and whether they are invoiced now."""
    made, old = change.subscription, before["items"]["data"]
    new = made["items"]["data"]
    if made["status"] == "trialing":
        return
    ending_trial = before["status"] == "trialing"
    if (
        ending_trial
        or _interval(old) != _interval(new)
        or made["billing_cycle_anchor"] != before["billing_cycle_anchor"]
    ):
        if not ending_trial and made["billing_cycle_anchor"] == before["billing_cycle_anchor"]:
            _restart(made, now)
        unused = [] if ending_trial or behaviour == "none" else [proration.credit(item, at) for item in old]
        change.lines = [
            *(line for line in unused if line["amount"]),
            *map(subscribing.period_line, made["items"]["data"]),
        ]
        return
    lines = [] if behaviour == "none" else proration.lines(old, new, at)
    if behaviour == "always_invoice" and lines:
        change.lines = lines
    else:
        change.pending = lines


def _interval(items: list[Obj]) -> tuple[str, int]:
    recurring = items[0]["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]
