"""Small things in which Stripe's objects differ from values of ours."""

from datetime import UTC, datetime
from typing import Any


def at(seconds: int | None) -> datetime | None:
    return None if seconds is None else known(seconds)


def known(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def number(given: str | None) -> int:
    """Of metadata; 0 where there is none."""
    return int(given) if given and given.isdecimal() else 0


def id_of(found: Any) -> str | None:
    """Of an object that Stripe names, or shows whole where it was asked to."""
    return found if found is None or isinstance(found, str) else str(found.id)
