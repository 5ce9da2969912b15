"""A customer's balance: credit when it is below zero, and each move of it
(https://docs.stripe.com/billing/customer/balance)."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import minimums
from billing.sandbox.shapes import notes
from billing.sandbox.values import Obj


def move(account: Account, customer: Obj, amount: int, kind: str, **more: Any) -> Obj:
    """`amount` joins the balance: below zero it is credit for the customer. Returns the move, which is stored."""
    after = customer["balance"] + amount
    currency = more.pop("currency", None) or customer["currency"] or "usd"
    made = notes.balance_transaction(customer["id"], amount, after, currency, kind, account.now(customer["id"])) | more
    account.add(made)
    customer["balance"] = after
    events.changed(account, "customer.updated", customer)
    return made


def adjust(account: Account, customer: Obj, amount: int, currency: str, **more: Any) -> Obj:
    """By a call. Raises ApiError for another currency than the customer's."""
    if customer["currency"] and customer["currency"] != currency:
        raise ApiError(
            f"The currency of the balance transaction ({currency}) must match the customer's ({customer['currency']}).",
            param="currency",
        )
    customer["currency"] = currency
    return move(account, customer, amount, "adjustment", currency=currency, **more)


def settle(account: Account, invoice: Obj, customer: Obj) -> None:
    """Credit pays first; an invoice below zero becomes credit, one over too little to charge is owed with the next."""
    before, total = customer["balance"], invoice["total"]
    due = minimums.due(total, before, invoice["currency"])
    after = before + total - due
    invoice |= {"starting_balance": before, "ending_balance": after, "amount_due": due, "amount_remaining": due}
    if after != before:
        move(
            account, customer, after - before, "applied_to_invoice", invoice=invoice["id"], currency=invoice["currency"]
        )


def unsettle(account: Account, invoice: Obj, customer: Obj) -> None:
    """An invoice that is voided gives back the credit that it took."""
    taken = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if taken and not customer.get("deleted"):
        kind = "unapplied_from_invoice"
        move(account, customer, -taken, kind, invoice=invoice["id"], currency=invoice["currency"])
