"""How long jobs are kept once they have ended."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, tasks
from saas.core.jobs.models import OPEN, JobCall, JobEvent
from saas.core.jobs.running import Running
from tests.support import database
from tests.support.leases import change, lease
from tests.support.payments import transactions
from tests.support.people import unique

LONG_AGO = timedelta(days=4000)


@pytest.fixture
def kind(app: Flask) -> Iterator[str]:
    made = f"tests.{unique()}"
    yield made
    database.sql(app, "DELETE FROM platform.jobs WHERE name = :name", name=made)


@pytest.mark.parametrize(
    ("state", "days"),
    [(JobState.DONE, 7), (JobState.CANCELLED, 30), (JobState.DISMISSED, 30), (JobState.DEAD, 90)],
)
def test_a_job_that_has_ended_is_kept_for_its_time(app: Flask, kind: str, state: JobState, days: int) -> None:
    kept, gone = timedelta(days=days, minutes=-5), timedelta(days=days, minutes=5)
    add(app, kind, state, kept, gone, LONG_AGO)
    sweep(app)
    assert ages(app, kind) == [kept]


@pytest.mark.parametrize("state", OPEN)
def test_a_job_that_has_not_ended_is_kept(app: Flask, kind: str, state: JobState) -> None:
    add(app, kind, state, LONG_AGO)  # as none ever is
    sweep(app)
    assert ages(app, kind) == [LONG_AGO]


def test_each_state_has_its_time() -> None:
    assert {*tasks.KEEP, *OPEN} == set(JobState)


def test_many_are_swept_in_small_transactions_with_their_timelines_and_calls(
    app: Flask, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 3)
    add(app, kind, JobState.DONE, *[LONG_AGO] * 10)
    with app.app_context(), transaction():
        for job in db.session.scalars(sa.select(Job.id).where(Job.name == kind)):
            db.session.add(JobEvent(job=job, kind="log", text=kind))
            db.session.add(JobCall(job=job, step=kind, answer={}))
    commits: list[str] = []
    with transactions(app, commits):
        assert sweep(app) >= 10
    assert len(commits) >= 4
    assert ages(app, kind) == []
    for table, column in (("job_events", "text"), ("job_calls", "step")):
        assert database.sql(app, f"SELECT 1 FROM platform.{table} WHERE {column} = :mark", mark=kind) == []


def test_a_sweep_ends_in_time_and_leaves_the_rest(app: Flask, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add(app, kind, JobState.DONE, LONG_AGO)
    monkeypatch.setattr(tasks, "_SECONDS", 0.0)
    assert sweep(app) == 0
    assert ages(app, kind) == [LONG_AGO]


def test_a_job_that_somebody_holds_is_left_for_the_next_sweep(app: Flask, kind: str) -> None:
    add(app, kind, JobState.DONE, LONG_AGO)
    with app.app_context():
        db.session.execute(sa.select(Job.id).where(Job.name == kind).with_for_update())
        sweep(app)
        db.session.rollback()
    assert ages(app, kind) == [LONG_AGO]
    sweep(app)
    assert ages(app, kind) == []


def sweep(app: Flask) -> int:
    """As a job, which tells how far it is."""
    job = lease(app, "core.sweep")
    change(app, job, state=JobState.RUNNING)
    try:
        with app.app_context(), Running(job, 1, None, [], 1, None, cancel_asked=False).entered():
            return tasks._sweep(job)
    finally:
        database.sql(app, "DELETE FROM platform.jobs WHERE id = :id", id=job)


def add(app: Flask, name: str, state: JobState, *ages: timedelta) -> None:
    with app.app_context(), transaction():
        for age in ages:
            job = Job(name=name, args=[], queue="fast", limit_seconds=60, max_tries=8, state=state, due_at=None)
            job.finished_at = sa.func.now() - age
            db.session.add(job)


def ages(app: Flask, name: str) -> list[timedelta]:
    """To the minute, of those that are there."""
    since = "SELECT (round(extract(epoch FROM now() - finished_at) / 60))::int AS minutes FROM platform.jobs"
    return sorted(timedelta(minutes=row.minutes) for row in database.sql(app, f"{since} WHERE name = :name", name=name))
