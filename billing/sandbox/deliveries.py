"""Delivers events: a thread of the stand-in's own, at least once, in any order, again and again after failures.

What is to be delivered lies in the store, so that it outlives a kill.
"""

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from sqlite3 import Row
from urllib.parse import urlsplit

from billing.sandbox import events, retries, signing
from billing.sandbox.account import Account
from billing.sandbox.config import Config
from billing.sandbox.store import Store

_AT_ONCE = 8
_REST = 0.5  # seconds between looks at what has become due


class Deliveries:
    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config
        self._awake = threading.Event()
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(_AT_ONCE, "delivery")
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        # What was under way when the process was killed is due again: whether it arrived nobody knows.
        self._store.run("UPDATE deliveries SET state = 'pending' WHERE state = 'sending'")
        self._thread.start()

    def wake(self) -> None:
        self._awake.set()

    def stop(self) -> None:
        self._ended.set()
        self._awake.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._awake.clear()
            with self._store.transaction():
                rows = self._store.rows(
                    "SELECT d.*, c.clock FROM deliveries d"
                    " LEFT JOIN event_clocks c ON c.account = d.account AND c.event = d.event"
                    " WHERE d.state = 'pending' AND d.due <= ? ORDER BY d.due, d.id LIMIT 200",
                    time.time(),
                )
                for row in rows:
                    self._store.run("UPDATE deliveries SET state = 'sending' WHERE id = ?", row["id"])
            for row in rows:
                self._pool.submit(self._deliver, row)
            self._awake.wait(self._pause())

    def _pause(self) -> float:
        rows = self._store.rows("SELECT MIN(due) AS due FROM deliveries WHERE state = 'pending'")
        due = rows[0]["due"]
        return _REST if due is None else min(_REST, max(0.0, due - time.time()))

    def _deliver(self, row: Row) -> None:
        account = Account(self._store, self._config, row["account"])
        if _is_over(account, row["endpoint"]):
            self._note(row, "dropped", None, "the endpoint is disabled")
            return
        body = events.payload(account, row["event"]) or b"{}"
        status, problem = _post(row["url"], body, signing.header(row["secret"], body), self._config.delivery_timeout)
        if status is not None and 200 <= status < 300:
            self._note(row, "delivered", status, None)
            return
        waits = self._config.delivery_retries
        attempt = row["attempts"]
        due = time.time() + waits[attempt] if attempt < len(waits) else None
        if clock := row["clock"]:
            retries.remember(account, row["id"], clock)
        self._note(row, "failed" if due is None else "pending", status, problem, due)
        self.wake()

    def _note(self, row: Row, state: str, status: int | None, problem: str | None, due: float | None = None) -> None:
        # A test may have dropped or held it meanwhile; that stands.
        self._store.run(
            "UPDATE deliveries SET state = CASE state WHEN 'sending' THEN ? ELSE state END, attempts = attempts + 1,"
            " status = ?, problem = ?, due = coalesce(?, due) WHERE id = ?",
            *(state, status, problem, due, row["id"]),
        )


def _is_over(account: Account, endpoint: str) -> bool:
    """Whether an endpoint was disabled after the event: what was not delivered until then waits no longer."""
    found = account.find(endpoint)
    return found is not None and found.get("status") == "disabled"


def _post(url: str, body: bytes, signature: str, timeout: float) -> tuple[int | None, str | None]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks; stand-in)",
        "Stripe-Signature": signature,
    }
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        try:
            connection.request("POST", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, headers)
            answer = connection.getresponse()
            answer.read(65_536)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return None, f"{type(error).__name__}: {error}"
    return answer.status, None if answer.status < 300 else f"answered {answer.status}"
