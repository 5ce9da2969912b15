"""What came of each file, and of each test that counts: a plugin of pytest's.

A test counts with `record_property`: "tried" (requests, steps, attacks, alterations), "faults" (that really happened),
"leaks" (rows of others seen, things half made, alterations overlooked), and, where a defence is off, "control leaked".
One with many cases is one row, which adds them up.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Drawn

FIGURES = ("tried", "faults", "leaks", "control leaked")
MANY = 4  # up to so many cases have a row each


@dataclass
class Row:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    figures: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Row") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.figures.update(other.figures)


class Table:
    def __init__(self) -> None:
        self.rows: defaultdict[str, Row] = defaultdict(Row)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        figures = {name: int(str(value)) for name, value in report.user_properties if name in FIGURES}
        row = self.rows[_name(report.nodeid, own=bool(figures))]
        if report.when == "call":
            row.figures.update(figures)
            row.passed += report.passed
        row.skipped += report.skipped
        row.failed += report.failed

    def pytest_terminal_summary(self) -> None:
        drawn = Drawn("", "passed", "failed", "skipped", *FIGURES, box=None)
        for name, row in sorted(_added_up(self.rows).items()):
            if row.passed or row.failed or row.skipped:
                figures = [f"{row.figures[name]:,}" if name in row.figures else "" for name in FIGURES]
                drawn.add_row(escape(name), str(row.passed), str(row.failed or ""), str(row.skipped or ""), *figures)
        Console(width=160).print(drawn)


def _added_up(rows: dict[str, Row]) -> dict[str, Row]:
    cases = Counter(name.partition("[")[0] for name in rows)
    found: defaultdict[str, Row] = defaultdict(Row)
    for name, row in rows.items():
        test = name.partition("[")[0]
        found[f"{test} ({cases[test]} cases)" if cases[test] > MANY else name].add(row)
    return found


def _name(nodeid: str, *, own: bool) -> str:
    file, _, test = nodeid.partition("::")
    return f"{file.removeprefix('tests/')}: {test.removeprefix('test_').replace('_', ' ')}" if own else file
