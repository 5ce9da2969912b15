"""The invoice that is coming. It is made for real, and whoever asks takes everything back."""

from collections.abc import Callable
from typing import Any, TypeVar

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import invoicing, minimums, proration, renewing, waiting
from billing.sandbox.values import Obj, list_of, new_id

_Found = TypeVar("_Found")


class _Undo(Exception):
    """Takes back what was done to find out."""


def asked(account: Account, find: Callable[[], _Found]) -> _Found:
    """What `find` finds; nothing of what it did stays."""
    found: list[_Found] = []
    try:
        with account.transaction():
            found.append(find())
            raise _Undo  # noqa: TRY301 - what was done to find out is rolled back
    except _Undo:
        return found[0]


def upcoming(account: Account, subscription: Obj) -> Obj:
    """The next invoice by time. Raises ApiError when there will be none. To be called by way of `asked`."""
    customer = account.get("customer", subscription["customer"])
    end: int = subscription["items"]["data"][0]["current_period_end"]
    entries = waiting.lines(account, customer["id"], subscription)
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= end:
        until = subscription["cancel_at"]
        entries += proration.of_used(account, subscription, subscription["items"]["data"], until)
        if not entries:
            raise ApiError("No upcoming invoices for customer: " + customer["id"], "invoice_upcoming_none")
        return drawn(account, customer, subscription, entries, "upcoming", (until, until))
    made, found = renewing.renewed(account, subscription, end)
    period = (end, made["items"]["data"][0]["current_period_end"])
    return drawn(account, customer, made, entries + found, "upcoming", period)


def drawn(
    account: Account, customer: Obj, subscription: Obj, entries: list[Obj], reason: str, period: tuple[int, int]
) -> Obj:
    more: dict[str, Any] = {"billing_reason": reason, "period_start": period[0], "period_end": period[1]}
    made = invoicing.draft(account, customer, subscription, entries, **more)
    balance = customer["balance"]
    due = minimums.due(made["total"], balance, made["currency"])
    after = balance + made["total"] - due
    return as_preview(
        made | {"starting_balance": balance, "ending_balance": after, "amount_due": due, "amount_remaining": due}
    )


def as_preview(invoice: Obj) -> Obj:
    made = new_id("upcoming_in")
    entries = [entry | {"invoice": made} for entry in invoice["lines"]["data"]]
    return invoice | {
        "id": made,
        "lines": list_of(entries, f"/v1/invoices/{made}/lines"),
        "number": None,
        "status": "draft",
        "hosted_invoice_url": None,
        "invoice_pdf": None,
    }
