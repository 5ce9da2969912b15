"""Months of the calendar, in UTC. One begins with its first moment and ends before the next one's."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from billing.mirrored import mirror

YEAR = 12
_WRITTEN = re.compile(r"(2[01][0-9]{2})-(0[1-9]|1[0-2])")  # far enough from where dates end


@dataclass(frozen=True, order=True)
class Month:
    year: int
    number: int  # 1 to 12

    @classmethod
    def read(cls, text: str) -> "Month | None":
        """Of "2026-11"."""
        found = _WRITTEN.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        there = moment.astimezone(UTC)
        return cls(there.year, there.month)

    @property
    def first(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment that is not in it."""
        return self.later(1).first

    @property
    def words(self) -> str:
        """ "November 2026" ."""
        return f"{date(self.year, self.number, 1):%B %Y}"

    @property
    def short(self) -> str:
        """ "Nov" ."""
        return f"{date(self.year, self.number, 1):%b}"

    def later(self, months: int) -> "Month":
        years, number = divmod(self.number - 1 + months, YEAR)
        return Month(self.year + years, number + 1)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"


def current() -> Month:
    return Month.of(mirror.now())


def year_to(last: Month) -> list[Month]:
    """The twelve that end with one, the oldest first."""
    return [last.later(n - YEAR + 1) for n in range(YEAR)]


def month_of(column: sa.SQLColumnExpression[datetime]) -> sa.ColumnElement[str]:
    """As a month is written, whatever the connection's time zone."""
    return sa.func.to_char(sa.func.timezone(sa.literal_column("'UTC'"), column), sa.literal_column("'YYYY-MM'"))
