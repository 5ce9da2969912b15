"""What an operator does to jobs and queues, and what that does not do."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue, figures, steering
from saas.core.jobs.models import OPEN, JobEvent, JobQueue
from saas.core.jobs.steering import Outcome
from tests.support import database
from tests.support import jobs as _registered  # noqa: F401
from tests.support.live import eventually
from tests.support.people import Person, unique
from tests.support.threads import together

NOT_DEAD = [state for state in JobState if state != JobState.DEAD]


@pytest.fixture
def kind(app: Flask) -> Iterator[str]:
    """The name of jobs that are gone after the test; no dispatcher knows it."""
    made = f"tests.{unique()}"
    yield made
    database.sql(app, "DELETE FROM platform.jobs WHERE name = :name", name=made)


def test_a_dead_job_gets_all_its_tries_again_and_its_timeline_keeps_the_error(app: Flask, kind: str) -> None:
    job = add(app, kind, JobState.DEAD, error="ValueError: on purpose", tries=8, cancel_asked=True, reason="x")
    assert act(app, steering.retry, job) == 1
    found = one(app, job)
    assert (found.state, found.tries, found.finished_at, found.reason) == (JobState.WAITING, 0, None, None)
    assert not found.cancel_asked
    assert found.due_at == found.run_at
    assert timeline(app, job) == [("retried", "ValueError: on purpose")]
    assert act(app, steering.retry, job) == 0, "it is not dead any more"


@pytest.mark.parametrize("state", NOT_DEAD)
def test_only_dead_jobs_are_retried_and_dismissed(app: Flask, kind: str, state: JobState) -> None:
    job = add(app, kind, state)
    before = one(app, job)
    assert act(app, steering.retry, job) == act(app, steering.retry_kind, kind) == 0
    assert not act(app, steering.dismiss, job, "why")
    assert act(app, steering.dismiss_kind, kind, "why") == 0
    assert columns(one(app, job)) == columns(before)
    assert timeline(app, job) == []


def test_all_dead_jobs_of_a_kind_are_retried_and_no_others(app: Flask, kind: str) -> None:
    mine = [add(app, kind, JobState.DEAD) for _ in range(3)]
    other = add(app, f"{kind}.not", JobState.DEAD)
    assert act(app, steering.retry_kind, kind) == 3
    assert {one(app, job).state for job in mine} == {JobState.WAITING}
    assert one(app, other).state == JobState.DEAD
    database.sql(app, "DELETE FROM platform.jobs WHERE id = :id", id=other)


@pytest.mark.parametrize("state", OPEN)
def test_a_dead_job_stays_dead_while_another_has_its_key(app: Flask, kind: str, state: JobState) -> None:
    dead, other = add(app, kind, JobState.DEAD, key="k"), add(app, kind, state, key="k")
    assert act(app, steering.retry, dead) == act(app, steering.retry_kind, kind) == 0
    assert one(app, dead).state == JobState.DEAD
    database.sql(app, "UPDATE platform.jobs SET state = 'done' WHERE id = :id", id=other)
    assert act(app, steering.retry, dead) == 1  # the control


def test_of_several_dead_jobs_with_one_key_the_newest_is_retried(
    app: Flask, kind: str, owner: Person, stranger: Person
) -> None:
    """A key is of one tenant; a job without one is nobody's double."""
    platform = [add(app, kind, JobState.DEAD, key="k") for _ in range(3)]
    theirs = [add(app, kind, JobState.DEAD, key="k", tenant=who.tenant) for who in (owner, stranger)]
    keyless = [add(app, kind, JobState.DEAD) for _ in range(2)]
    assert act(app, steering.retry_kind, kind) == 5
    waiting = {job for job in (*platform, *theirs, *keyless) if one(app, job).state == JobState.WAITING}
    assert waiting == {platform[-1], *theirs, *keyless}


def test_a_key_that_somebody_takes_just_now_is_seen_to_be_taken(app: Flask, kind: str) -> None:
    """Who retries does not see the other's row before the other commits, but waits for that, and looks again."""
    taken, free = add(app, kind, JobState.DEAD, key="taken"), add(app, kind, JobState.DEAD, key="free")
    retries = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'transactionid' AND query LIKE 'WITH changed AS%'"

    def take() -> int:
        with app.app_context(), transaction():
            db.session.execute(row(kind, JobState.WAITING, key="taken"))
            asked.set()
            eventually(lambda: database.sql(app, f"{retries} AND datname = current_database()"))
        return 0

    def retry() -> int:
        assert asked.wait(20)
        return int(act(app, steering.retry_kind, kind))

    asked = threading.Event()
    assert together(take, retry) == [0, 1]
    assert [one(app, job).state for job in (taken, free)] == [JobState.DEAD, JobState.WAITING]


def test_two_operators_who_retry_at_once_retry_each_job_once(app: Flask, kind: str) -> None:
    jobs = [add(app, kind, JobState.DEAD, key=f"k{number % 5}") for number in range(20)]
    counts = together(*[lambda: act(app, steering.retry_kind, kind)] * 2)
    waiting = [job for job in jobs if one(app, job).state == JobState.WAITING]
    assert sum(counts) == len(waiting) == 5


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.LEASED])
def test_a_job_that_no_worker_has_begun_is_cancelled_at_once(app: Flask, kind: str, state: JobState) -> None:
    job = add(app, kind, state)
    assert act(app, steering.cancel, job, "not wanted") == Outcome.CANCELLED
    found = one(app, job)
    assert (found.state, found.due_at, found.reason) == (JobState.CANCELLED, None, "not wanted")
    assert found.finished_at is not None
    assert timeline(app, job) == [("cancelled", "not wanted")]


def test_a_job_that_runs_is_asked_to_end(app: Flask, kind: str) -> None:
    job = add(app, kind, JobState.RUNNING)
    before = one(app, job)
    assert act(app, steering.cancel, job, "not wanted") == Outcome.ASKED
    found = one(app, job)
    assert (found.state, found.due_at, found.finished_at) == (JobState.RUNNING, before.due_at, None)
    assert (found.cancel_asked, found.reason) == (True, "not wanted")
    assert timeline(app, job) == [("cancel asked", "not wanted")]


@pytest.mark.parametrize("state", [state for state in JobState if state not in OPEN])
def test_what_has_ended_is_not_cancelled(app: Flask, kind: str, state: JobState) -> None:
    job = add(app, kind, state)
    assert act(app, steering.cancel, job, "x") == Outcome.ENDED
    assert one(app, job).state == state
    assert act(app, steering.cancel, uuid4(), "x") == Outcome.UNKNOWN


def test_a_job_whose_effect_is_on_its_way_is_asked_beside_its_row_and_nobody_waits_long(app: Flask, kind: str) -> None:
    job = add(app, kind, JobState.RUNNING)
    with app.app_context():
        db.session.execute(sa.update(Job).where(Job.id == job).values(state=JobState.DONE, due_at=None))
        assert act(app, steering.cancel, job, "x") == Outcome.ASKED
        assert timeline(app, job) == [("cancel asked", "x")]
        assert not one(app, job).cancel_asked
        db.session.rollback()


def test_all_kinds_of_dead_jobs_are_found_behind_however_many_newer_ones(
    app: Flask, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LOOKED_AT", 3)
    old = [add(app, kind, JobState.DEAD, run_at=sa.text("now() - interval '9 days'")) for _ in range(5)]
    newer = [add(app, f"{kind}.not", JobState.DEAD) for _ in range(3)]
    with app.app_context():
        assert kind not in {found.name for found in figures.kinds(JobState.DEAD)}  # the control
        assert {kind, f"{kind}.not"} <= set(steering.dead_kinds())
        assert figures.kind(JobState.DEAD, kind).jobs == len(old)
        assert figures.kind(JobState.DEAD, unique())[1:] == (0, None, None)
    assert act(app, steering.retry_kind, kind) == len(old)
    database.sql(app, "DELETE FROM platform.jobs WHERE id = ANY(:ids)", ids=newer)


def test_after_a_wish_to_cancel_the_callers_transaction_is_as_patient_as_before(app: Flask, kind: str) -> None:
    job = add(app, kind, JobState.WAITING)
    with app.app_context(), transaction():
        patience = sa.text("SELECT current_setting('lock_timeout')")
        before = db.session.scalar(patience)
        steering.cancel(job, "x")
        assert db.session.scalar(patience) == before


def test_a_dead_job_is_dismissed_with_its_reason_and_kept_from_then(app: Flask, kind: str) -> None:
    job, other = (add(app, kind, JobState.DEAD, finished_at=sa.text("now() - interval '60 days'")) for _ in range(2))
    assert act(app, steering.dismiss, job, "seen to")
    found = one(app, job)
    assert (found.state, found.reason) == (JobState.DISMISSED, "seen to")
    assert recent(app, job)
    assert timeline(app, job) == [("dismissed", "seen to")]
    assert one(app, other).state == JobState.DEAD
    assert act(app, steering.dismiss_kind, kind, "x" * 5000) == 1
    assert one(app, other).reason == "x" * 500


def test_a_queue_is_paused_and_resumed_once(app: Flask) -> None:
    with app.app_context():
        assert [steering.pause_queue("webhooks"), steering.pause_queue("webhooks")] == [True, False]
        assert paused("webhooks")
        assert [steering.resume_queue("webhooks"), steering.resume_queue("webhooks")] == [True, False]
        assert not paused("webhooks")
        assert steering.pause_queue("webhooks"), "a second time"
        with pytest.raises(LookupError, match="fast, slow, webhooks"):
            steering.pause_queue("slowly")
        db.session.rollback()


def test_a_key_is_free_for_a_new_job_when_the_old_one_is_cancelled(app: Flask) -> None:
    mark = unique()
    with app.app_context(), transaction():
        enqueue("tests.effect", args=[mark], key=mark)
        first = db.session.scalars(sa.select(Job.id).where(Job.key == mark)).one()
        steering.cancel(first, "x")
        enqueue("tests.effect", args=[mark], key=mark)
        states = db.session.scalars(sa.select(Job.state).where(Job.key == mark)).all()
        assert sorted(states) == [JobState.CANCELLED, JobState.WAITING]
        db.session.execute(sa.delete(Job).where(Job.key == mark))


def act(app: Flask, action: Callable[..., Any], *arguments: Any) -> Any:
    with app.app_context(), transaction():
        return action(*arguments)


def add(app: Flask, name: str, state: JobState, **values: Any) -> UUID:
    """A job in a state, as if it had come there."""
    with app.app_context(), transaction():
        return db.session.scalars(row(name, state, **values).returning(Job.id)).one()


def row(name: str, state: JobState, **values: Any) -> sa.Insert:
    ended = {"due_at": None, "finished_at": sa.func.now()}
    times = {"due_at": sa.text("now() + interval '1 hour'")} if state in OPEN else ended
    common = {"args": [], "queue": "fast", "limit_seconds": 60, "max_tries": 8}
    return sa.insert(Job).values(name=name, state=state, **common | times | values)


def one(app: Flask, job: UUID) -> Job:
    with app.app_context():
        return db.session.get_one(Job, job)


def columns(job: Job) -> dict[str, Any]:
    return {column.name: getattr(job, column.name) for column in Job.__table__.columns}


def timeline(app: Flask, job: UUID) -> list[tuple[str, str]]:
    with app.app_context():
        lines = sa.select(JobEvent.kind, JobEvent.text).where(JobEvent.job == job).order_by(JobEvent.id)
        return [(kind, text) for kind, text in db.session.execute(lines)]


def recent(app: Flask, job: UUID) -> bool:
    ended = "SELECT finished_at > now() - interval '1 hour' AS recent FROM platform.jobs WHERE id = :id"
    return bool(database.sql(app, ended, id=job)[0].recent)


def paused(name: str) -> bool:
    return db.session.scalar(sa.select(JobQueue.paused_at).where(JobQueue.name == name)) is not None
