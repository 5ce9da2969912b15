"""The state: one SQLite file. Each request is one transaction in it, so that a kill leaves no half of one."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, private TEXT NOT NULL DEFAULT '{}', gone INTEGER NOT NULL DEFAULT 0,
    due REAL, clock TEXT, UNIQUE (account, id));
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_id ON objects (id);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (account, kind, json_extract(body, '$.customer'), seq);
CREATE INDEX IF NOT EXISTS objects_by_invoice ON objects (account, kind, json_extract(body, '$.invoice'), seq);
CREATE INDEX IF NOT EXISTS objects_due ON objects (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_clock ON objects (account, clock, due) WHERE clock IS NOT NULL;
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    first TEXT NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event TEXT NOT NULL, type TEXT NOT NULL,
    endpoint TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, status INTEGER, problem TEXT);
CREATE TABLE IF NOT EXISTS meter_events (
    account TEXT NOT NULL, event_name TEXT NOT NULL, identifier TEXT NOT NULL, customer TEXT NOT NULL,
    value NUMERIC NOT NULL, timestamp INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS meter_events_by_time ON meter_events (account, event_name, customer, timestamp, value);
CREATE INDEX IF NOT EXISTS meter_events_by_identifier ON meter_events (account, identifier, created);
CREATE TABLE IF NOT EXISTS event_clocks (
    account TEXT NOT NULL, event TEXT NOT NULL, clock TEXT NOT NULL, PRIMARY KEY (account, event));
CREATE TABLE IF NOT EXISTS tries (
    delivery INTEGER PRIMARY KEY, clock TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS holds (account TEXT PRIMARY KEY);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
"""


class Store:
    """One connection for all threads, lent to one at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # enough for a killed process, and much quicker
        self._db.executescript(_SCHEMA)
        path.chmod(0o600)  # it holds signing secrets

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another it is a savepoint, so that a part can be taken back."""
        with self._lock:
            name = f"level{self._depth}"
            if not self._depth and self._db.in_transaction:
                self._db.execute("ROLLBACK")  # the last one could not be committed, as when the disk was full
            self._db.execute(f"SAVEPOINT {name}" if self._depth else "BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self._db.execute(f"ROLLBACK TO {name}" if self._depth else "ROLLBACK")
                raise
            self._depth -= 1
            self._db.execute(f"RELEASE {name}" if self._depth else "COMMIT")

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Any) -> int:
        """How many rows it changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def owner(self, wanted: str) -> str | None:
        """The account of an object whose id nobody can guess, such as a Checkout session's."""
        rows = self.rows("SELECT account FROM objects WHERE id = ?", wanted)
        return rows[0]["account"] if len(rows) == 1 else None

    def close(self) -> None:
        with self._lock:
            self._db.close()


def dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
