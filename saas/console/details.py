"""A row of the audit as people read it: what was done, how that went, and each value with its unit."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from billing.money import shown
from saas.console import words

Detail = Mapping[str, Any]

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+\+00:00$")  # as `isoformat` writes it
_STATES = {".asked": "asked, not done", ".refused": "refused"}
_AMOUNTS = {"amount", "refunded", "balance", "cap"}  # in the minor unit of the row's currency
_LEFT_OUT = {"act", "form", "since", "when", "currency", "reason", "before", "after"}  # for the machine, or told apart
# What the two sides are of, where they are no table of names.
_ONE = {"seats": "seats beyond the included", "overage": "cap", "discount": "discount"}
_PAID = "invoices.paid"


def title(action: str, detail: Detail) -> tuple[str, str]:
    """What was done, and where it is not known to be done, how it stands."""
    for ending, state in _STATES.items():
        if action.endswith(ending):
            return action.removesuffix(ending), state
    if action == _PAID and detail.get("refused"):
        return "payment.declined" if not detail.get("paid") else "payment.declined in part", ""
    return action, ""


def lines(action: str, detail: Detail) -> Iterator[str]:
    """ "plan: free → growth"; a value that has no two sides alone."""
    currency = detail.get("currency")
    before, after = detail.get("before"), detail.get("after")
    if isinstance(before or {}, dict) and isinstance(after or {}, dict):
        yield from _changes(before or {}, after or {}, currency)
    elif before != after:
        name = _ONE.get(action.partition(".")[0], "value")
        yield from _changes({name: before}, {name: after}, currency)
    if action.startswith(_PAID) and isinstance(detail.get("invoices"), list):
        yield from _payments(detail)
        return
    rest = ((name, value) for name, value in detail.items() if name not in _LEFT_OUT)
    yield from (f"{name}: {_word(name, value, currency)}" for name, value in rest)


def _changes(before: Detail, after: Detail, currency: str | None) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old != new:
            called = "credit" if name == "balance" and currency else name
            yield f"{called}: {_word(name, old, currency)} → {_word(name, new, currency)}"


def _payments(detail: Detail) -> Iterator[str]:
    paid, refused = detail.get("paid") or [], detail.get("refused") or {}
    if paid:
        yield f"paid: {', '.join(paid)}"
    yield from (f"declined: {invoice}, {why}" for invoice, why in refused.items())
    if not paid and not refused:
        yield f"invoices: {', '.join(detail['invoices']) or 'none'}"


def _word(name: str, value: Any, currency: str | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if currency and name in _AMOUNTS and isinstance(value, int):
        return shown(-value if name == "balance" else value, currency)
    if isinstance(value, str) and _TIME.match(value):
        return words.day(datetime.fromisoformat(value))
    return "nothing" if value is None else str(value)
