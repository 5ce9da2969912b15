"""What one API key sees: objects of its own. Two keys never meet, so that tests can run side by side."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox import errors
from billing.sandbox.config import Config
from billing.sandbox.store import Store, dumped
from billing.sandbox.values import Obj


def name_of(key: str) -> str:
    """The account of a key; the key itself is never stored."""
    return hashlib.sha256(key.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Account:
    store: Store
    config: Config
    name: str
    request: Obj = field(default_factory=lambda: {"id": None, "idempotency_key": None})  # what its events name

    def get(self, kind: str, wanted: str, param: str | None = None) -> Obj:
        """The object, deleted ones too. Raises no_such."""
        found = self.find(wanted)
        if found is None or found["object"] != kind:
            raise errors.no_such(kind, wanted, param)
        return found

    def living(self, kind: str, wanted: str, param: str | None = None) -> Obj:
        """The object unless it was deleted."""
        found = self.get(kind, wanted, param)
        if found.get("deleted"):
            raise errors.no_such(kind, wanted, param)
        return found

    def find(self, wanted: str) -> Obj | None:
        rows = self.store.rows("SELECT body FROM objects WHERE account = ? AND id = ?", self.name, wanted)
        return json.loads(rows[0]["body"]) if rows else None

    def all(self, kind: str, **equal: Any) -> list[Obj]:
        """All living objects of a kind, the newest first; `equal` compares fields of theirs."""
        where = "".join(f" AND json_extract(body, '$.{name}') = ?" for name in equal)
        sql = f"SELECT body FROM objects WHERE account = ? AND kind = ? AND NOT gone{where} ORDER BY seq DESC"  # noqa: S608
        return [json.loads(row["body"]) for row in self.store.rows(sql, self.name, kind, *equal.values())]

    def some(self, kind: str, most: int, after: str | None = None) -> list[Obj]:
        """The newest of a kind, the newest first; or those that came right `after` an object, the oldest first."""
        order, since = ("DESC", "") if after is None else ("ASC", after)
        sql = (
            "SELECT body FROM objects WHERE account = ? AND kind = ? AND NOT gone AND seq >"  # noqa: S608 - only an order
            f" coalesce((SELECT seq FROM objects WHERE account = ? AND id = ?), 0) ORDER BY seq {order} LIMIT ?"
        )
        return [json.loads(row["body"]) for row in self.store.rows(sql, self.name, kind, self.name, since, most)]

    def add(self, obj: Obj, **private: Any) -> Obj:
        self.store.run(
            "INSERT INTO objects (account, id, kind, body, private) VALUES (?, ?, ?, ?, ?)",
            *(self.name, obj["id"], obj["object"], dumped(obj), dumped(private)),
        )
        return obj

    def save(self, obj: Obj) -> Obj:
        self.store.run("UPDATE objects SET body = ? WHERE account = ? AND id = ?", dumped(obj), self.name, obj["id"])
        return obj

    def delete(self, obj: Obj) -> Obj:
        """What is left is the mark that Stripe answers with from then on."""
        gone = {"id": obj["id"], "object": obj["object"], "deleted": True}
        self.store.run(
            "UPDATE objects SET body = ?, gone = 1, due = NULL WHERE account = ? AND id = ?",
            *(dumped(gone), self.name, obj["id"]),
        )
        return gone

    def private(self, wanted: str) -> dict[str, Any]:
        """What the stand-in knows of an object and does not show."""
        rows = self.store.rows("SELECT private FROM objects WHERE account = ? AND id = ?", self.name, wanted)
        return json.loads(rows[0]["private"]) if rows else {}

    def keep(self, wanted: str, **private: Any) -> None:
        both = dumped({**self.private(wanted), **private})
        self.store.run("UPDATE objects SET private = ? WHERE account = ? AND id = ?", both, self.name, wanted)

    def wake(self, wanted: str, due: float | None, clock: str | None = None) -> None:
        """Let something happen to the object at a time, by the wall's clock or by a test clock."""
        self.store.run(
            "UPDATE objects SET due = ?, clock = ? WHERE account = ? AND id = ?", due, clock, self.name, wanted
        )

    def now(self, customer: str | None = None) -> int:
        """The time as this customer has it: a test clock's, or the wall's."""
        clock = self.clock_of(customer)
        return int(self.get("test_helpers.test_clock", clock)["frozen_time"]) if clock else int(time.time())

    def clock_of(self, customer: str | None) -> str | None:
        found = self.find(customer) if customer else None
        return found.get("test_clock") if found else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.store.transaction():
            yield
