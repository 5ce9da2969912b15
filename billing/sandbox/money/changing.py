"""A subscription changes: other prices or quantities, another end of its trial, an end."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import collecting, invoicing, planning, subscribing
from billing.sandbox.values import Obj


def update(account: Account, subscription: Obj, params: dict[str, Any]) -> Obj:
    """Apply an update. Raises CardDeclined under error_if_incomplete."""
    change = planning.plan(account, subscription, params)
    made = change.subscription
    private = account.private(made["id"])
    waiting = private.get("pending", [])
    account.keep(made["id"], pending=[] if change.lines is not None else waiting + change.pending)
    if change.subscription["trial_end"] != subscription["trial_end"]:
        account.keep(made["id"], trial_notice=False)
    events.changed(account, "customer.subscription.updated", made)
    if change.lines is not None:
        _invoice(account, made, waiting + change.lines, params)
    made = account.get("subscription", made["id"])
    collecting.schedule(account, made)
    return made


def _invoice(account: Account, made: Obj, lines: list[Obj], params: dict[str, Any]) -> None:
    customer = account.get("customer", made["customer"])
    now = account.now(customer["id"])
    invoice = invoicing.draft(
        account, customer, made, lines, billing_reason="subscription_update", period_start=now, period_end=now
    )
    made["latest_invoice"] = invoice["id"]
    account.save(made)
    invoice = invoicing.finalize(account, invoice)
    if invoice["status"] == "open" and made["collection_method"] == "charge_automatically":
        invoice = collecting.collect(account, invoice)
        if invoice["status"] != "paid" and params.get("payment_behavior") == "error_if_incomplete":
            raise subscribing.why(account, invoice)
