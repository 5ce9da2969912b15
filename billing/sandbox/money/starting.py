"""What a subscription is when it begins: its items, its currency, its first period, perhaps a trial."""

from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn
from billing.sandbox.money import currencies, items, lines, periods
from billing.sandbox.shapes import subscriptions
from billing.sandbox.values import Obj, new_id

_MOST_TRIAL_DAYS = 730
_DAY = 86_400


def drafted(account: Account, customer: Obj, params: dict[str, Any], now: int) -> Obj:
    """The subscription before it is stored. Raises ApiError."""
    trial_end, anchor = _trial_end(params, now), params.get("billing_cycle_anchor")
    if trial_end and anchor:
        raise NotStoodIn("The stand-in for Stripe does trials or anchors, not both.", None, "billing_cycle_anchor")
    made = new_id("sub")
    found = _items(account, made, params["items"], now, trial_end or anchor)
    currency = currencies.chosen(account, customer, [item["price"] for item in found], params.get("currency"))
    items.fit_together(account, found, currency)
    subscription = subscriptions.subscription(made, customer, found, params, currency, now)
    if "trial_settings" in params:
        subscription["trial_settings"] = params["trial_settings"]
    if anchor:
        _check_anchor(found[0], anchor, now)
    subscription["billing_cycle_anchor"] = trial_end or anchor or now
    if trial_end:
        subscription |= {"status": "trialing", "trial_start": now, "trial_end": trial_end}
    elif subscription["collection_method"] == "send_invoice":
        subscription["status"] = "active"
    end = found[0]["current_period_end"] if subscription["cancel_at_period_end"] else params.get("cancel_at")
    if end in {"min_period_end", "max_period_end"}:
        end = found[0]["current_period_end"]
    return subscription | ({"cancel_at": end, "canceled_at": now} if end else {})


def until_anchor(account: Account, subscription: Obj, params: dict[str, Any]) -> list[Obj]:
    """The share of a period up to the anchor; "if proration_behavior is none, the initial period up to the billing
    cycle anchor will be free" (https://docs.stripe.com/billing/subscriptions/billing-cycle)."""
    if params.get("proration_behavior") == "none":
        return []
    found = subscription["items"]["data"]
    anchor = subscription["billing_cycle_anchor"]
    begins = periods.before(anchor, found[0]["price"]["recurring"])
    return [lines.of_share(account, subscription, item, begins) for item in found if not lines.is_metered(item)]


def check_trial_end(end: int, now: int) -> None:
    if not now < end <= now + 5 * 366 * _DAY:
        raise ApiError("Invalid trial_end: it must be in the future, within five years.", param="trial_end")


def _items(account: Account, made: str, given: list[dict[str, Any]], now: int, until: int | None) -> list[Obj]:
    found = []
    for number, params in enumerate(given):
        item = items.made(account, made, params, f"items[{number}]", (now, now), now)
        end = until or periods.of_price(now, item["price"]["recurring"], now)[1]
        found.append(item | {"current_period_end": end})
    if not found:
        raise ApiError("Missing required param: items.", "parameter_missing", "items")
    return found


def _check_anchor(item: Obj, anchor: int, now: int) -> None:
    if not now < anchor <= periods.of_price(now, item["price"]["recurring"], now)[1]:
        raise ApiError(
            "The `billing_cycle_anchor` must be in the future, and not after the next natural billing date.",
            param="billing_cycle_anchor",
        )


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
