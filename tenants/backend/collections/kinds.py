"""The kinds of fields: each one's column type and what values it takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from saas.core.text import fault

LONGEST_TEXT = 10_000  # characters
MOST_DIGITS, MOST_DECIMALS = 30, 12

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Kind:
    name: str
    label: str
    column: Callable[[], sa.types.TypeEngine[Any]]
    from_json: Callable[[Any], Any]  # raises ValueError with the end of a sentence for people


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"must have at most {LONGEST_TEXT:,} characters")
    if message := fault(value):
        raise ValueError(message)
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    number = Decimal(value)
    if not number.is_finite() or number.adjusted() >= MOST_DIGITS or -int(number.as_tuple().exponent) > MOST_DECIMALS:
        raise ValueError(f"must have at most {MOST_DIGITS} digits before and {MOST_DECIMALS} behind the point")
    return number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _date(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2026-12-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a day of the calendar, such as 2026-12-31") from None


KINDS = {
    kind.name: kind
    for kind in (
        Kind("text", "Text", sa.Text, _text),
        Kind("number", "Number", sa.Numeric, _number),
        Kind("boolean", "Yes or no", sa.Boolean, _boolean),
        Kind("date", "Date", sa.Date, _date),
    )
}
