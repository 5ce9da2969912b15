"""What plain RQ's workers are given to do."""

import time
from pathlib import Path

_BEFORE, _AFTER = 0.002, 0.002  # seconds
_STEP = 0.05
LINE = 8  # bytes


def append(path: str, number: int) -> None:
    """An effect outside: one more line of a file, written at once or not at all."""
    time.sleep(_BEFORE)
    with Path(path).open("ab", buffering=0) as file:
        file.write(f"{number:0{LINE - 1}}\n".encode())
    time.sleep(_AFTER)


def obey(path: str, seconds: float) -> None:
    """Work for so long, and tell how long it has been."""
    began = time.monotonic()
    while (worked := time.monotonic() - began) < seconds:
        Path(path).write_text(str(worked))
        time.sleep(_STEP)


def swallow(path: str, seconds: float) -> None:
    """The same, and what goes wrong with one step shall not stop the others."""
    began = time.monotonic()
    while (worked := time.monotonic() - began) < seconds:
        try:
            Path(path).write_text(str(worked))
            time.sleep(_STEP)
        except Exception:  # noqa: BLE001  as many jobs do it
            continue


def nothing() -> None:
    """What a scheduler enqueues."""
