"""What customers used of meters, from the events that were reported."""

from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.values import Obj

_FORMULAS = {
    "sum": "SELECT SUM(value) AS value",
    "count": "SELECT COUNT(*) AS value",
    "last": "SELECT value, MAX(timestamp)",  # SQLite takes the value from the row of the greatest time
}


def total(account: Account, price: Obj, customer: str, start: int, end: int) -> int:
    """The meter's sum, count or last value over the events from `start` up to `end`, not with it; whole units."""
    meter = account.get("billing.meter", price["recurring"]["meter"])
    return int(aggregated(account, meter, customer, start, end))


def aggregated(account: Account, meter: Obj, customer: str, start: int, end: int) -> Any:
    rows = account.store.rows(
        f"{_FORMULAS[meter['default_aggregation']['formula']]} FROM meter_events"
        " WHERE account = ? AND event_name = ? AND customer = ? AND timestamp >= ? AND timestamp < ?",
        *(account.name, meter["event_name"], customer, start, end),
    )
    return rows[0]["value"] or 0


def spans_with_events(
    account: Account, meter: Obj, customer: str, spans: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Those of the spans of one length in which something was reported."""
    if not spans:
        return []
    first, length = spans[0][0], spans[0][1] - spans[0][0]
    rows = account.store.rows(
        "SELECT DISTINCT (timestamp - ?) / ? AS number FROM meter_events"
        " WHERE account = ? AND event_name = ? AND customer = ? AND timestamp >= ? AND timestamp < ?",
        *(first, length, account.name, meter["event_name"], customer, first, spans[-1][1]),
    )
    wanted = {row["number"] for row in rows}
    return [span for number, span in enumerate(spans) if number in wanted]


def begin(account: Account, subscription: Obj, item: Obj) -> int:
    """Since when a metered item's usage is not billed yet: its period's start, or when it took this price later."""
    since: int = account.private(subscription["id"]).get("metered", {}).get(item["id"], 0)
    return max(since, int(item["current_period_start"]))


def starts(account: Account, subscription: Obj, items: list[Obj], now: int) -> None:
    """From now on the usage of these items is theirs: "we reflect only usage that occurs after the update"
    (https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup)."""
    both = account.private(subscription["id"]).get("metered", {}) | {item["id"]: now for item in items}
    account.keep(subscription["id"], metered=both)
