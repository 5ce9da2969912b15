"""The figures as files for a spreadsheet: amounts as people write them, with the currency beside them, and exactly."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing import money
from billing.revenue.lists import LISTS
from billing.revenue.movements import KINDS, MOVES
from billing.revenue.report import Report
from billing.revenue.scope import Scope
from billing.revenue.wanted import Column, Wanted
from billing.revenue.waterfall import Fall

# What a spreadsheet takes for the beginning of a formula, https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def waterfall(report: Report, plan: str) -> str:
    """A line for each currency and month, the oldest first."""
    amounts = ("start", *KINDS, *MOVES, "end", "failed", "recovered")
    head = ["month", "currency", "plan", *amounts, *(f"{name}_minor" for name in amounts)]
    return _written([*head, "tenants", "trials_ended", "trials_paying"], _months(report, plan))


def listed(wanted: Wanted, rows: Iterable[Any]) -> str:
    """A list's own columns; of each amount also what it is in the minor unit."""
    columns = (Column("tenant", ""), Column("name", ""), *LISTS[wanted.what].columns)
    head = [column.name for column in columns] + [f"{one.name}_minor" for one in columns if one.kind == "money"]
    return _written(["currency", *head], (_line(columns, row, wanted.scope.currency) for row in rows))


def _months(report: Report, plan: str) -> Iterator[list[Any]]:
    for currency in report.currencies:
        scope = Scope(currency, plan)
        for fall in report.waterfall(scope):
            exact = _amounts(report, scope, fall)
            major = [_major(amount, currency) for amount in exact]
            tried = report.conversion(scope, fall.month)
            rest = [fall.tenants, tried.ended, tried.paying]
            yield [str(fall.month), currency.upper(), plan or "all", *major, *exact, *rest]


def _amounts(report: Report, scope: Scope, fall: Fall) -> list[int]:
    failed = report.failed(scope, fall.month)
    moved = [fall.movements[name] for name in (*KINDS, *MOVES)]
    return [fall.start, *moved, fall.end, failed.failed_amount, failed.recovered_amount]


def _line(columns: Sequence[Column], row: Any, currency: str) -> list[Any]:
    money_ = [getattr(row, column.name) for column in columns if column.kind == "money"]
    return [currency.upper(), *(_value(getattr(row, one.name), one.kind, currency) for one in columns), *money_]


def _value(value: Any, kind: str, currency: str) -> Any:
    if kind == "money":
        return _major(value, currency)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return "" if value is None else value


def _major(amount: int, currency: str) -> Decimal:
    return Decimal(amount).scaleb(-money.decimals(currency))


def _written(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_safe(value) for value in line] for line in lines)
    return text.getvalue()


def _safe(value: Any) -> Any:
    """A text is a text in a spreadsheet too, whatever it begins with; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
