"""Deliveries that failed while their customer lives by a test clock are tried again as that clock is advanced."""

import time

from billing.sandbox.account import Account
from billing.sandbox.waits import LIKE_STRIPE

_THREE_DAYS = 3 * 86_400


def remember(account: Account, delivery: int, clock: str) -> None:
    """The test clock's time of a try that failed."""
    found = account.find(clock)
    if found and not found.get("deleted"):
        now = found["frozen_time"]
        sql = "INSERT INTO tries VALUES (?, ?, ?, ?) ON CONFLICT (delivery) DO UPDATE SET last = excluded.last"
        account.store.run(sql, delivery, clock, now, now)


def hasten(account: Account, clock: str, now: int) -> None:
    """The clock was advanced: what would have been tried again by its time, in three days, is tried at once."""
    rows = account.store.rows(
        "SELECT d.id, d.attempts, t.first, t.last FROM deliveries d JOIN tries t ON t.delivery = d.id"
        " WHERE d.account = ? AND t.clock = ? AND d.state IN ('pending', 'failed')",
        *(account.name, clock),
    )
    for row in rows:
        if row["last"] + _wait(row["attempts"]) <= min(now, row["first"] + _THREE_DAYS):
            sql = "UPDATE deliveries SET state = 'pending', due = ? WHERE id = ?"
            account.store.run(sql, time.time(), row["id"])


def _wait(attempts: int) -> float:
    return LIKE_STRIPE[min(attempts, len(LIKE_STRIPE)) - 1]
