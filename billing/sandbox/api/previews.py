"""/v1/invoices/create_preview"""

from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn
from billing.sandbox.money import ending, forecast, invoicing, planning, scheduling, subscribing, usage, waiting
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj

_DETAILS = (
    "items trial_end proration_behavior proration_date cancel_at cancel_at_period_end cancel_now billing_cycle_anchor "
    "default_tax_rates metadata"
)


@handles("post", "/v1/invoices/create_preview")
def create_preview(call: Call) -> Obj:
    """The invoice that a change would make now, or the next one with what the change adds to it."""
    params = call.takes(
        "automatic_tax currency customer discounts preview_mode schedule schedule_details subscription "
        "subscription_details"
    )
    if params.get("preview_mode", "next") != "next":
        raise NotStoodIn("The stand-in for Stripe previews the next invoice only.", None, "preview_mode")
    details = params.get("subscription_details") or {}
    for name in details:
        if name not in _DETAILS.split():
            raise NotStoodIn(f"The stand-in for Stripe does not preview {name}.", None, f"subscription_details[{name}]")
    return forecast.asked(call.account, lambda: _previewed(call.account, params, details))


def _previewed(account: Account, params: Obj, details: Obj) -> Obj:
    if "schedule" in params or "schedule_details" in params:
        return _of_schedule(account, params)
    asked = {name: params[name] for name in ("automatic_tax", "discounts") if name in params}
    if "subscription" not in params:
        return _of_new(account, params, details | asked)
    subscription = account.get("subscription", params["subscription"], "subscription")
    if "customer" in params and params["customer"] != subscription["customer"]:
        raise ApiError("The subscription belongs to another customer.", param="customer")
    if details.get("cancel_now"):
        return _of_end(account, subscription, details)
    return _of_change(account, subscription, details | asked)


def _of_new(account: Account, params: Obj, details: Obj) -> Obj:
    customer = account.living("customer", params.get("customer", ""), "customer")
    if "items" not in details:
        raise ApiError("Missing required param: subscription.", "invoice_upcoming_none", "subscription")
    given = {name: params[name] for name in ("currency",) if name in params}
    made = subscribing.subscribe(account, customer, {"payment_behavior": "default_incomplete", **details, **given})
    if made["latest_invoice"] is None:
        return forecast.upcoming(account, made)
    return forecast.as_preview(account.get("invoice", made["latest_invoice"]))


def _of_change(account: Account, subscription: Obj, details: dict[str, Any]) -> Obj:
    """As `changing.update` would do it, but for the payment."""
    customer = account.get("customer", subscription["customer"])
    now = account.now(customer["id"])
    change = planning.plan(account, subscription, details)
    made = change.subscription
    if change.lines is not None:
        entries = waiting.lines(account, customer["id"], made) + change.lines
        if entries:
            return forecast.drawn(account, customer, made, entries, "subscription_update", (now, now))
    usage.starts(account, made, change.metered, now)
    waiting.put(account, customer, invoicing.named(account, change.pending))
    return forecast.upcoming(account, account.save(made))


def _of_end(account: Account, subscription: Obj, details: dict[str, Any]) -> Obj:
    customer = account.get("customer", subscription["customer"])
    now = account.now(customer["id"])
    prorate = details.get("proration_behavior", "create_prorations") != "none"
    entries = ending.entries(account, subscription, now, prorate=prorate)
    if not entries:
        raise ApiError("No upcoming invoices for customer: " + customer["id"], "invoice_upcoming_none")
    return forecast.drawn(account, customer, subscription, entries, "subscription_update", (now, now))


def _of_schedule(account: Account, params: Obj) -> Obj:
    """What a schedule does next, or would do after a change of it."""
    details = params.get("schedule_details") or {}
    if "schedule" in params:
        schedule = account.get("subscription_schedule", params["schedule"], "schedule")
    else:
        schedule = scheduling.create(account, {"customer": params.get("customer", ""), **details})
    before = _latest(account, schedule)
    if "schedule" in params and details:
        schedule = scheduling.update(account, schedule, details)
    if schedule["subscription"] is None:
        raise ApiError("No upcoming invoices for a schedule that has not started.", "invoice_upcoming_none")
    subscription = account.get("subscription", schedule["subscription"])
    if "schedule" not in params or subscription["latest_invoice"] != before:
        return forecast.as_preview(account.get("invoice", subscription["latest_invoice"]))
    return forecast.upcoming(account, subscription)


def _latest(account: Account, schedule: Obj) -> str | None:
    found = account.find(schedule["subscription"]) if schedule["subscription"] else None
    return found["latest_invoice"] if found else None
