"""A lock says what it was made from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from saas.devstack import locks

Digest = Callable[[str], str]

SETUP = """
[metadata]
name = example
[options]
python_requires = >=3.11
install_requires =
    flask>=3
    # a reason
    click>=8
[options.extras_require]
run =
    embedded==1
dev =
    pytest>=9
"""


@pytest.fixture
def digest(tmp_path: Path) -> Digest:
    def of(text: str) -> str:
        (tmp_path / "setup.cfg").write_text(text)
        return locks.dependencies_digest(tmp_path / "setup.cfg")

    return of


@pytest.mark.parametrize(
    ("before", "after"),
    [("flask>=3", "flask>=4"), ("3.11", "3.12"), ("embedded==1", "embedded==2"), ("dev =", "more =")],
)
def test_the_digest_changes_with_what_is_required(digest: Digest, before: str, after: str) -> None:
    assert digest(SETUP) != digest(SETUP.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [("name = example", "name = other"), ("    flask", "      flask"), ("# a reason", "# a better reason")],
)
def test_the_digest_stays_with_what_is_not(digest: Digest, before: str, after: str) -> None:
    assert digest(SETUP) == digest(SETUP.replace(before, after))


def test_the_first_line_of_a_lock_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    lock.write_text("# setup.cfg dependencies sha256: abc\n# made by uv\n")
    assert locks.recorded_digest(lock) == "abc"
    lock.write_text("# made by uv\n")
    assert locks.recorded_digest(lock) is None
