"""Things that happen at the same moment."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from saas.core.database import db

MOST_WAIT = 60.0  # seconds, on a machine that is busy

Result = TypeVar("Result")


def together(*calls: Callable[[], Result]) -> list[Result]:
    """Make all calls at once, each in a thread; returns their results in the same order."""
    barrier = threading.Barrier(len(calls))

    def start(call: Callable[[], Result]) -> Result:
        barrier.wait(MOST_WAIT)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(MOST_WAIT * 2) for future in [pool.submit(start, call) for call in calls]]


@contextmanager
def meeting_at(app: Flask, statement: str, parties: int = 2) -> Iterator[None]:
    """Let threads wait for each other right before they send a statement that starts so.

    Each has then seen the database as it was before any of the others' writes: the worst moment, each time.
    """
    barrier = threading.Barrier(parties)

    def meet(_connection: object, _cursor: object, text: str, *_rest: Any) -> None:
        if text.startswith(statement):
            barrier.wait(MOST_WAIT)

    with listening(app, "before_cursor_execute", meet):
        yield


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Collects each statement that the application's role sends."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, text: str, *_rest: Any) -> None:
        if not isinstance(threading.current_thread(), threading.Timer):  # it writes down what was called before
            seen.append(text)

    with listening(app, "before_cursor_execute", note):
        yield seen


@contextmanager
def listening(app: Flask, name: str, listener: Callable[..., Any]) -> Iterator[None]:
    with app.app_context():
        engine: sa.Engine = db.engine
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)
