"""Invoice items: they wait for a customer's next invoice."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.shapes import invoice_items
from billing.sandbox.values import Obj


def put(account: Account, customer: Obj, lines: list[Obj]) -> None:
    """Leave lines for the subscription's next invoice."""
    now = account.now(customer["id"])
    for line in lines:
        events.added(account, "invoiceitem.created", invoice_items.of_line(line, customer, now))


def lines(account: Account, customer: str, subscription: Obj) -> list[Obj]:
    """What the next invoice of the subscription takes up, the oldest first: its own, and those of no subscription."""
    found = [
        item
        for item in reversed(account.all("invoiceitem", customer=customer))
        if item["invoice"] is None and _of(item) in {subscription["id"], None}
    ]
    return [invoice_items.line(item) for item in found if item["currency"] == subscription["currency"]]


def claim(account: Account, invoice: Obj) -> None:
    """The invoice items among an invoice's lines wait no longer."""
    for line in invoice["lines"]["data"]:
        parent = line["parent"] or {}
        details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
        if details.get("invoice_item"):
            item = account.get("invoiceitem", details["invoice_item"])
            account.save(item | {"invoice": invoice["id"]})


def _of(item: Obj) -> str | None:
    details = (item["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None
