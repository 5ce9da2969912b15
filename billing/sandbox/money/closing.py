"""A renewal's invoice stays open to late usage for an hour: a draft, in which what was used is counted once more.

"Stripe waits one hour after creation to finalize the invoice" (https://docs.stripe.com/api/invoices), the "one-hour
reporting grace period" of meters (https://docs.stripe.com/billing/subscriptions/usage-based-legacy/migration-guide).
Invoices without usage are finalised at once here, for nothing can change in them.
"""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import collecting, invoicing, lines, totals, usage
from billing.sandbox.values import Obj, list_of

GRACE = 3600  # seconds


def keep_open(account: Account, before: Obj, inherited: Obj | None, invoice: Obj, until: int) -> bool:
    """Whether the invoice waits. `before` is the subscription in the period whose usage it bills, `inherited` the
    customer's discount before the invoice was drafted."""
    spans = [[item, usage.begin(account, before, item)] for item in before["items"]["data"] if lines.is_metered(item)]
    if not spans or before["status"] == "trialing":
        return False
    held = {"customer": inherited, "subscription": before["discounts"]}
    held["items"] = {item["id"]: item["discounts"] for item in before["items"]["data"]}
    closing = {"invoice": invoice["id"], "at": until + GRACE, "until": until, "spans": spans, "discounts": held}
    account.keep(before["id"], closing=closing)
    return True


def close(account: Account, subscription: Obj) -> None:
    closing = account.private(subscription["id"])["closing"]
    account.keep(subscription["id"], closing=None)
    invoice = account.get("invoice", closing["invoice"])
    if invoice["status"] != "draft":
        return  # somebody finalised it
    if subscription["status"] == "unpaid":
        return  # drafts pile up until somebody pays what is open
    invoice = invoicing.finalize(account, _counted_anew(account, subscription, invoice, closing))
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        collecting.collect(account, invoice)


def forget(account: Account, customer: str) -> None:
    """Drafts of a customer who is deleted stay drafts."""
    for subscription in account.all("subscription", customer=customer):
        if account.private(subscription["id"]).get("closing"):
            account.keep(subscription["id"], closing=None)
            account.wake(subscription["id"], None)


def _counted_anew(account: Account, subscription: Obj, invoice: Obj, closing: Obj) -> Obj:
    """With the discounts that it was drafted with; those for one invoice are not the subscription's any more."""
    items = {item["id"] for item, _ in closing["spans"]}
    found = invoice["lines"]["data"]
    first = next((number for number, line in enumerate(found) if _is_usage(line, items)), len(found))
    used = [
        line
        for item, begin in closing["spans"]
        for line in lines.of_span(account, subscription, item, (begin, closing["until"]))
    ]
    entries = found[:first] + used + [line for line in found[first:] if not _is_usage(line, items)]
    customer, as_was = _discounted(account, subscription, closing["discounts"])
    priced = totals.of(account, customer, as_was, invoicing.named(account, entries))
    data = [line | {"invoice": invoice["id"]} for line in priced.lines]
    made = {**invoice, **priced.fields, "lines": list_of(data, invoice["lines"]["url"])}
    return events.changed(account, "invoice.updated", made)


def _discounted(account: Account, subscription: Obj, held: Obj) -> tuple[Obj, Obj]:
    customer = account.get("customer", subscription["customer"]) | {"discount": held["customer"]}
    items = [{**item, "discounts": held["items"].get(item["id"], [])} for item in subscription["items"]["data"]]
    return customer, {**subscription, "discounts": held["subscription"], "items": {"data": items}}


def _is_usage(line: Obj, items: set[str]) -> bool:
    details = (line["parent"] or {}).get("subscription_item_details")
    return bool(details and details["invoice_item"] is None and details["subscription_item"] in items)
