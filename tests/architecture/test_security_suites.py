"""`./dev security` leaves nothing out, and its table says what came of each test."""

import subprocess
import sys

import pytest

from tests.security.suites import FAULTS, ISOLATION, JOBS, ROOT, SUITES
from tests.security.table import Table


def test_each_file_about_keeping_tenants_apart_is_in_a_suite() -> None:
    named = [ROOT / path for paths in (*SUITES.values(), JOBS) for path in paths]
    assert [path for path in named if not path.exists()] == []
    assert len(named) == len(set(named))
    assert f"{ISOLATION}/test_binding.py" in SUITES["binding"]
    there = [file for folder in (ISOLATION, FAULTS) for file in (ROOT / folder).rglob("test_*.py")]
    assert [file for file in there if not any(file.is_relative_to(path) for path in named)] == []


def test_an_unknown_suite_is_refused_with_the_list() -> None:
    command = [sys.executable, "-m", "tests.security", "interleavd"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("There is no suite interleavd; there are interleaved, machine,")


def test_the_table_has_a_row_for_each_file_and_for_each_test_that_counts(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table()
    for nodeid, outcome, figures in (
        ("tests/faults/test_x.py::test_a_storm[direct]", "passed", [("tried", 1000), ("leaks", 0)]),
        *((f"tests/faults/test_x.py::test_killed[{n}]", "passed", [("tried", 5), ("leaks", 0)]) for n in range(7)),
        ("tests/faults/test_x.py::test_one", "passed", []),
        ("tests/faults/test_x.py::test_two", "failed", []),
    ):
        for when in ("setup", "call", "teardown"):
            table.pytest_runtest_logreport(report(nodeid, when, outcome if when == "call" else "passed", figures))
    table.pytest_terminal_summary()
    _head, storm, killed, file = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert storm == ["faults/test_x.py:", "a", "storm[direct]", "1", "1,000", "0"]
    assert killed == ["faults/test_x.py:", "killed", "(7", "cases)", "7", "35", "0"]
    assert file == ["tests/faults/test_x.py", "1", "1"]


def report(nodeid: str, when: str, outcome: str, figures: list[tuple[str, object]]) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid,
        ("x", 1, "x"),
        {},
        outcome,
        None,
        when,
        user_properties=figures if when != "setup" else [],  # type: ignore[arg-type]
    )
