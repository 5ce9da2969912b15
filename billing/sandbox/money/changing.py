"""A subscription changes: other prices or quantities, another end of its trial, an end."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import (
    collecting,
    debits,
    invoicing,
    phaseterms,
    planning,
    subscribing,
    timetables,
    usage,
    waiting,
)
from billing.sandbox.money.costing import Change
from billing.sandbox.values import Obj


def update(account: Account, subscription: Obj, params: dict[str, Any]) -> Obj:
    """Apply an update. Raises CardDeclined under error_if_incomplete."""
    change = planning.plan(account, subscription, params)
    made = change.subscription
    if made["trial_end"] != subscription["trial_end"]:
        account.keep(made["id"], trial_notice=False)
    customer = account.get("customer", made["customer"])
    usage.starts(account, made, change.metered, account.now(customer["id"]))
    events.changed(account, "customer.subscription.updated", made)
    if change.lines is not None:
        _invoice(account, customer, change, params)
    else:
        _charged(account, change, change.pending)
        waiting.put(account, customer, invoicing.named(account, change.pending))
    made = account.get("subscription", made["id"])
    if {"items", *phaseterms.NAMES} & set(params):
        timetables.follow(account, made)
    collecting.schedule(account, made)
    return made


def _invoice(account: Account, customer: Obj, change: Change, params: dict[str, Any]) -> None:
    made = change.subscription
    entries = waiting.lines(account, customer["id"], made) + (change.lines or [])
    if not entries:
        return
    now = account.now(customer["id"])
    invoice = invoicing.draft(
        account, customer, made, entries, billing_reason="subscription_update", period_start=now, period_end=now
    )
    _charged(account, change, invoice["lines"]["data"])
    made["latest_invoice"] = invoice["id"]
    account.save(made)
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "open" and made["collection_method"] == "charge_automatically":
        _collect(account, invoice, params.get("payment_behavior"))


def _charged(account: Account, change: Change, lines: list[Obj]) -> None:
    """These lines are what a later change gives back of."""
    if change.fresh:
        debits.replace(account, change.subscription, lines)
    elif change.charged:
        debits.replace(account, change.subscription, lines, change.charged)


def _collect(account: Account, invoice: Obj, behaviour: str | None) -> None:
    if behaviour == "default_incomplete":
        collecting.leave_open(account, invoice)
        return
    invoice = collecting.collect(account, invoice)
    if invoice["status"] != "paid" and behaviour == "error_if_incomplete":
        raise subscribing.why(account, invoice)
