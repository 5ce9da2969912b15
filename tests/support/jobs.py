"""Jobs of the tests; `dispatcher.py` beside this knows them.

Their effect is an audit row, which the tests count from outside. A job that finds no `go` file in its folder says that
it has `started` and stays there until it is killed or let go.
"""

import time
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from saas.core import audit, database
from saas.core.jobs import handler
from saas.core.jobs.running import current
from tenants import isolation

MOST_WAIT = 60.0  # seconds
STEPS = 4


@handler("tests.effect", max_tries=3)
def effect(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)


@handler("tests.halting", max_tries=3)
def halting(mark: str, folder: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)
    database.db.session.flush()
    halt(Path(folder))


@handler("tests.careless", max_tries=3)
def careless(mark: str, folder: str) -> None:
    """What the rules forbid: its effect is committed apart from the mark that it is done."""
    with database.separate() as connection:
        values = {"action": "tests.effect", "actor": "system", "detail": {"mark": mark}}
        connection.execute(sa.insert(audit.AuditEntry).values(**values))
    halt(Path(folder))


def _in_steps(_job: UUID, mark: str, folder: str) -> None:
    mine = current()
    for number in range((mine.checkpoint or 0) + 1, STEPS + 1):
        with mine.step(number, done=number, total=STEPS):
            _take_step(mark, folder, number)


@handler("tests.long", max_tries=3, outside=_in_steps)
def long(_mark: str, _folder: str, _result: None) -> None:
    """Has done all in steps, and halts in the third."""


def _in_careless_steps(_job: UUID, mark: str, folder: str) -> None:
    for number in range(1, STEPS + 1):
        with database.transaction():
            _take_step(mark, folder, number)


@handler("tests.careless.long", max_tries=3, outside=_in_careless_steps)
def careless_long(_mark: str, _folder: str, _result: None) -> None:
    """The same, without a checkpoint."""


def _take_step(mark: str, folder: str, number: int) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark, step=number)
    database.db.session.flush()
    if number == STEPS - 1:
        halt(Path(folder))


@handler("tests.failing", max_tries=2)
def failing(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark)
    raise ValueError("on purpose")


@handler("tests.tenant", scope="tenant")
def in_tenant(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=isolation.bound(), mark=mark)


def halt(folder: Path) -> None:
    (folder / "started").touch()
    deadline = time.monotonic() + MOST_WAIT
    while not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
