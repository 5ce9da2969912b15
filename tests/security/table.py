"""What came of each file, and of each test that counts: a plugin of pytest's.

A test counts with `record_property`: "tried" (requests, steps, attacks), "faults" (that really happened), "leaks", and,
where it is a control, "control leaked".
"""

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Drawn

FIGURES = ("tried", "faults", "leaks", "control leaked")


@dataclass
class Row:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    figures: dict[str, int] = field(default_factory=dict)


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
        for name, row in sorted(self.rows.items()):
            if row.passed or row.failed or row.skipped:
                figures = [f"{row.figures[name]:,}" if name in row.figures else "" for name in FIGURES]
                drawn.add_row(escape(name), str(row.passed), str(row.failed or ""), str(row.skipped or ""), *figures)
        Console(width=160).print(drawn)


def _name(nodeid: str, *, own: bool) -> str:
    file, _, test = nodeid.partition("::")
    return f"{file.removeprefix('tests/')}: {test.removeprefix('test_').replace('_', ' ')}" if own else file
