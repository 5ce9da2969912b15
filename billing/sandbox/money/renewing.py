"""A period ends: what was used in it is billed, and the next one is paid in advance."""

from billing.sandbox.account import Account
from billing.sandbox.money import conditions, items, lines, periods, phaseterms, timetables
from billing.sandbox.values import Obj


def renewed(account: Account, subscription: Obj, now: int) -> tuple[Obj, list[Obj]]:
    """The subscription in its next period, and the lines of the invoice for it.

    A phase of its schedule that begins with the period is in it already; the usage is that of the old prices.
    """
    end: int = subscription["items"]["data"][0]["current_period_end"]
    old = subscription["items"]["data"]
    used = [] if subscription["status"] == "trialing" else lines.of_usage(account, subscription, old, end)
    made = {**subscription, "items": dict(subscription["items"])}
    if phase := timetables.beginning(account, subscription, end):
        given = timetables.item_params(subscription, phase)
        made["items"]["data"] = items.updated(account, subscription, given, now)
        made |= timetables.fields(subscription, phase)
        _apply_terms(account, made, phase)
    made["items"]["data"] = [_moved(item, end, made["billing_cycle_anchor"]) for item in made["items"]["data"]]
    if made["status"] == "trialing":
        made["status"] = "active"
    return made, used + lines.of_period(account, made, made["items"]["data"])


def _apply_terms(account: Account, made: Obj, phase: Obj) -> None:
    schedule = account.get("subscription_schedule", made["schedule"])
    whole = sum(lines.whole(account, made, item)["amount"] for item in made["items"]["data"])
    given = phaseterms.params(account, made, schedule, phase)
    conditions.apply(account, account.get("customer", made["customer"]), made, given, whole)


def _moved(item: Obj, start: int, anchor: int) -> Obj:
    _, end = periods.of_price(start, item["price"]["recurring"], anchor)
    return {**item, "current_period_start": start, "current_period_end": end}
