"""What time brings to a subscription: the trial's end, the next period, another try at a failed payment, an end."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import collecting, invoicing, methods, periods, subscribing
from billing.sandbox.values import Obj

_NOTICE = 3 * 86_400  # before a trial ends


def turn(account: Account, subscription: Obj, now: int) -> None:
    """Do the one thing that is due first. Called again and again until nothing is."""
    private = account.private(subscription["id"])
    retry = private.get("retry_at")
    if subscription["status"] == "incomplete":
        _give_up(account, subscription, now)
    elif retry is not None and retry <= now:
        _retry(account, subscription, private["retry_invoice"])
    elif subscription["cancel_at"] is not None and subscription["cancel_at"] <= now:
        collecting.end(account, subscription, now, "cancellation_requested")
    elif _ends(subscription) <= now:
        _next_period(account, subscription)
    elif subscription["status"] == "trialing" and not private.get("trial_notice"):
        account.keep(subscription["id"], trial_notice=True)
        events.emit(account, "customer.subscription.trial_will_end", subscription)
    collecting.schedule(account, account.get("subscription", subscription["id"]))


def _ends(subscription: Obj) -> int:
    end: int = subscription["items"]["data"][0]["current_period_end"]
    return end


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
    start, end = _ends(subscription), 0
    for item in subscription["items"]["data"]:
        _, end = periods.of_price(start, item["price"]["recurring"], subscription["billing_cycle_anchor"])
        item |= {"current_period_start": start, "current_period_end": end}
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    pending = account.private(subscription["id"]).get("pending", [])
    lines = [*pending, *map(subscribing.period_line, subscription["items"]["data"])]
    account.keep(subscription["id"], pending=[])
    invoice = invoicing.draft(
        account, customer, subscription, lines, billing_reason="subscription_cycle", period_start=start, period_end=end
    )
    subscription["latest_invoice"] = invoice["id"]
    events.changed(account, "customer.subscription.updated", subscription)
    if subscription["status"] == "unpaid":
        return  # drafts pile up until somebody pays what is open
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        collecting.collect(account, invoice)


def _may_go_on(account: Account, customer: Obj, subscription: Obj) -> bool:
    """Whether a trial becomes a paid period; without a card it may have been told to end or pause instead."""
    behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behaviour == "create_invoice" or methods.default_of(account, customer, subscription):
        return True
    if behaviour == "cancel":
        collecting.end(account, subscription, _ends(subscription), "cancellation_requested")
    else:
        subscription["status"] = "paused"
        events.changed(account, "customer.subscription.paused", subscription)
    return False
