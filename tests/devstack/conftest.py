"""Helpers for tests that start real processes. They wait with a deadline and leave no process behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 180  # seconds; a machine that is busy is slow, not broken
Eventually = Callable[[Callable[[], object]], bool]
Launch = Callable[..., "subprocess.Popen[str]"]


def _eventually(check: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def eventually() -> Eventually:
    """Whether something becomes true within PATIENCE."""
    return _eventually


class Pids:
    """Questions about processes, asked of the system and not of the code under test."""

    def below(self, pid: int) -> list[int]:
        """All descendants of a process."""
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]

    def alive(self, pids: Sequence[int]) -> list[int]:
        """Those of living processes; a zombie is none."""
        return [pid for pid in pids if _status(pid) != psutil.STATUS_ZOMBIE]

    def kill(self, pids: Sequence[int]) -> None:
        """Kill processes of which the test knows that it started them."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def pids() -> Pids:
    """See Pids."""
    return Pids()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start a command in the checkout (or `cwd`), its output in a pipe; it is killed at the test's end."""
    with contextlib.ExitStack() as ending:

        def start(*command: object, cwd: Path = ROOT, **environment: str) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [str(word) for word in command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=cwd,
                env={**os.environ, **environment},
            )
            ending.enter_context(process)
            ending.callback(process.kill)
            return process

        yield start


@pytest.fixture
def python(launch: Launch, tmp_path: Path) -> Launch:
    """Start a Python script, given as text, in the checkout."""

    def start(script: str, *arguments: object, **environment: str) -> "subprocess.Popen[str]":
        file = tmp_path / "script.py"
        file.write_text(script)
        return launch(sys.executable, file, *arguments, PYTHONPATH=str(ROOT), **environment)

    return start


def _status(pid: int) -> str:
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)
