"""What the supervisor thinks, without a process to think about."""

import os
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from saas.core.database import at_once, db
from saas.core.jobs import endings, supervisor
from saas.core.jobs.board import Board, Held
from saas.core.jobs.bounds import MIB, Bounds, resident
from saas.core.jobs.endings import Verdict
from saas.core.jobs.pulse import Pulse
from saas.core.jobs.stopping import Stopping
from saas.core.settings import Settings
from tests.support import database


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    """A process for the supervisor, of which it need not be the parent."""
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as process:
        monkeypatch.setattr(supervisor, "_fork", lambda _work, _board: process.pid)
        monkeypatch.setattr(supervisor, "_ended", lambda _, options=0: process.poll() if options else process.wait())
        yield process
        process.kill()


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, int, Verdict]]:
    said: list[tuple[UUID, int, Verdict]] = []
    monkeypatch.setattr(endings, "settle", lambda _app, *rest: said.append(rest[:3]))
    return said


class Calm(Stopping):
    """Nobody asks for anything."""

    def __init__(self) -> None:
        self._first, self.at_once = None, False


def test_a_board_tells_of_a_job_until_it_ends() -> None:
    board, job = Board(), uuid4()
    assert (board.held, board.beaten) == (None, 0.0)
    board.begin(job, 7, 60)
    held = board.held
    assert held
    assert (held.job, held.lease) == (job, 7)
    board.end()
    assert board.held is None
    assert board.beaten > 0


@pytest.mark.parametrize(("moved_on", "verdict"), [(False, Verdict.OVER_LIMIT), (True, Verdict.HANDED_BACK)])
def test_a_job_that_was_taken_up_as_the_one_before_was_judged_is_handed_back(
    app: Flask,
    sleeper: Any,
    settled: list[tuple[UUID, int, Verdict]],
    monkeypatch: pytest.MonkeyPatch,
    moved_on: bool,
    verdict: Verdict,
) -> None:
    late, next_ = uuid4(), uuid4()
    child = supervisor._Child(app, lambda _: None, Bounds(), Pulse(None), Calm())
    child._board.begin(late, 1, -10)
    kill = child._kill

    def killing() -> None:
        if moved_on:
            child._board.begin(next_, 2, 60)
        kill()

    monkeypatch.setattr(child, "_kill", killing)
    assert child.supervise() is False
    assert settled == [(next_, 2, verdict) if moved_on else (late, 1, verdict)]


def test_a_process_that_ends_by_itself_and_well_has_not_failed(app: Flask, sleeper: Any, settled: Any) -> None:
    child = supervisor._Child(app, lambda _: None, Bounds(), Pulse(None), Calm())
    sleeper.terminate()
    sleeper.wait()
    sleeper.returncode = 0
    assert (child.supervise(), settled) == (False, [])


def test_a_process_that_dies_without_a_job_has_failed(app: Flask, sleeper: Any, settled: Any) -> None:
    child = supervisor._Child(app, lambda _: None, Bounds(), Pulse(None), Calm())
    sleeper.kill()
    assert (child.supervise(), settled) == (True, [])


def test_an_error_without_a_text_does_not_end_the_supervisor(
    app: Flask, sleeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise SQLAlchemyError("")

    monkeypatch.setattr(endings, "settle", fails)
    child = supervisor._Child(app, lambda _: None, Bounds(), Pulse(None), Calm())
    with structlog.testing.capture_logs() as log:
        child._settle(Held(uuid4(), 1, 0.0), Verdict.CRASHED, "x")
    assert [(line["event"], line["error"]) for line in log] == [("job.unsettled", "SQLAlchemyError: ")]


def test_no_process_inherits_a_connection(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one connection read each other's answers."""
    stopping, left = Calm(), list[int]()

    def supervise(*_: object) -> None:
        left.append(db.engine.pool.checkedin())  # type: ignore[attr-defined]  it is a QueuePool
        stopping._first = 0.0

    with database.application(settings) as made, made.app_context():
        with at_once() as connection:
            connection.execute(sa.text("SELECT 1"))
        assert db.engine.pool.checkedin() == 1  # type: ignore[attr-defined]  the control
        monkeypatch.setattr(supervisor, "Stopping", lambda: stopping)
        monkeypatch.setattr(supervisor, "_Child", lambda *_: SimpleNamespace(supervise=supervise))
        monkeypatch.setattr(supervisor, "gc", SimpleNamespace(collect=int, freeze=int))
        supervisor.run(made, lambda _: None, Bounds())
    assert left == [0]


def test_where_the_system_does_not_tell_of_memory_only_time_counts() -> None:
    assert (resident(os.getpid()) or 0) > MIB
    assert resident(2**30) is None  # as without /proc


@pytest.mark.parametrize(("grace", "patience"), [(2, 1), (25, 20), (320, 315)])
def test_the_grace_leaves_time_to_hand_a_job_back(grace: float, patience: float) -> None:
    assert Bounds(grace=grace).patience == patience
