"""A subscription ends: what was used and what waits is billed once more, what is unused may be given back."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import closing, collecting, invoicing, proration, waiting
from billing.sandbox.values import Obj


def at_time(account: Account, subscription: Obj, now: int) -> Obj:
    """As was planned, with a last invoice for usage and for what waits."""
    found = entries(account, subscription, now, prorate=False)
    before = {**subscription}  # its status is about to change
    ended = collecting.end(account, subscription, now, "cancellation_requested")
    _last_invoice(account, ended, found, now, before)
    return account.get("subscription", subscription["id"])


def at_once(account: Account, subscription: Obj, params: dict[str, Any]) -> Obj:
    """`invoice_now`: with a last invoice. `prorate`: unused time is given back, on that invoice or on a later one."""
    now = account.now(subscription["customer"])
    prorate = bool(params.get("prorate")) and subscription["status"] != "trialing"
    found = entries(account, subscription, now, prorate=prorate)
    unused = proration.of_unused(account, subscription, now) if prorate else []
    ended = collecting.end(account, subscription, now, "cancellation_requested")
    if params.get("invoice_now"):
        _last_invoice(account, ended, found, now)
    elif unused:
        waiting.put(account, account.get("customer", ended["customer"]), invoicing.named(account, unused))
    return account.get("subscription", subscription["id"])


def entries(account: Account, subscription: Obj, now: int, *, prorate: bool) -> list[Obj]:
    """The lines of a last invoice; a trial's usage is free."""
    items = [] if subscription["status"] == "trialing" else subscription["items"]["data"]
    return [
        *waiting.lines(account, subscription["customer"], subscription),
        *(proration.of_unused(account, subscription, now) if prorate else []),
        *proration.of_used(account, subscription, items, now),
    ]


def _last_invoice(account: Account, subscription: Obj, found: list[Obj], now: int, before: Obj | None = None) -> None:
    """With `before`, the subscription as it was, the invoice waits for usage that is reported late."""
    if not found:
        return
    customer = account.get("customer", subscription["customer"])
    inherited = customer.get("discount")
    reason = {"billing_reason": "subscription_update", "period_start": now, "period_end": now}
    invoice = invoicing.draft(account, customer, subscription, found, **reason)
    events.changed(account, "customer.subscription.updated", subscription | {"latest_invoice": invoice["id"]})
    if before and closing.keep_open(account, before, inherited, invoice, now):
        return
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        collecting.collect(account, invoice)
