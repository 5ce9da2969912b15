"""Telling apart what the time of a piece of work is spent on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from flask import Flask

from saas.core.database import db

_EXECUTES = ("do_execute", "do_execute_no_params", "do_executemany")  # the dialect's ways to the driver
_ENDS = ("do_commit", "do_rollback")


@dataclass
class Spent:
    """On one thing, all in all: seconds of the clock, and of this thread's processor time."""

    clock: float = 0.0
    processor: float = 0.0
    times: int = 0

    @contextmanager
    def more(self) -> Iterator[None]:
        clock, processor = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.clock += time.perf_counter() - clock
            self.processor += time.thread_time() - processor
            self.times += 1


@contextmanager
def driver_time(app: Flask, statements: Spent, endings: Spent) -> Iterator[None]:
    """Add what the driver takes for statements, and for commits and rollbacks, inside."""
    with app.app_context():
        dialect = db.engine.dialect
    ways = {name: timed(getattr(dialect, name), statements) for name in _EXECUTES}
    ways |= {name: timed(getattr(dialect, name), endings) for name in _ENDS}
    with mock.patch.multiple(dialect, **ways):
        yield


def timed(function: Callable[..., Any], spent: Spent) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        with spent.more():
            return function(*arguments, **named)

    return timed
