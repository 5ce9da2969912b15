"""Jobs of the tests; `dispatcher.py` beside this knows them.

Their effect is an audit row, which the tests count from outside. A job that finds no `go` file in its folder says that
it has `started` and stays there until it is killed or let go.
"""

import time
from pathlib import Path

import sqlalchemy as sa

from saas.core import audit, database
from saas.core.jobs import handler

MOST_WAIT = 60.0  # seconds


@handler("tests.effect", max_tries=3)
def effect(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)


@handler("tests.halting", max_tries=3)
def halting(mark: str, folder: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)
    database.db.session.flush()
    _halt(Path(folder))


@handler("tests.careless", max_tries=3)
def careless(mark: str, folder: str) -> None:
    """What the rules forbid: its effect is committed apart from the mark that it is done."""
    with database.separate() as connection:
        values = {"action": "tests.effect", "actor": "system", "detail": {"mark": mark}}
        connection.execute(sa.insert(audit.AuditEntry).values(**values))
    _halt(Path(folder))


@handler("tests.failing", max_tries=2)
def failing(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)
    raise ValueError("on purpose")


@handler("tests.tenant", scope="tenant")
def in_tenant(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)


def _halt(folder: Path) -> None:
    (folder / "started").touch()
    deadline = time.monotonic() + MOST_WAIT
    while not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
