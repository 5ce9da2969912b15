"""`python -m benchmarks`: what it prints where, and its exit status."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command_line
from benchmarks import registry
from benchmarks.figures import AtMost, Figure, Result
from benchmarks.peers.peer import NOT_INSTALLED
from benchmarks.registry import Benchmark, Size
from saas.devstack.errors import DevstackError

ROOT = Path(__file__).parents[2]
TIMEOUT = 1800  # seconds; each starts a PostgreSQL of its own


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@functools.cache
def _tiny(name: str) -> "subprocess.CompletedProcess[str]":
    return bench(name, "--json", "--rounds", "2", "--tenants", "2")


def tiny(name: str) -> "subprocess.CompletedProcess[str]":
    """A run that says nothing about speed."""
    done = _tiny(name)
    if NOT_INSTALLED in done.stderr and os.environ.get("FREEHOLD_PEERS") != "required":
        pytest.skip(f"{name}: its peer {NOT_INSTALLED}")
    return done


@pytest.fixture
def known(monkeypatch):
    """The only benchmark there is, with what it will find or raise in `known.outcome`; it prints a line itself."""

    class Known:
        outcome: float | BaseException = 1.0
        size: Size | None = None

        def measure(self, size):
            print("measuring …")
            self.size = size
            if isinstance(self.outcome, BaseException):
                raise self.outcome
            return Result("speed", [Figure("it / other", self.outcome, "ratio", AtMost(1.15))], "By a rule.")

    made = Known()
    found = {"speed": Benchmark("speed", "how quick it is", Size(100, 10), made.measure)}
    monkeypatch.setattr(registry, "benchmarks", lambda: found)
    return made


def test_without_a_name_it_lists_them_with_a_line_each():
    done = bench()
    assert done.returncode == 0
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    files = {path.stem for path in (ROOT / "benchmarks/suite").glob("[!_]*.py")}
    assert (
        {name for name, _line in lines}
        == files
        >= {"billing", "binding", "jobs", "memory", "neighbour", "rq", "signup"}
    )


@pytest.mark.parametrize("name", ["billing", "binding", "jobs", "memory", "neighbour", "rq", "signup"])
def test_a_tiny_run_prints_one_json_object_and_nothing_else(name):
    done = tiny(name)
    result = json.loads(done.stdout)
    assert list(result) == ["bench", "figures", "how"]
    assert result["bench"] == name
    assert ("2 hits" if name == "rq" else "2 tenants") in result["how"]  # plain RQ knows no tenants
    for figure in result["figures"]:
        assert list(figure) == ["name", "value", "unit", "bar", "holds"]
        assert figure["holds"] is holds(figure)
    assert done.returncode == any(figure["holds"] is False for figure in result["figures"]), done.stderr


def holds(figure):
    if figure["bar"] is None:
        return None
    sign, limit = figure["bar"].split()
    return figure["value"] <= float(limit) if sign == "≤" else figure["value"] >= float(limit)


def test_binding_adds_no_round_trip():
    figures = json.loads(tiny("binding").stdout)["figures"]
    trips = {figure["name"]: figure["value"] for figure in figures if figure["unit"] == "trips"}
    assert trips["round trips: bound"] == trips["round trips: plain"] == 3
    assert trips["round trips: bound in a trip of its own"] == 4


def test_billing_loses_no_webhook_and_asks_no_more_than_is_promised():
    found = {figure["name"]: figure for figure in json.loads(tiny("billing").stdout)["figures"]}
    for name in (
        "statements of an entitlement check",
        "webhooks taken in: all are stored, with a job",
        "webhooks taken in: refused or unanswered",
        "events handled whose tenant is known",
        "calls to compare 2 customers",
    ):
        assert found[name]["holds"], found[name]
    assert found["tenants that differ"]["value"] == found["tenants that were altered"]["value"] == 1


@pytest.mark.parametrize(("value", "status", "verdict"), [(1.1, 0, "holds"), (1.2, 1, "does not hold")])
def test_a_table_says_what_holds_and_how_it_was_measured(known, capsys, value, status, verdict):
    known.outcome = value
    assert command_line.main(["speed"]) == status
    out = capsys.readouterr().out
    row = out.splitlines()[1]
    assert row.split("  ")[0] == "it / other"
    assert row.endswith(f"≤ 1.15  {verdict}")
    assert out.rstrip().endswith("By a rule.")


def test_what_a_benchmark_prints_does_not_disturb_its_json(known, capsys):
    known.outcome = 1.2
    assert command_line.main(["--json", "speed"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["figures"][0]["holds"] is False
    assert "measuring" in err


def test_its_own_size_unless_another_is_asked_for(known):
    command_line.main(["speed"])
    assert known.size == Size(100, 10)
    command_line.main(["speed", "--rounds", "3"])
    assert known.size == Size(3, 10)
    command_line.main(["speed", "--tenants", "4"])
    assert known.size == Size(100, 4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sped"], "There is no benchmark 'sped'; there are speed."),
        (["--json"], "--json needs the NAME of a benchmark."),
        (["--faults"], "--faults needs the NAME of a benchmark."),
        (["speed", "--faults"], "--faults goes with jobs only."),
    ],
)
def test_what_can_not_be_measured_is_a_sentence_and_status_2(known, capsys, arguments, sentence):
    assert command_line.main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"./dev bench: {sentence}\n")


@pytest.mark.parametrize("rounds", ["0", "-1", "1.5", "many", ""])
def test_rounds_are_a_number_from_1_on(known, capsys, rounds):
    with pytest.raises(SystemExit) as ended:
        command_line.main(["speed", f"--rounds={rounds}"])
    assert ended.value.code == 2
    assert "is not a whole number from 1 on" in capsys.readouterr().err


def test_services_that_do_not_start_are_a_sentence_too(known, capsys):
    known.outcome = DevstackError("The disk is full.")
    assert command_line.main(["speed"]) == 2
    assert capsys.readouterr().err.endswith("./dev bench: The disk is full.\n")


def test_a_breakdown_is_not_taken_for_a_bar_that_does_not_hold(known, capsys):
    known.outcome = RuntimeError("no spare schema")
    assert command_line.main(["speed", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("RuntimeError: no spare schema\n")


def test_an_interruption_is_no_result(known, capsys):
    known.outcome = KeyboardInterrupt()
    assert command_line.main(["speed", "--json"]) == 130
    assert capsys.readouterr().out == ""
