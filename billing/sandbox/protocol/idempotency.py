"""Idempotency keys: the same request again gets the first answer, another under the same key is refused."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, KeyInUse, KeyReused
from billing.sandbox.store import dumped
from billing.sandbox.values import Obj

_LONGEST = 255


@dataclass(frozen=True)
class Answer:
    status: int
    body: Obj
    replayed_from: str | None = None  # the first request's id


class Ledger:
    """Which keys are in use at this moment; what they were answered with is in the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_use: set[tuple[str, str]] = set()

    @contextmanager
    def holding(self, account: Account, key: str) -> Iterator[None]:
        """Raises KeyInUse while another call holds the key."""
        if len(key) > _LONGEST:
            raise ApiError(f"Idempotency keys are at most {_LONGEST} characters long.")
        mark = (account.name, key)
        with self._lock:
            if mark in self._in_use:
                raise KeyInUse(
                    f"There is currently another in-progress request using this Idempotent Key: {key}.",
                    "idempotency_key_in_use",
                )
            self._in_use.add(mark)
        try:
            yield
        finally:
            with self._lock:
                self._in_use.discard(mark)


def fingerprint(verb: str, path: str, body: bytes) -> str:
    return hashlib.sha256(b"\n".join([verb.encode(), path.encode(), body])).hexdigest()


def recall(account: Account, key: str, request: str) -> Answer | None:
    """The stored answer. Raises KeyReused when the key came with another request."""
    rows = account.store.rows("SELECT * FROM answers WHERE account = ? AND key = ?", account.name, key)
    if not rows:
        return None
    if rows[0]["request"] != request:
        raise KeyReused(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request."
        )
    return Answer(rows[0]["status"], json.loads(rows[0]["body"]), rows[0]["first"])


def store(account: Account, key: str, request: str, answer: Answer) -> None:
    account.store.run(
        "INSERT INTO answers (account, key, request, status, body, first) VALUES (?, ?, ?, ?, ?, ?)",
        *(account.name, key, request, answer.status, dumped(answer.body), account.request["id"]),
    )
