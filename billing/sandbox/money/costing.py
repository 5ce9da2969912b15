"""What a change of a subscription costs, and when that is invoiced."""

from dataclasses import dataclass, field
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import lines, periods, proration
from billing.sandbox.values import Obj


@dataclass
class Change:
    """The subscription as it would be, and what that costs."""

    subscription: Obj
    pending: list[Obj] = field(default_factory=list)  # lines for the next invoice
    lines: list[Obj] | None = None  # of an invoice that is due now
    fresh: bool = False  # a new period begins
    charged: set[str] = field(default_factory=set)  # the items whose charges these lines take the place of
    metered: list[Obj] = field(default_factory=list)  # the items whose usage is theirs from now on


def cost(account: Account, change: Change, before: Obj, params: dict[str, Any], now: int) -> None:
    """Fill in which lines the change makes, and whether they are invoiced now."""
    behaviour, at = params.get("proration_behavior", "create_prorations"), params.get("proration_date", now)
    _check_date(before, params)
    changed = proration.changed(before, change.subscription)
    change.metered = [
        item for item in change.subscription["items"]["data"] if item["id"] in changed and lines.is_metered(item)
    ]
    gone = _gone(before, change.subscription, params)
    if change.subscription["status"] == "trialing":
        if before["status"] != "trialing":
            _trial_begins(account, change, before, behaviour, at, now)
    elif _begins_anew(change.subscription, before):
        _new_period(account, change, before, gone, behaviour, at, now)
    else:
        _in_old_rhythm(account, change, before, gone, behaviour, at, now)
    change.charged = set(changed) if behaviour != "none" else set()


def _in_old_rhythm(
    account: Account, change: Change, before: Obj, gone: list[Obj], behaviour: str, at: int, now: int
) -> None:
    """The anchor stays, even when the interval changes: a flexible subscription resets it when it is told to only
    (https://docs.stripe.com/billing/subscriptions/billing-mode/compare#reset-the-billing-cycle-anchor)."""
    made = change.subscription
    if _interval(before) != _interval(made):
        recurring = made["items"]["data"][0]["price"]["recurring"]
        set_period(made, *periods.around(now, recurring, made["billing_cycle_anchor"]))
    if behaviour == "none":
        return
    found = proration.of_change(account, before, made, at) + proration.of_used(account, before, gone, now)
    if behaviour == "always_invoice" and found:
        change.lines = found
    else:
        change.pending = found


def _new_period(
    account: Account, change: Change, before: Obj, gone: list[Obj], behaviour: str, at: int, now: int
) -> None:
    """What is unused of the old period is given back, what was used in it is billed, the new one is paid."""
    made, was_trial = change.subscription, before["status"] == "trialing"
    unused = [] if was_trial or behaviour == "none" else proration.of_unused(account, before, at)
    going = [item for item in before["items"]["data"] if lines.is_metered(item) and item not in gone]
    ended = [] if was_trial else going + (gone if behaviour != "none" else [])
    used = proration.of_used(account, before, ended, now)
    change.lines = [*unused, *used, *lines.of_period(account, made, made["items"]["data"])]
    change.fresh = True


def _trial_begins(account: Account, change: Change, before: Obj, behaviour: str, at: int, now: int) -> None:
    """In the midst of a paid period, and with an invoice over nothing
    (https://docs.stripe.com/billing/subscriptions/billing-cycle#change-the-billing-period-using-a-trial-period)."""
    made = change.subscription
    unused = proration.of_unused(account, before, at) if behaviour != "none" else []
    used = proration.of_used(account, before, before["items"]["data"], now)
    change.lines = [*unused, *used, *lines.of_trial(made, made["items"]["data"])]
    change.fresh = True


def restart(made: Obj, now: int) -> None:
    """A new period begins now, and with it the day on which the next ones do."""
    made["billing_cycle_anchor"] = now
    set_period(made, *periods.of_price(now, made["items"]["data"][0]["price"]["recurring"], now))


def set_period(made: Obj, start: int, end: int) -> None:
    made["items"]["data"] = [
        {**item, "current_period_start": start, "current_period_end": end} for item in made["items"]["data"]
    ]
    if made["cancel_at_period_end"]:
        made["cancel_at"] = end


def _begins_anew(made: Obj, before: Obj) -> bool:
    return bool(before["status"] == "trialing" or made["billing_cycle_anchor"] != before["billing_cycle_anchor"])


def _interval(subscription: Obj) -> tuple[str, int]:
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _gone(before: Obj, made: Obj, params: dict[str, Any]) -> list[Obj]:
    """Metered items that go or take another price, unless their usage is to be forgotten."""
    kept = {item["id"]: item["price"]["id"] for item in made["items"]["data"]}
    cleared = {each.get("id") for each in params.get("items") or [] if each.get("clear_usage")}
    return [
        item
        for item in before["items"]["data"]
        if lines.is_metered(item) and kept.get(item["id"]) != item["price"]["id"] and item["id"] not in cleared
    ]


def _check_date(before: Obj, params: dict[str, Any]) -> None:
    item = before["items"]["data"][0]
    at = params.get("proration_date")
    if at is not None and not item["current_period_start"] <= at <= item["current_period_end"]:
        raise ApiError(
            "Cannot specify `proration_date` outside of the subscription's current period.", param="proration_date"
        )
