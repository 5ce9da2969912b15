"""Billing periods. All times are Unix times in UTC."""

import calendar
from datetime import UTC, datetime, timedelta

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def after(start: int, interval: str, count: int, anchor: int) -> int:
    """The end of the period that begins at `start`. It keeps the anchor's day of the month where the month has it."""
    begun = datetime.fromtimestamp(start, UTC)
    if interval in _DAYS:
        return int((begun + timedelta(days=_DAYS[interval] * count)).timestamp())
    months = begun.year * 12 + begun.month - 1 + _MONTHS[interval] * count
    year, month = divmod(months, 12)
    day = min(datetime.fromtimestamp(anchor, UTC).day, calendar.monthrange(year, month + 1)[1])
    return int(begun.replace(year=year, month=month + 1, day=day).timestamp())


def of_price(start: int, recurring: dict[str, str | int], anchor: int) -> tuple[int, int]:
    return start, after(start, str(recurring["interval"]), int(recurring["interval_count"]), anchor)


def around(now: int, recurring: dict[str, str | int], anchor: int) -> tuple[int, int]:
    """The period in which a moment lies when periods are aligned with the anchor, which may be to come."""
    start, end = of_price(before(anchor, recurring), recurring, anchor)
    while end <= now:
        start, end = of_price(end, recurring, anchor)
    return start, end


def before(anchor: int, recurring: dict[str, str | int]) -> int:
    """Where the period begins that ends with the anchor."""
    return after(anchor, str(recurring["interval"]), -int(recurring["interval_count"]), anchor)
