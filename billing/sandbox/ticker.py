"""Does what has become due: by the wall's clock in a thread of its own, by a test clock when that is advanced."""

import json
import threading
import time
from collections.abc import Callable

from billing.sandbox import events, retries
from billing.sandbox.account import Account
from billing.sandbox.config import Config
from billing.sandbox.money import cycle, phasing
from billing.sandbox.store import Store
from billing.sandbox.values import Obj

_STEP = 1.0  # seconds
_MOST_STEPS = 2_000


def advance(account: Account, clock: Obj, target: int) -> Obj:
    """Let a test clock's customers live through the time until `target`, one due thing after the other."""
    for _ in range(_MOST_STEPS):
        rows = account.store.rows(
            "SELECT id, due FROM objects WHERE account = ? AND clock = ? AND due <= ? ORDER BY due, seq LIMIT 1",
            *(account.name, clock["id"], target),
        )
        if not rows:
            break
        clock["frozen_time"] = max(clock["frozen_time"], int(rows[0]["due"]))
        account.save(clock)
        _turn(account, rows[0]["id"], clock["frozen_time"])
    clock["frozen_time"] = target
    retries.hasten(account, clock["id"], target)
    return account.save(clock)


def expire(account: Account, session: Obj) -> Obj:
    """A Checkout session that nobody completed."""
    session |= {"status": "expired", "url": None}
    account.wake(session["id"], None)
    account.save(session)
    events.emit(account, "checkout.session.expired", session)
    return session


class Ticker:
    def __init__(self, store: Store, config: Config, after: Callable[[], None]) -> None:
        self._store, self._config, self._after = store, config, after
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_STEP):
            if self._tick():
                self._after()

    def _tick(self) -> bool:
        with self._store.transaction():
            now = time.time()
            rows = self._store.rows(
                "SELECT account, id FROM objects WHERE clock IS NULL AND due <= ? ORDER BY due LIMIT 50", now
            )
            for row in rows:
                _turn(Account(self._store, self._config, row["account"]), row["id"], int(now))
        return bool(rows)


def _turn(account: Account, wanted: str, now: int) -> None:
    rows = account.store.rows("SELECT body FROM objects WHERE account = ? AND id = ?", account.name, wanted)
    found: Obj = json.loads(rows[0]["body"])
    if found["object"] == "checkout.session":
        expire(account, found)
    elif found["object"] == "subscription_schedule":
        phasing.begin_in_time(account, found)
    else:
        cycle.turn(account, found, now)
