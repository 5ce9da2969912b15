"""/v1/invoices/create_preview"""

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import invoicing, planning, subscribing
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import invoices
from billing.sandbox.values import Obj, list_of, new_id

_DETAILS = "items trial_end proration_behavior proration_date cancel_at_period_end billing_cycle_anchor"


class _Preview(Exception):  # takes back what was done to find out
    pass


@handles("post", "/v1/invoices/create_preview")
def create_preview(call: Call) -> Obj:
    """The invoice that a change would make now, or the next one with what the change adds to it."""
    params = call.takes("customer currency subscription subscription_details preview_mode")
    details = params.get("subscription_details") or {}
    for name in details:
        if name not in _DETAILS.split():
            raise ApiError(f"The stand-in for Stripe does not preview {name}.", param=f"subscription_details[{name}]")
    found: list[Obj] = []
    try:
        with call.account.transaction():
            found.append(_previewed(call, params, details))
            raise _Preview  # noqa: TRY301 - what was done to find out is rolled back
    except _Preview:
        return found[0]


def _previewed(call: Call, params: Obj, details: Obj) -> Obj:
    account = call.account
    if "subscription" not in params:
        customer = account.living("customer", params.get("customer", ""), "customer")
        made = subscribing.subscribe(account, customer, {"payment_behavior": "default_incomplete", **details})
        return _as_preview(account.get("invoice", made["latest_invoice"]))
    subscription = account.get("subscription", params["subscription"], "subscription")
    customer = account.get("customer", subscription["customer"])
    change = planning.plan(account, subscription, details)
    waiting = account.private(subscription["id"]).get("pending", [])
    if change.lines is not None:
        entries, now = waiting + change.lines, account.now(customer["id"])
        return _drawn(account, customer, change.subscription, entries, "subscription_update", now, now)
    item = change.subscription["items"]["data"][0]
    start = item["current_period_end"]
    if change.subscription["cancel_at_period_end"]:
        raise ApiError("No upcoming invoices for customer: " + customer["id"], "invoice_upcoming_none")
    following = [subscribing.next_line(each, change.subscription) for each in change.subscription["items"]["data"]]
    entries = waiting + change.pending + following
    end = following[0]["period"]["end"]
    return _drawn(account, customer, change.subscription, entries, "upcoming", start, end)


def _drawn(
    account: Account, customer: Obj, subscription: Obj, entries: list[Obj], reason: str, start: int, end: int
) -> Obj:
    more = {"billing_reason": reason, "period_start": start, "period_end": end}
    lines = invoicing.named(account, entries)
    made = invoices.invoice(customer, subscription, lines, more, account.now(customer["id"]))
    balance = customer["balance"]
    due = max(made["total"] + balance, 0) if made["total"] >= 0 else 0
    return _as_preview(made | {"starting_balance": balance, "amount_due": due, "amount_remaining": due})


def _as_preview(invoice: Obj) -> Obj:
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
