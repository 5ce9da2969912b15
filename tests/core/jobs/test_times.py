"""When the ticks of periodic jobs are, also where clocks are put forward and back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest

from saas.core.jobs.registry import Handler
from saas.core.jobs.times import Cron, Every

CHANGES = {  # a day on which clocks are put forward or back, at noon in UTC before it
    "Europe/Berlin": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),  # by half an hour
    "America/Santiago": ("2026-04-04", "2026-09-05"),  # at midnight
    "Asia/Kathmandu": ("2026-04-04",),  # never
}
EXPRESSIONS = ("30 2 * * *", "0 * * * *", "*/20 */2 * * *", "0,10,59 0,2 * 3,10 *", "15 0 4,25 * 0", "59 23 * * *")


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("zone", CHANGES)
def test_a_crons_ticks_are_those_that_a_look_at_each_minute_finds(expression: str, zone: str) -> None:
    cron = Cron(expression, zone)
    for day in CHANGES[zone]:
        start = datetime.fromisoformat(f"{day}T12:00Z")
        end = start + timedelta(days=2)
        wanted = [minute for minute in minutes(start, end) if falls_on(minute, expression, ZoneInfo(zone))]
        assert list(takewhile(lambda tick, end=end: tick <= end, cron.after(start))) == wanted  # type: ignore[misc]
        for one, two in pairwise(wanted):
            before = two - timedelta(microseconds=1)
            assert [cron.newest(start, at) for at in (one, before)] == [one, one]
            assert cron.newest(one, before) is None


@pytest.mark.parametrize(
    ("expression", "zone", "after", "ticks"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-29T01:30", "2026-03-30T00:30"]),  # left out
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),  # comes twice
        ("30 * * * *", "Europe/Berlin", "2026-10-25T00:00", ["2026-10-25T00:30", "2026-10-25T01:30"]),  # hours count
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:00", ["2026-03-29T00:30", "2026-03-29T01:30"]),
        ("0 6 1 * *", "Asia/Kathmandu", "2026-01-01T00:15", ["2026-02-01T00:15", "2026-03-01T00:15"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 9 * * mon-fri", "UTC", "2026-11-20T09:00", ["2026-11-23T09:00", "2026-11-24T09:00"]),
    ],
)
def test_a_cron_goes_by_the_clocks_of_its_zone(expression: str, zone: str, after: str, ticks: list[str]) -> None:
    found = islice(Cron(expression, zone).after(datetime.fromisoformat(f"{after}Z")), len(ticks))
    assert [f"{tick:%Y-%m-%dT%H:%M}" for tick in found] == ticks


def test_after_months_without_a_look_the_newest_is_found_at_once() -> None:
    now = datetime(2026, 11, 23, 8, 0, 30, tzinfo=UTC)
    long_ago = now - timedelta(days=300)
    newest = {
        "* * * * *": "11-23T08:00",
        "0 9 * * *": "11-22T09:00",
        "0 0 1 * *": "11-01T00:00",
        "0 0 1 3 *": "03-01T00:00",
    }
    for expression, tick in newest.items():
        assert f"{Cron(expression, 'UTC').newest(long_ago, now):%m-%dT%H:%M}" == tick
    assert Cron("0 0 1 1 *", "UTC").newest(long_ago, now) is None


def test_every_so_many_seconds_counts_from_1970() -> None:
    every, time = Every(600), datetime(2026, 11, 23, 12, 3, tzinfo=UTC)
    assert [f"{tick:%H:%M}" for tick in islice(every.after(time), 2)] == ["12:10", "12:20"]
    on_it = time.replace(minute=10)
    assert [f"{tick:%H:%M}" for tick in (every.last(time), every.last(on_it))] == ["12:00", "12:10"]
    assert every.newest(on_it, on_it + timedelta(seconds=599)) is None
    assert every.newest(time, on_it) == on_it
    assert every.named(on_it) == str(int(on_it.timestamp()) // 600)


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("", "UTC"), ("@daily", "UTC"), ("* * * *", "UTC"), ("* * * * * *", "UTC"), ("61 * * * *", "UTC"),
        ("R * * * *", "UTC"), ("0 0 * * xyz", "UTC"), ("0 0 30 2 *", "UTC"), ("0 0 * * *", "Mars/Phobos"),
        ("0 0 * * *", "../../etc/passwd"), ("0 0 * * *", ""),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_when_the_job_is_registered(expression: str, zone: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        Handler("tests.never", print, cron=expression, zone=zone)


def test_a_job_has_one_way_to_say_its_times() -> None:
    with pytest.raises(ValueError, match="not both"):
        Handler("tests.both", print, every=60, cron="* * * * *")
    with pytest.raises(ValueError, match="no time"):
        Handler("tests.never", print, every=0)
    assert Handler("tests.asked", print).times is None


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while (start := start + timedelta(minutes=1)) <= end:
        yield start


def falls_on(minute: datetime, expression: str, zone: ZoneInfo) -> bool:
    """By the definition: the clock on the wall shows it, or would have, and could not, had nobody put it forward."""
    wall = minute.astimezone(zone)
    if expression.split()[1].startswith("*"):
        return shows(wall, expression)
    before = (minute - timedelta(hours=3)).astimezone(zone).utcoffset()
    assert before is not None
    left = (minute + before).replace(tzinfo=None, fold=0)
    exists = left.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == left
    return (shows(wall, expression) and not wall.fold) or (not exists and shows(left, expression))


def shows(wall: datetime, expression: str) -> bool:
    minute, hour, day, month, weekday = expression.split()
    days = [holds(day, wall.day, 1, 31), holds(weekday, wall.isoweekday() % 7, 0, 6)]
    either = any(days) if "*" not in (day, weekday) else all(days)  # as crontab(5) has it
    return (
        holds(minute, wall.minute, 0, 59)
        and holds(hour, wall.hour, 0, 23)
        and holds(month, wall.month, 1, 12)
        and either
    )


def holds(field: str, value: int, least: int, most: int) -> bool:
    for part in field.split(","):
        among, _, step = part.partition("/")
        first, last = (least, most) if among == "*" else (int(among), int(among))
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False
