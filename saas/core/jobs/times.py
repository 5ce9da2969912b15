"""When a periodic job's ticks are. Nothing here looks at a clock: what time it is, the database says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from heapq import heappop, heappush
from itertools import takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANY_YEAR = datetime(2000, 1, 1, tzinfo=UTC)
_FIELD = r"(?:[0-9*/,-]|[a-z]{3})+"  # names of months and days; none of croniter's own words, of which one is random
_FIVE = re.compile(rf"{_FIELD}(?: {_FIELD}){{4}}", re.IGNORECASE)
_CHANGE = timedelta(hours=3)  # more than clocks are ever put forward or back
_LOOKS_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=32))


@dataclass(frozen=True)
class Every:
    """Each so many seconds, counted from 1970 in UTC."""

    seconds: int

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError(f"every {self.seconds} seconds is no time")

    def after(self, time: datetime) -> Iterator[datetime]:
        number = self._number(time)
        while True:
            number += 1
            yield self._at(number)

    def newest(self, since: datetime, until: datetime) -> datetime | None:
        """Of those after `since` and not after `until`."""
        return last if (last := self.last(until)) > since else None

    def last(self, until: datetime) -> datetime:
        """The newest that is not after `until`."""
        return self._at(self._number(until))

    def named(self, tick: datetime) -> str:
        return str(self._number(tick))

    def _number(self, time: datetime) -> int:
        return (time - _EPOCH) // timedelta(seconds=self.seconds)

    def _at(self, number: int) -> datetime:
        return _EPOCH + number * timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Cron:
    """By five fields, "minute hour day month weekday", as crontab(5) has them, in a time zone.

    Where clocks are put forward, a time that is left out comes as much later; where they are put back, a time that
    comes twice counts once, as the first. Where all hours count ("*", "*/2") they are the real ones. Raises ValueError.
    """

    expression: str
    zone: str

    def __post_init__(self) -> None:
        if not _FIVE.fullmatch(self.expression):
            raise ValueError(f"cron {self.expression!r}: say minute, hour, day, month and weekday")
        try:
            next(self.after(_ANY_YEAR))
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise ValueError(f"cron {self.expression!r} in {self.zone!r}: {error}") from None

    def after(self, time: datetime) -> Iterator[datetime]:
        """The calendar is gone through by the hands of its clocks; near a change of them ticks are put in order."""
        found: list[datetime] = []
        for wall in self._walls(time.astimezone(self._zone).replace(tzinfo=None) - self._doubt(time)):
            instants = self._instants(wall)
            while found and instants and found[0] + self._doubt(found[0]) <= instants[0]:
                if (first := heappop(found)) > time:
                    yield (time := first)
            for instant in instants:
                heappush(found, instant)

    def newest(self, since: datetime, until: datetime) -> datetime | None:
        """Of those after `since` and not after `until`."""
        for back in _LOOKS_BACK:
            if until - back > since and (found := self._last(until - back, until)):
                return found
        return self._last(since, until)

    def named(self, tick: datetime) -> str:
        return f"{tick:%Y-%m-%dT%H:%MZ}"

    def _last(self, since: datetime, until: datetime) -> datetime | None:
        return max(takewhile(lambda tick: tick <= until, self.after(since)), default=None)

    def _walls(self, wall: datetime) -> Iterator[datetime]:
        # croniter takes a while to import, and most processes need no ticks. Its own way with time zones skips ticks
        # when it goes back, and it runs a daily job twice when the clocks do, so it is asked without one.
        from croniter import croniter

        going = croniter(self.expression, wall)
        while True:
            yield going.get_next(datetime)

    def _instants(self, wall: datetime) -> list[datetime]:
        first, second = (wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second or not self.expression.split()[1].startswith("*"):
            return [first]
        return [first, second] if first < second else []  # else the hands never stood there

    def _doubt(self, time: datetime) -> timedelta:
        around = {(time + by).astimezone(self._zone).utcoffset() for by in (-_CHANGE, timedelta(0), _CHANGE)}
        return _CHANGE if len(around) > 1 else timedelta(0)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)
