"""What an update of a subscription comes to, before anything of it is stored."""

from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import conditions, costing, items, lines, methods, netting, starting
from billing.sandbox.money.costing import Change
from billing.sandbox.values import Obj, merged, taken

_ENDED = {"canceled", "incomplete_expired"}


def plan(account: Account, subscription: Obj, params: dict[str, Any]) -> Change:
    """Raises ApiError for what Stripe refuses."""
    if subscription["status"] in _ENDED and set(params) - {"metadata", "cancellation_details", "expand"}:
        raise ApiError("A canceled subscription can only update its cancellation_details and metadata.")
    now = account.now(subscription["customer"])
    change = Change({**subscription, "items": dict(subscription["items"])})
    _plain_fields(account, change.subscription, params, now)
    if "items" in params:
        change.subscription["items"]["data"] = items.updated(account, subscription, params["items"], now)
    _apply_conditions(account, change.subscription, params)
    _move_trial(change, params, now)
    if (params.get("billing_cycle_anchor") or {}).get("type") == "now":
        costing.restart(change.subscription, now)
    costing.cost(account, change, subscription, params, now)
    _discounted(account, change)
    return change


def _apply_conditions(account: Account, made: Obj, params: dict[str, Any]) -> None:
    whole = sum(lines.whole(account, made, item)["amount"] for item in made["items"]["data"])
    conditions.apply(account, account.get("customer", made["customer"]), made, params, whole)


def _discounted(account: Account, change: Change) -> None:
    """Prorations less their discounts."""
    made = change.subscription

    def whole(item: Obj) -> Obj:
        return lines.whole(account, made, item)

    change.pending = netting.netted(account, made, change.pending, whole)
    if change.lines is not None:
        change.lines = netting.netted(account, made, change.lines, whole)


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
    _may_be_ended(made)
    at = params.get("cancel_at")
    if params.get("cancel_at_period_end") or at in {"min_period_end", "max_period_end"}:
        at = made["items"]["data"][0]["current_period_end"]
    if isinstance(at, int) and at <= now:
        raise ApiError("The `cancel_at` timestamp must be in the future.", param="cancel_at")
    details = made["cancellation_details"]
    made |= {
        "cancel_at_period_end": params.get("cancel_at_period_end", False),
        "cancel_at": at or None,
        "canceled_at": now if at else None,
        "cancellation_details": details | {"reason": "cancellation_requested" if at else None},
    }


def _may_be_ended(made: Obj) -> None:
    """In Stripe's words, as https://focused.io/lab/cancelling-a-stripe-subscription-on-period-end quotes them."""
    if made["schedule"]:
        raise ApiError(
            f"The subscription is managed by the subscription schedule `{made['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead."
        )


def _move_trial(change: Change, params: dict[str, Any], now: int) -> None:
    made, end = change.subscription, params.get("trial_end")
    if end == "now":
        if made["status"] == "trialing":
            made |= {"status": "active", "trial_end": now}
            costing.restart(made, now)
    elif end is not None:
        starting.check_trial_end(end, now)
        start = made["trial_start"] if made["status"] == "trialing" else now
        made |= {"status": "trialing", "trial_start": start, "trial_end": end, "billing_cycle_anchor": end}
        begun = made["items"]["data"][0]["current_period_start"] if start != now else now
        costing.set_period(made, begun, end)
