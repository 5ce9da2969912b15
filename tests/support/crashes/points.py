"""Crash points by name, around the statement that an action stands or falls with.

The code under test knows nothing of them: statements are recognised by their text as they pass SQLAlchemy, commits in
the dialect. What happens at the point is up to the caller: kill this process, its connection, or the server.
"""

import os
import random
import re
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect

BEFORE, DURING, AFTER = "before the statement", "during the statement", "after the statement"
COMMIT_BEFORE, COMMIT_DURING, COMMIT_AFTER = "before the commit", "during the commit", "after the commit"
POINTS = (BEFORE, DURING, AFTER, COMMIT_BEFORE, COMMIT_DURING, COMMIT_AFTER)

Act = Callable[[Any], None]  # is given the driver's connection


def strike(point: str, statement: str, act: Act, seed: int) -> None:
    """Let `act` happen once, at a point around the first statement that matches, in this process from now on."""
    state = _Strike(point, re.compile(statement), act, random.Random(seed))
    event.listen(sa.Engine, "before_cursor_execute", state.before)
    event.listen(sa.Engine, "after_cursor_execute", state.after)
    plain = DefaultDialect.do_commit

    def do_commit(dialect: DefaultDialect, connection: Any) -> None:
        state.committing(connection)
        plain(dialect, connection)
        state.committed(connection)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


class _Strike:
    def __init__(self, point: str, statement: re.Pattern[str], act: Act, chance: random.Random) -> None:
        self.point, self.statement, self.act, self.chance = point, statement, act, chance
        self.armed = self.done = False

    def before(self, _connection: Any, cursor: Any, text: str, *_rest: Any) -> None:
        if self.done or not self.statement.search(text):
            return
        self.armed = True
        if self.point == BEFORE:
            self.strike(cursor.connection)
        elif self.point == DURING:
            delay = self.chance.uniform(0.001, 0.02)  # seconds, of the 30 or more that the script takes
            threading.Thread(target=self._later, args=(delay, cursor.connection), daemon=True).start()

    def after(self, _connection: Any, cursor: Any, text: str, *_rest: Any) -> None:
        if not self.armed or not self.statement.search(text):
            return
        if self.point == AFTER:
            self.strike(cursor.connection)
        while self.point == DURING and not self.done:  # the statement was quicker: it must not be committed first
            time.sleep(0.001)

    def committing(self, connection: Any) -> None:
        if self.armed and self.point == COMMIT_BEFORE:
            self.strike(connection)
        elif self.armed and self.point == COMMIT_DURING and not self.done:
            message = b"COMMIT\0"  # as the driver sends it: a simple query of the protocol (manual, 54.7)
            os.write(connection.fileno(), b"Q" + struct.pack("!i", len(message) + 4) + message)
            self.strike(connection)

    def committed(self, connection: Any) -> None:
        if self.armed and self.point == COMMIT_AFTER:
            self.strike(connection)

    def strike(self, connection: Any) -> None:
        if not self.done:
            self.done = True
            self.act(connection)

    def _later(self, delay: float, connection: Any) -> None:
        time.sleep(delay)
        self.strike(connection)
