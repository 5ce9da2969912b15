"""Subscription schedules as they stand: which phase comes next, what it makes of the subscription, how one ends."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import phaseterms
from billing.sandbox.shapes import schedules
from billing.sandbox.values import Obj, merged


def next_phase(account: Account, subscription: Obj) -> Obj | None:
    """The phase after the one under way."""
    schedule = of(account, subscription)
    if schedule is None or schedule["current_phase"] is None:
        return None
    begun = schedule["current_phase"]["start_date"]
    return next((phase for phase in schedule["phases"] if phase["start_date"] > begun), None)


def beginning(account: Account, subscription: Obj, at: int) -> Obj | None:
    """The phase that begins at this time."""
    phase = next_phase(account, subscription)
    return phase if phase and phase["start_date"] == at else None


def of(account: Account, subscription: Obj) -> Obj | None:
    wanted = subscription["schedule"]
    return account.get("subscription_schedule", wanted) if wanted else None


def item_params(subscription: Obj, phase: Obj) -> list[dict[str, Any]]:
    """How the subscription's items become the phase's: one of the same price stays, the others come and go."""
    items = {item["price"]["id"]: item["id"] for item in subscription["items"]["data"]}
    wanted = {item["price"]: item for item in phase["items"]}
    gone: list[dict[str, Any]] = [{"id": made, "deleted": True} for price, made in items.items() if price not in wanted]
    kept = [
        {name: item[name] for name in ("quantity", "metadata") if name in item}
        | ({"id": items[price]} if price in items else {"price": price, "held": True})
        for price, item in wanted.items()
    ]
    return gone + kept


def fields(subscription: Obj, phase: Obj) -> Obj:
    """What else the phase sets; its metadata joins the subscription's."""
    found: Obj = {"metadata": merged(subscription["metadata"], phase["metadata"])}
    for name in ("collection_method", "default_payment_method", "description"):
        if phase[name] is not None:
            found[name] = phase[name]
    if phase["billing_cycle_anchor"] == "phase_start":
        found["billing_cycle_anchor"] = phase["start_date"]
    return found


def enter(account: Account, subscription: Obj, phase: Obj) -> None:
    """The phase is under way: its end is when something happens next."""
    schedule = account.get("subscription_schedule", subscription["schedule"])
    schedule |= {"current_phase": {name: phase[name] for name in ("start_date", "end_date")}, "status": "active"}
    account.keep(subscription["id"], phase_at=phase["end_date"])
    events.changed(account, "subscription_schedule.updated", schedule)


def follow(account: Account, subscription: Obj) -> None:
    """A change that is made to the subscription itself is one of the phase under way."""
    schedule = of(account, subscription)
    if schedule is None or schedule["current_phase"] is None:
        return
    items = [
        schedules.item(item["price"]["id"], item.get("quantity"), item["metadata"])
        for item in subscription["items"]["data"]
    ]
    begun, terms = schedule["current_phase"]["start_date"], phaseterms.of(subscription)
    schedule["phases"] = [
        {**phase, "items": items, **terms} if phase["start_date"] == begun else phase for phase in schedule["phases"]
    ]
    events.changed(account, "subscription_schedule.updated", schedule)


def release(account: Account, schedule: Obj, now: int) -> Obj:
    """The subscription goes on as it is, without the schedule."""
    wanted = schedule["subscription"]
    schedule |= {"status": "released", "released_at": now, "released_subscription": wanted}
    schedule |= {"subscription": None, "current_phase": None}
    account.save(schedule)
    account.wake(schedule["id"], None)
    if wanted:
        account.keep(wanted, phase_at=None)
        subscription = account.get("subscription", wanted) | {"schedule": None}
        events.changed(account, "customer.subscription.updated", subscription)
    events.emit(account, "subscription_schedule.released", schedule)
    return schedule


def abandon(account: Account, customer: str, now: int) -> None:
    """What has not started for a customer who is deleted never does."""
    for schedule in account.all("subscription_schedule", customer=customer, status="not_started"):
        ended(account, schedule, now)


def ended(account: Account, schedule: Obj, now: int, *, planned: bool = False) -> Obj:
    """Its subscription has ended, as the schedule said or because somebody ended it."""
    return _closed(account, schedule, now, "completed" if planned else "canceled")


def abort(account: Account, schedule: Obj, now: int) -> Obj:
    """What it was to start can't be, as when a currency no longer fits the customer."""
    return _closed(account, schedule, now, "aborted")


def _closed(account: Account, schedule: Obj, now: int, word: str) -> Obj:
    if schedule["status"] not in {"active", "not_started"}:
        return schedule
    status = "completed" if word == "completed" else "canceled"
    schedule |= {"status": status, f"{status}_at": now, "current_phase": None}
    account.wake(schedule["id"], None)
    account.save(schedule)
    events.emit(account, f"subscription_schedule.{word}", schedule)
    return schedule
