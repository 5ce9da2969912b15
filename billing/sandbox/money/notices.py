"""What Stripe tells some days ahead: a trial's end, an invoice that is coming."""

from billing.sandbox.account import Account
from billing.sandbox.values import Obj

DAY = 86_400
BEFORE_TRIAL_END = 3 * DAY
BEFORE_INVOICE = 7 * DAY  # an account may choose 3, 7, 15, 30 or 45 days


def upcoming_at(account: Account, subscription: Obj) -> int | None:
    """When invoice.upcoming is due; once in a period, and not at all in one that is shorter."""
    item = subscription["items"]["data"][0]
    at = int(item["current_period_end"]) - BEFORE_INVOICE
    told = account.private(subscription["id"]).get("upcoming_told") == item["current_period_end"]
    last = subscription["cancel_at"] is not None and subscription["cancel_at"] <= item["current_period_end"]
    if told or last or at <= item["current_period_start"]:
        return None
    return at


def told(account: Account, subscription: Obj) -> None:
    account.keep(subscription["id"], upcoming_told=subscription["items"]["data"][0]["current_period_end"])
