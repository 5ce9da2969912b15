"""What is asked for is a row of the asker's transaction: checked at once, and one at a time where it has a key."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects.postgresql import insert

from saas.core.administrator import administrator
from saas.core.database import db, transaction
from saas.core.jobs import BadArguments, Job, JobState, UnknownJob, enqueue, registry, service
from saas.core.jobs.models import OPEN
from saas.core.jobs.registry import Handler
from tests.support import database
from tests.support import jobs as _registered  # noqa: F401
from tests.support.live import eventually
from tests.support.people import Person, unique
from tests.support.threads import together

ENDED = sorted(set(JobState) - set(OPEN))


@pytest.fixture
def mark(app: Flask) -> Iterator[str]:
    """Of jobs that are gone after the test."""
    made = unique()
    yield made
    forget(app, made)


def test_a_job_is_gone_with_the_transaction_that_asked_for_it(app: Flask, mark: str) -> None:
    for key in (None, mark):
        with app.app_context():
            with pytest.raises(UnknownJob), transaction():  # noqa: PT012  the first statement is what is undone
                enqueue("tests.effect", args=[mark], key=key)
                enqueue("no.such")
            assert jobs_of(mark) == []
    with app.app_context():
        with transaction():
            enqueue("tests.effect", args=[mark])
        assert [job.state for job in jobs_of(mark)] == [JobState.WAITING]  # the control


def test_asking_tells_the_jobs_id_or_none_where_its_key_is_taken(app: Flask, mark: str) -> None:
    with app.app_context(), transaction():
        plain, first, second = (enqueue("tests.effect", args=[mark], key=key) for key in (None, mark, mark))
    with app.app_context():
        assert {plain, first} == {job.id for job in jobs_of(mark)}
    assert second is None


def test_an_unknown_job_is_refused_where_it_is_asked_for(app: Flask) -> None:
    with app.app_context(), pytest.raises(UnknownJob, match=r"no\.such"):
        enqueue("no.such")


def test_a_job_for_a_tenant_says_which(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(ValueError, match="tenant job"):
            enqueue("tests.tenant", args=["x"])
        with pytest.raises(ValueError, match="platform job"):
            enqueue("tests.effect", "t_aaaaaaaaaaaaaaaa", ["x"])


@pytest.mark.parametrize(
    "bad", [1.5, ["x"], {"x": 1}, b"x", UUID(int=1), "x" * 201, "x\0", "x\ny", "\ud800", 2**63, object], ids=repr
)
def test_arguments_are_ids(app: Flask, mark: str, bad: Any) -> None:
    with app.app_context():
        with pytest.raises(BadArguments, match=r"tests\.halting: argument 2 is no id"), transaction():
            enqueue("tests.halting", args=[mark, bad])
        assert jobs_of(mark) == []


@pytest.mark.parametrize("good", ["x" * 200, "ö", "", str(UUID(int=1)), 0, -(2**63) + 1, True, None], ids=repr)
def test_control_an_id_comes_back_as_it_was(app: Flask, mark: str, good: Any) -> None:
    with app.app_context():
        with transaction():
            enqueue("tests.halting", args=[mark, good])
        (job,) = jobs_of(mark)
        db.session.refresh(job)
        assert job.args == [mark, good]
        assert type(job.args[1]) is type(good)


@pytest.mark.parametrize("args", [[], ["x", "y"]])
@pytest.mark.parametrize("name", ["tests.effect", "mail.deliver"])
def test_arguments_that_the_job_does_not_take_are_refused_where_it_is_asked_for(
    app: Flask, name: str, args: list[str]
) -> None:
    takes = "mark: str" if name == "tests.effect" else "mail_id: str"
    with app.app_context(), pytest.raises(BadArguments, match=rf"{name} takes \({takes}\), not {len(args)}"):
        enqueue(name, args=args)


def test_what_reaches_outside_has_to_take_them_too() -> None:
    def outside(_job: UUID, _one: str) -> None: ...

    def effect(_one: str, _two: str, _result: None) -> None: ...

    made = Handler("tests.two", effect, outside=outside)
    with pytest.raises(BadArguments):
        made.check(["x"])
    with pytest.raises(BadArguments):
        made.check(["x", "y"])
    Handler("tests.one", lambda _one, _result: None, outside=outside).check(["x"])  # the control


def test_both_functions_of_each_handler_take_the_same() -> None:
    for handler in registry.handlers():
        count = handler.takes.count(",") + bool(handler.takes.strip("()"))
        handler.check([None] * count)


@pytest.mark.parametrize("delay", [timedelta(hours=1), timedelta(0), timedelta(hours=-1)], ids=str)
@pytest.mark.parametrize("by", ["delay", "run_at"])
def test_a_job_has_its_time_by_the_databases_clock(app: Flask, mark: str, delay: timedelta, by: str) -> None:
    """A time that is past is now, so that nobody comes before those who have waited."""
    with app.app_context():
        now = db.session.scalars(sa.select(sa.func.now())).one()
        if by == "delay":
            enqueue("tests.effect", args=[mark], delay=delay)
        else:
            enqueue("tests.effect", args=[mark], run_at=now + delay)
        db.session.flush()
        (job,) = jobs_of(mark)
        assert (job.run_at, job.due_at) == (now + max(delay, timedelta(0)),) * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_at": datetime(2030, 1, 1)},  # noqa: DTZ001  that it has no zone is the point
        {"run_at": datetime.fromisoformat("2030-01-01T00:00Z"), "delay": timedelta(0)},
        {"queue": "slowly"},
        {"key": "x" * 201},
    ],
    ids=",".join,
)
def test_what_makes_no_sense_is_refused(app: Flask, mark: str, wrong: dict[str, Any]) -> None:
    with app.app_context():
        with pytest.raises(ValueError, match=r"time zone|no queue|a key has"):
            enqueue("tests.effect", args=[mark], **wrong)
        assert jobs_of(mark) == []


def test_a_job_waits_in_its_handlers_queue_or_in_another(app: Flask, mark: str) -> None:
    with app.app_context(), transaction():
        enqueue("tests.effect", args=[mark])
        enqueue("tests.effect", args=[mark], queue="webhooks")
        db.session.flush()
        assert sorted(job.queue for job in jobs_of(mark)) == ["fast", "webhooks"]


@pytest.mark.parametrize("state", OPEN)
def test_a_key_is_one_jobs_while_that_waits_or_runs(app: Flask, mark: str, state: JobState) -> None:
    assert asked_again(app, mark, state) == 1


@pytest.mark.parametrize("state", ENDED)
def test_control_a_key_is_free_again_when_its_job_has_ended(app: Flask, mark: str, state: JobState) -> None:
    assert asked_again(app, mark, state) == 2


def test_a_key_is_of_one_name_and_one_tenant(app: Flask, owner: Person, stranger: Person, mark: str) -> None:
    with app.app_context(), transaction():
        for _ in range(2):
            enqueue("tests.effect", args=[mark], key=mark)
            enqueue("tests.failing", args=[mark], key=mark)
            for tenant in (owner.tenant, stranger.tenant):
                enqueue("tests.tenant", tenant, [mark], key=mark)
        found = {(job.name, job.tenant) for job in jobs_of(mark)}
        assert len(jobs_of(mark)) == len(found) == 4


def test_whoever_asks_while_the_effect_of_a_job_with_the_key_is_on_its_way_does_not_wait(app: Flask, mark: str) -> None:
    assert asked_beside_an_effect(app, mark) == [[mark, "first"]]


def test_control_the_index_alone_would_make_them_wait(app: Flask, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_unless_there", lambda values: insert(Job).values(values))
    with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
        asked_beside_an_effect(app, mark)


def asked_beside_an_effect(app: Flask, mark: str) -> list[Any]:
    """A worker has marked the job done and not committed; who asks has next to no patience."""
    with app.app_context(), transaction():
        enqueue("tests.halting", args=[mark, "first"], key=mark)
        due = sa.func.now() + timedelta(hours=1)
        db.session.execute(sa.update(Job).where(Job.key == mark).values(state=JobState.RUNNING, due_at=due))
    with app.app_context():
        db.session.execute(sa.update(Job).where(Job.key == mark).values(state=JobState.DONE, due_at=None))
        with app.app_context(), transaction():
            db.session.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
            enqueue("tests.halting", args=[mark, "second"], key=mark)
    with app.app_context():
        return [job.args for job in jobs_of(mark)]


def test_whoever_asks_second_waits_for_the_first_and_adds_the_job_when_that_is_undone(app: Flask, mark: str) -> None:
    assert second_waits(app, mark, first_commits=False) == [[mark, "second"]]


def test_control_and_adds_nothing_when_it_is_not(app: Flask, mark: str) -> None:
    assert second_waits(app, mark, first_commits=True) == [[mark, "first"]]


def test_two_who_ask_at_once_with_one_key_get_one_job(alone: Flask) -> None:
    mark = unique()
    assert asked_at_once(alone, mark) == 1


@pytest.mark.parametrize("off", ["the index", "looking at it"])
def test_control_without_the_unique_index_they_get_two(alone: Flask, monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    """Where only the clause is gone that minds the index, the second is an error and still no job.

    The look at what is there already is off as well: it would hide this where one comes a bit later.
    """
    mark = unique()
    monkeypatch.setattr(service, "_once", lambda row: row)
    monkeypatch.setattr(service, "_unless_there", lambda values: insert(Job).values(values))
    if off == "looking at it":
        with pytest.raises(sa.exc.IntegrityError, match="jobs_key_ix"):
            asked_at_once(alone, mark)
        return
    with changed(alone, "DROP INDEX platform.jobs_key_ix"):
        assert asked_at_once(alone, mark) == 2


class changed:  # noqa: N801  reads as what holds inside
    """As the administrator; the index is made again at the end."""

    def __init__(self, app: Flask, statement: str) -> None:
        self.app, self.statement = app, statement

    def __enter__(self) -> None:
        with self.app.app_context():
            (index,) = (index for index in Job.__table__.indexes if index.name in self.statement)
            self.again = str(sa.schema.CreateIndex(index).compile(dialect=db.engine.dialect))
        self._run(self.statement)

    def __exit__(self, *_: object) -> None:
        self._run("DELETE FROM platform.jobs")
        self._run(self.again)

    def _run(self, statement: str) -> None:
        with self.app.app_context(), administrator() as connection:
            connection.execute(sa.text(statement))


def asked_again(app: Flask, mark: str, state: JobState) -> int:
    """Ask, bring the job into a state, ask again: how many there are then."""
    with app.app_context():
        with transaction():
            enqueue("tests.effect", args=[mark], key=mark)
            due = sa.func.now() + timedelta(hours=1) if state in OPEN else None
            db.session.execute(sa.update(Job).where(Job.key == mark).values(state=state, due_at=due))
        with transaction():
            enqueue("tests.effect", args=[mark], key=mark)
        return len(jobs_of(mark))


def second_waits(app: Flask, mark: str, *, first_commits: bool) -> list[Any]:
    """The first has asked and not ended when the second asks; the arguments of what is there at the end."""
    asked, end = threading.Event(), threading.Event()

    def first() -> None:
        with app.app_context():
            enqueue("tests.halting", args=[mark, "first"], key=mark)
            asked.set()
            assert end.wait(20)
            if first_commits:
                db.session.commit()

    def second() -> None:
        assert asked.wait(20)
        with app.app_context(), transaction():
            enqueue("tests.halting", args=[mark, "second"], key=mark)

    def watch() -> None:
        eventually(lambda: waits_for_a_key(app))
        end.set()

    together(first, second, watch)
    with app.app_context():
        return [job.args for job in jobs_of(mark)]


def waits_for_a_key(app: Flask) -> bool:
    """Somebody waits for the end of a transaction that has the key they want."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"
        " AND query LIKE 'INSERT INTO platform.jobs%ON CONFLICT%'"
    )
    return bool(database.sql(app, waiting))


def asked_at_once(app: Flask, mark: str) -> int:
    """Both have asked before either commits, where nothing makes one wait."""

    def ask() -> None:
        with app.app_context(), transaction():
            enqueue("tests.effect", args=[mark], key=mark)

    together(ask, ask)
    return database.sql(app, "SELECT count(*) FROM platform.jobs WHERE key = :mark", mark=mark)[0][0]


def jobs_of(mark: str) -> list[Job]:
    return list(db.session.scalars(sa.select(Job).where(Job.args[0].astext == mark)))


def forget(app: Flask, mark: str) -> None:
    database.sql(app, "DELETE FROM platform.jobs WHERE args->>0 = :mark", mark=mark)
