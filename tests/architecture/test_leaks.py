"""Planted leaks: a defence is taken out of a copy of the tree, and the suite there must notice."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.leaks import LEAKS, Leak

FAILED = 1  # pytest's status when tests ran and some failed: not an error of collection, which is 2


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory, copy: Callable[[Path], Path]) -> Path:
    """One copy for all; each leak is stopped again."""
    return copy(tmp_path_factory.mktemp("leaks"))


def test_there_are_at_least_fifteen_of_different_names() -> None:
    assert len({leak.name for leak in LEAKS}) == len(LEAKS) >= 15


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_the_suite_notices(leak: Leak, tree: Path) -> None:
    file = tree / leak.file
    sound = file.read_text()
    assert sound.count(leak.defence) == 1, f"{leak.file}: the defence to take away stands there once, or is named anew"
    file.write_text(sound.replace(leak.defence, leak.instead))
    try:
        status, said = run(tree, leak.caught_by)
    finally:
        file.write_text(sound)
    print(said)
    assert status == FAILED, said
    assert " failed" in said.splitlines()[-1], said


def test_control_without_a_leak_the_same_tests_pass(tree: Path) -> None:
    """All of them at once: `test_the_suite_notices` would be true of tests that always fail."""
    status, said = run(tree, *sorted({leak.caught_by for leak in LEAKS}))
    assert status == 0, said


def run(tree: Path, *tests: str) -> tuple[int, str]:
    """Run tests in the copy up to the first that fails; returns pytest's status and the end of what it said."""
    options = ("-q", "-x", "-p", "no:cacheprovider", "--tb=line", "--no-header")
    command = [sys.executable, "-m", "pytest", *options, *tests]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTEST", "COV_"))}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False, timeout=1800)
    return done.returncode, "\n".join(done.stdout.splitlines()[-15:])
