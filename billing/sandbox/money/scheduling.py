"""Subscription schedules are made, changed and let go: what Stripe accepts of their phases."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn
from billing.sandbox.money import ending, phases, phaseterms, phasing, timetables
from billing.sandbox.shapes import schedules
from billing.sandbox.values import Obj, merged

_OPEN = {"not_started", "active"}


def create(account: Account, params: dict[str, Any]) -> Obj:
    """From phases; the first may begin now, and with it the subscription. Raises ApiError."""
    customer = account.living("customer", params["customer"], "customer")
    now = account.now(customer["id"])
    begins = now if params.get("start_date", "now") == "now" else params["start_date"]
    if begins < now:
        raise NotStoodIn("The stand-in for Stripe starts no schedule in the past.", None, "start_date")
    if not params.get("phases"):
        raise ApiError("Missing required param: phases.", "parameter_missing", "phases")
    given = [{**params["phases"][0], "start_date": begins}, *params["phases"][1:]]
    found = phases.read(account, customer, given, now, params.get("currency"))
    made = events.added(account, "subscription_schedule.created", schedules.schedule(customer, found, params, now))
    if begins == now:
        return phasing.begin(account, made)
    account.wake(made["id"], begins, customer.get("test_clock"))
    return made


def from_subscription(account: Account, subscription: Obj) -> Obj:
    """A schedule with one phase: the subscription's current period as it is."""
    if subscription["schedule"]:
        raise ApiError(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['id']} is already attached to {subscription['schedule']}.",
            param="from_subscription",
        )
    if subscription["ended_at"]:
        raise ApiError("You cannot migrate a subscription that has ended.", param="from_subscription")
    customer = account.get("customer", subscription["customer"])
    phase = _as_phase(subscription)
    end = "cancel" if subscription["cancel_at_period_end"] else "release"
    made = schedules.schedule(customer, [phase], {"end_behavior": end}, account.now(customer["id"]))
    made |= {"subscription": subscription["id"], "status": "active"}
    made["default_settings"]["automatic_tax"] = subscription["automatic_tax"]
    made["current_phase"] = {name: phase[name] for name in ("start_date", "end_date")}
    events.added(account, "subscription_schedule.created", made)
    phasing.attach(account, subscription, made["id"], phase)
    return account.get("subscription_schedule", made["id"])


def update(account: Account, schedule: Obj, params: dict[str, Any]) -> Obj:
    """New phases take the place of those that are under way and to come. Raises ApiError."""
    need_open(schedule, "updated")
    schedule["metadata"] = merged(schedule["metadata"], params.get("metadata"))
    schedule["end_behavior"] = params.get("end_behavior", schedule["end_behavior"])
    if "default_settings" in params:
        schedule["default_settings"] |= schedules.set_by(params["default_settings"])
    if "phases" not in params:
        return events.changed(account, "subscription_schedule.updated", schedule)
    customer = account.get("customer", schedule["customer"])
    now = account.now(customer["id"])
    before = _under_way(schedule)
    given = _anchored(schedule, params["phases"], now)
    held = {item["price"] for phase in schedule["phases"] for item in phase["items"]}
    currency, reusable = schedule["phases"][0]["currency"], _discounts(account, schedule)
    schedule["phases"] = phases.read(account, customer, given, now, currency, held, reusable)
    if before is None:
        account.wake(schedule["id"], schedule["phases"][0]["start_date"], schedule["test_clock"])
        return events.changed(account, "subscription_schedule.updated", schedule)
    return _proceed(account, schedule, before, now, params.get("proration_behavior", "create_prorations"))


def cancel(account: Account, schedule: Obj, params: dict[str, Any]) -> Obj:
    """With its subscription, which gets a last invoice unless the call says otherwise."""
    need_open(schedule, "canceled")
    if schedule["subscription"]:
        subscription = account.get("subscription", schedule["subscription"])
        ending.at_once(account, subscription, {"invoice_now": True, "prorate": True, **params})
        return account.get("subscription_schedule", schedule["id"])
    return timetables.ended(account, schedule, account.now(schedule["customer"]))


def need_open(schedule: Obj, done: str) -> None:
    if schedule["status"] not in _OPEN:
        raise ApiError(
            "You cannot update a subscription schedule that is currently in the "
            f"`{schedule['status']}` status. It must be in `not_started`, `active` status to be {done}."
        )


def _proceed(account: Account, schedule: Obj, before: Obj, now: int, behaviour: str) -> Obj:
    """An active schedule goes on with the phase that is under way by its new phases."""
    events.changed(account, "subscription_schedule.updated", schedule)
    subscription = account.get("subscription", schedule["subscription"])
    phase = next(each for each in reversed(schedule["phases"]) if each["start_date"] <= now)
    phasing.attach(account, subscription, schedule["id"], phase)
    taxes = set(phaseterms.params(account, subscription, schedule, phase)) - {"discounts"}
    if taxes or any(phase[name] != before[name] for name in ("items", "discounts")):
        phasing.apply(account, account.get("subscription", subscription["id"]), phase, behaviour)
    return account.get("subscription_schedule", schedule["id"])


def _discounts(account: Account, schedule: Obj) -> set[str]:
    """Those that the subscription has, or had when it came to be scheduled."""
    found = account.find(schedule["subscription"]) if schedule["subscription"] else None
    named = {each["discount"] for phase in schedule["phases"] for each in phase["discounts"]}
    return {wanted for wanted in named if wanted} | set(found["discounts"] if found else ())


def _under_way(schedule: Obj) -> Obj | None:
    if schedule["current_phase"] is None:
        return None
    begun = schedule["current_phase"]["start_date"]
    return next((phase for phase in schedule["phases"] if phase["start_date"] == begun), None)


def _anchored(schedule: Obj, given: list[dict[str, Any]], now: int) -> list[dict[str, Any]]:
    """The phase under way has to be among them, with its start as it was; those before it may be left out."""
    if not given:
        raise ApiError("A schedule has at least one phase.", param="phases")
    if "start_date" not in given[0]:
        raise ApiError("Missing required param: phases[0][start_date].", "parameter_missing", "phases[0][start_date]")
    begun = (schedule["current_phase"] or {}).get("start_date")
    first = now if given[0]["start_date"] == "now" else given[0]["start_date"]
    if begun is not None and first not in {phase["start_date"] for phase in schedule["phases"]}:
        raise ApiError(
            "You can not modify the start date of the current phase. "
            "If this is unintentional, please pass the existing start date for the current phase.",
            param="phases[0][start_date]",
        )
    return [{**given[0], "start_date": first}, *given[1:]]


def _as_phase(subscription: Obj) -> Obj:
    found = subscription["items"]["data"]
    made = [schedules.item(item["price"]["id"], item.get("quantity"), item["metadata"]) for item in found]
    start, end = found[0]["current_period_start"], found[0]["current_period_end"]
    given = {"trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None}
    return schedules.phase(given, made, subscription["currency"], start, end) | phaseterms.of(subscription)
