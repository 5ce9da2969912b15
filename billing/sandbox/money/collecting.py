"""Invoices of a subscription: when one is paid or fails, the subscription's status follows."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import invoicing, methods, notices, timetables
from billing.sandbox.values import Obj

_OWING = {"past_due", "unpaid", "incomplete"}
_FINAL = {"cancel": "canceled", "unpaid": "unpaid", "past_due": "past_due"}


def collect(account: Account, invoice: Obj, method: Obj | None = None, *, authenticated: bool = False) -> Obj:
    """Pay an open invoice with this card, or with the subscription's or customer's own."""
    subscription = subscription_of(account, invoice)
    customer = account.get("customer", invoice["customer"])
    method = method or methods.default_of(account, customer, subscription)
    invoice = invoicing.attempt(account, invoice, method, authenticated=authenticated)
    if invoice["status"] == "paid":
        settled(account, invoice)
    else:
        _failed(account, invoice, subscription)
    return account.get("invoice", invoice["id"])


def settled(account: Account, invoice: Obj) -> None:
    """After an invoice was paid: a subscription that owed is active again when it was its newest one, or that is paid
    (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses)."""
    subscription = subscription_of(account, invoice)
    if subscription is None or subscription["status"] not in _OWING:
        return
    if (
        subscription["latest_invoice"] != invoice["id"]
        and account.get("invoice", subscription["latest_invoice"])["status"] == "open"
    ):
        return
    subscription["status"] = "active"
    account.keep(subscription["id"], retry_at=None, retries=0)
    events.changed(account, "customer.subscription.updated", subscription)
    schedule(account, subscription)


def subscription_of(account: Account, invoice: Obj) -> Obj | None:
    parent = invoice["parent"]
    return account.get("subscription", parent["subscription_details"]["subscription"]) if parent else None


def schedule(account: Account, subscription: Obj) -> None:
    """When something happens to it next: a retry, a notice before the trial's end, the period's end."""
    private = account.private(subscription["id"])
    times = [private.get("retry_at"), private.get("expires_at") if subscription["status"] == "incomplete" else None]
    if subscription["status"] not in {"incomplete", "canceled", "incomplete_expired", "paused"}:
        times += [subscription["items"]["data"][0]["current_period_end"], subscription["cancel_at"]]
        times += [private.get("phase_at"), notices.upcoming_at(account, subscription)]
        if subscription["status"] == "trialing" and not private.get("trial_notice"):
            times.append(subscription["trial_end"] - notices.BEFORE_TRIAL_END)
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        times = []
    times.append((private.get("closing") or {}).get("at"))
    due = min((time for time in times if time is not None), default=None)
    account.wake(subscription["id"], due, subscription["test_clock"])


def end(account: Account, subscription: Obj, now: int, reason: str, status: str = "canceled") -> Obj:
    subscription |= {"status": status, "ended_at": now, "canceled_at": subscription["canceled_at"] or now}
    details = subscription["cancellation_details"]
    subscription["cancellation_details"] = details | {"reason": details["reason"] or reason}
    account.keep(subscription["id"], retry_at=None, phase_at=None)
    account.save(subscription)
    schedule(account, subscription)
    events.emit(account, "customer.subscription.deleted", subscription)
    if subscription["schedule"]:
        timetables.ended(account, account.get("subscription_schedule", subscription["schedule"]), now)
    return subscription


def leave_open(account: Account, invoice: Obj) -> None:
    """Nothing is charged before somebody confirms the payment; until then its subscription is past due."""
    subscription = subscription_of(account, invoice)
    if subscription and subscription["status"] == "active":
        events.changed(account, "customer.subscription.updated", subscription | {"status": "past_due"})


def _failed(account: Account, invoice: Obj, subscription: Obj | None) -> None:
    first = invoice["billing_reason"] == "subscription_create"
    over = subscription is None or first or subscription["ended_at"]
    retry = None if over or subscription is None else _next_retry(account, invoice, subscription)
    invoice["next_payment_attempt"] = retry
    account.save(invoice)
    events.emit(account, "invoice.payment_failed", invoice)
    if subscription is None or first or subscription["ended_at"]:
        return
    account.keep(subscription["id"], retry_at=retry, retry_invoice=invoice["id"])
    final = _FINAL[account.config.after_retries] if retry is None and invoice["auto_advance"] else "past_due"
    if final == "canceled":
        end(account, subscription, account.now(subscription["customer"]), "payment_failed")
        return
    subscription["status"] = "unpaid" if "unpaid" in {final, subscription["status"]} else "past_due"
    events.changed(account, "customer.subscription.updated", subscription)
    schedule(account, subscription)


def _next_retry(account: Account, invoice: Obj, subscription: Obj) -> int | None:
    waits = account.config.payment_retries
    done = invoice["attempt_count"] - 1
    return account.now(subscription["customer"]) + waits[done] if done < len(waits) else None


def _unpaid(account: Account, subscription: Obj) -> list[Obj]:
    found = account.all("invoice", customer=subscription["customer"], status="open")
    return [invoice for invoice in found if _belongs(invoice, subscription)]


def _belongs(invoice: Obj, subscription: Obj) -> bool:
    parent = invoice["parent"]
    return bool(parent) and parent["subscription_details"]["subscription"] == subscription["id"]
