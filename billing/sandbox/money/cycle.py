"""What time brings to a subscription: a notice, the trial's end, the next phase or period, another try, an end."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import (
    closing,
    collecting,
    debits,
    ending,
    forecast,
    invoicing,
    methods,
    notices,
    phasing,
    renewing,
    timetables,
    waiting,
)
from billing.sandbox.values import Obj


def turn(account: Account, subscription: Obj, now: int) -> None:
    """Do the one thing that is due first. Called again and again until nothing is."""
    private = account.private(subscription["id"])
    retry = private.get("retry_at")
    if (private.get("closing") or {}).get("at", now + 1) <= now:
        closing.close(account, subscription)
    elif subscription["status"] == "incomplete":
        _give_up(account, subscription, now)
    elif retry is not None and retry <= now:
        _retry(account, subscription, private["retry_invoice"])
    elif subscription["cancel_at"] is not None and subscription["cancel_at"] <= now:
        ending.at_time(account, subscription, now)
    elif _phase_ends(account, subscription, private.get("phase_at"), now):
        phasing.turn(account, subscription, now)
    elif (upcoming := notices.upcoming_at(account, subscription)) is not None and upcoming <= now:
        _tell_of_invoice(account, subscription)
    elif _ends(subscription) <= now:
        _next_period(account, subscription)
    elif subscription["status"] == "trialing" and subscription["trial_end"] - notices.BEFORE_TRIAL_END <= now:
        _tell_of_trial(account, subscription)
    collecting.schedule(account, account.get("subscription", subscription["id"]))


def _ends(subscription: Obj) -> int:
    end: int = subscription["items"]["data"][0]["current_period_end"]
    return end


def _phase_ends(account: Account, subscription: Obj, at: int | None, now: int) -> bool:
    """A phase that begins with a period is the renewal's."""
    if at is None or at > now or not subscription["schedule"]:
        return False
    return at < _ends(subscription) or timetables.next_phase(account, subscription) is None


def _give_up(account: Account, subscription: Obj, now: int) -> None:
    """The first payment never came."""
    invoice = account.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        invoicing.void(account, invoice)
    subscription |= {"status": "incomplete_expired", "ended_at": now, "canceled_at": now}
    events.changed(account, "customer.subscription.updated", subscription)


def _retry(account: Account, subscription: Obj, invoice_id: str) -> None:
    account.keep(subscription["id"], retry_at=None)
    invoice = account.get("invoice", invoice_id)
    if invoice["status"] == "open":
        collecting.collect(account, invoice)


def _next_period(account: Account, subscription: Obj) -> None:
    customer = account.get("customer", subscription["customer"])
    if subscription["status"] == "trialing" and not _may_go_on(account, customer, subscription):
        return
    start = _ends(subscription)
    phase = timetables.beginning(account, subscription, start)
    made, entries = renewing.renewed(account, subscription, start)
    entries = waiting.lines(account, customer["id"], made) + entries
    if phase:
        timetables.enter(account, made, phase)
    if entries:
        _invoice(account, customer, subscription, made, entries)
    else:
        events.changed(account, "customer.subscription.updated", made)


def _invoice(account: Account, customer: Obj, before: Obj, made: Obj, entries: list[Obj]) -> None:
    start, inherited = _ends(before), customer.get("discount")
    reason = {"billing_reason": "subscription_cycle", "period_start": start, "period_end": _ends(made)}
    invoice = invoicing.draft(account, customer, made, entries, **reason)
    debits.replace(account, made, invoice["lines"]["data"])
    made["latest_invoice"] = invoice["id"]
    waits = closing.keep_open(account, before, inherited, invoice, start)
    events.changed(account, "customer.subscription.updated", made)
    if waits or made["status"] == "unpaid":
        return  # drafts pile up until somebody pays what is open
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "open" and made["collection_method"] == "charge_automatically":
        collecting.collect(account, invoice)


def _may_go_on(account: Account, customer: Obj, subscription: Obj) -> bool:
    """Whether a trial becomes a paid period; without a card it may have been told to end or pause instead."""
    behaviour = subscription["trial_settings"]["end_behavior"].get("missing_payment_method", "create_invoice")
    if behaviour == "create_invoice" or methods.default_of(account, customer, subscription):
        return True
    if behaviour == "cancel":
        collecting.end(account, subscription, _ends(subscription), "cancellation_requested")
    else:
        subscription["status"] = "paused"
        events.changed(account, "customer.subscription.paused", subscription)
    return False


def _tell_of_trial(account: Account, subscription: Obj) -> None:
    if not account.private(subscription["id"]).get("trial_notice"):
        account.keep(subscription["id"], trial_notice=True)
        events.emit(account, "customer.subscription.trial_will_end", subscription)


def _tell_of_invoice(account: Account, subscription: Obj) -> None:
    """invoice.upcoming, with the invoice as it would be today."""
    notices.told(account, subscription)
    invoice = forecast.asked(account, lambda: forecast.upcoming(account, subscription))
    events.emit(account, "invoice.upcoming", invoice)
