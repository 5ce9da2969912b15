"""A schedule's phases follow each other: the next one changes the subscription, the last one lets it go or ends it."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import changing, collecting, ending, methods, phaseterms, subscribing, timetables
from billing.sandbox.values import Obj


def begin_in_time(account: Account, schedule: Obj) -> None:
    """When nobody is there to be told that it can't be."""
    try:
        with account.transaction():
            begin(account, schedule)
    except ApiError:
        stored = account.get("subscription_schedule", schedule["id"])
        timetables.abort(account, stored, account.now(schedule["customer"]))


def begin(account: Account, schedule: Obj) -> Obj:
    """The first phase starts the subscription. Raises ApiError."""
    phase, customer = schedule["phases"][0], account.get("customer", schedule["customer"])
    settings = schedule["default_settings"]
    given = {
        "items": [_item(item) for item in phase["items"]],
        "currency": phase["currency"],
        "metadata": phase["metadata"],
        "payment_behavior": _behaviour(account, customer, phase, settings),
        "collection_method": phase["collection_method"] or settings["collection_method"],
        "default_payment_method": phase["default_payment_method"] or settings["default_payment_method"],
        "description": phase["description"] or settings["description"],
        "trial_end": phase["trial_end"],
        **phaseterms.params(account, None, schedule, phase),
    }
    made = subscribing.subscribe(account, customer, {name: value for name, value in given.items() if value})
    account.wake(schedule["id"], None)
    account.save(schedule | {"subscription": made["id"], "status": "active"})
    attach(account, made, schedule["id"], phase)
    return account.get("subscription_schedule", schedule["id"])


def attach(account: Account, subscription: Obj, schedule: str, phase: Obj) -> None:
    subscription = subscription | {"schedule": schedule}
    events.changed(account, "customer.subscription.updated", subscription)
    timetables.enter(account, subscription, phase)
    collecting.schedule(account, subscription)


def turn(account: Account, subscription: Obj, now: int) -> None:
    """The phase under way has ended, and not at the end of a period."""
    schedule = account.get("subscription_schedule", subscription["schedule"])
    phase = timetables.next_phase(account, subscription)
    if phase is not None:
        timetables.enter(account, subscription, phase)
        apply(account, subscription, phase, phase["proration_behavior"])
    elif schedule["end_behavior"] == "cancel":
        timetables.ended(account, schedule, now, planned=True)
        ending.at_time(account, subscription, now)
    else:
        timetables.release(account, schedule, now)


def apply(account: Account, subscription: Obj, phase: Obj, behaviour: str) -> Obj:
    """Make the subscription what the phase says. Raises CardDeclined never: what can't be paid is owed."""
    schedule = account.get("subscription_schedule", subscription["schedule"])
    given = timetables.fields(subscription, phase) | {
        **phaseterms.params(account, subscription, schedule, phase),
        "items": timetables.item_params(subscription, phase),
        "proration_behavior": behaviour,
    }
    if "billing_cycle_anchor" in given:
        given["billing_cycle_anchor"] = {"type": "now"}
    now = account.now(subscription["customer"])
    if phase["trial_end"] and phase["trial_end"] > now and phase["trial_end"] != subscription["trial_end"]:
        given["trial_end"] = phase["trial_end"]
    return changing.update(account, subscription, given)


def _behaviour(account: Account, customer: Obj, phase: Obj, settings: Obj) -> str:
    """Without a card the first invoice waits for one."""
    named = phase["default_payment_method"] or settings["default_payment_method"]
    return "allow_incomplete" if named or methods.default_of(account, customer) else "default_incomplete"


def _item(item: Obj) -> Obj:
    return {name: item[name] for name in ("price", "quantity", "metadata") if name in item} | {"held": True}
