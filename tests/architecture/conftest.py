"""Trees with a fault planted in them."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saas.devstack.lint import ROOT
from saas.devstack.rules.findings import Finding
from saas.devstack.rules.source import Source

Rule = Callable[[list[Source]], Iterator[Finding]]
Judge = Callable[..., list[str]]
Lint = Callable[..., subprocess.CompletedProcess[str]]

_NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".bench",
    ".devstack",
    ".hypothesis",
    "__pycache__",
    "*.egg-info",
    ".*_cache",
    ".coverage*",
    "htmlcov",
    ".env",
)


@pytest.fixture
def judge() -> Judge:
    """Runs one rule over sources given as path → text; returns `path:line` of each finding."""

    def run(rule: Rule, files: dict[str, str]) -> list[str]:
        found = rule([Source(path, ast.parse(text)) for path, text in files.items()])
        return sorted({f"{finding.path}:{finding.line}" for finding in found})

    return run


@pytest.fixture(scope="session")
def copy() -> Callable[[Path], Path]:
    """Copies this checkout into a folder."""

    def into(folder: Path) -> Path:
        return Path(shutil.copytree(ROOT, folder / "checkout", ignore=_NOT_COPIED))

    return into


@pytest.fixture
def checkout(tmp_path: Path, copy: Callable[[Path], Path]) -> Path:
    """A copy of this checkout, to be spoilt."""
    return copy(tmp_path)


@pytest.fixture
def lint(checkout: Path) -> Lint:
    """Runs `./dev lint` with these arguments in the copy."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "saas.devstack.lint", *arguments]
        return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)

    return run
