"""Each tick of a periodic job is one row, whoever looks and however late."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects.postgresql import insert

from saas.core.administrator import administrator
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, registry, schedules, steering
from saas.core.jobs.models import JobSchedule
from saas.core.jobs.registry import Handler
from tests.support import database
from tests.support.live import eventually
from tests.support.people import unique
from tests.support.threads import together

EVERY = 1_000_000  # seconds: no tick falls into a test, except into one in a million

Periodic = Callable[..., Handler]


@pytest.fixture
def periodic(monkeypatch: pytest.MonkeyPatch) -> Periodic:
    """A periodic job that alone is in the registry; its name is its own, so that what it leaves disturbs nobody."""

    def make(**options: Any) -> Handler:
        times = options if "cron" in options else {"every": EVERY, **options}
        made = Handler(f"tests.{unique()}", lambda: None, **times)
        monkeypatch.setattr(registry, "handlers", lambda: [made])
        return made

    return make


@pytest.fixture
def here(app: Flask, periodic: Periodic) -> Iterator[Flask]:
    """The application, with nothing left of these jobs afterwards."""
    yield app
    names = [handler.name for handler in registry.handlers() if handler.name.startswith("tests.")]
    with app.app_context(), transaction():
        for model in (Job, JobSchedule):
            db.session.execute(sa.delete(model).where(model.name.in_(names)))


def test_a_new_job_that_runs_every_so_often_begins_at_once(here: Flask, periodic: Periodic) -> None:
    handler = periodic()
    assert [tick(here), tick(here)] == [1, 0]
    (job,) = rows(here, handler)
    assert job.run_at == job.created_at, "it is not late, since nobody knew of it before"


def test_a_tick_is_a_job_of_the_platforms_at_its_time(here: Flask, periodic: Periodic) -> None:
    handler = periodic()
    missed(here, handler, 1)
    assert [tick(here), tick(here)] == [1, 0]
    (job,) = rows(here, handler)
    number = seconds(here) // EVERY
    assert job.tick == f"{handler.name}@{number}"
    assert (job.args, job.tenant, job.state, job.queue) == ([], None, JobState.WAITING, "fast")
    assert int(job.run_at.timestamp()) == number * EVERY, "its time is the tick's, so that its lateness shows"


def test_a_new_job_that_has_its_time_of_day_waits_for_it(here: Flask, periodic: Periodic) -> None:
    handler = periodic(cron="0 0 1 1 *", zone="Europe/Berlin")
    assert tick(here) == 0
    looked(here, handler, datetime.fromisoformat("2025-12-31T22:59:59Z"))
    assert tick(here) == 1
    (job,) = rows(here, handler)
    assert job.tick == f"{handler.name}@{job.run_at.year}-12-31T23:00Z"


@pytest.mark.parametrize(("how", "added"), [("skip", 1), ("catch_up", 7)])
def test_of_the_ticks_that_were_missed_the_newest_is_made_up_for_or_each(
    here: Flask, periodic: Periodic, how: str, added: int
) -> None:
    handler = periodic(missed=how)
    missed(here, handler, 7)
    assert [tick(here), tick(here)] == [added, 0]
    newest = seconds(here) // EVERY
    assert [job.tick for job in rows(here, handler)] == [
        f"{handler.name}@{number}" for number in range(newest - added + 1, newest + 1)
    ]


def test_a_long_gap_is_caught_up_with_bit_by_bit(here: Flask, periodic: Periodic) -> None:
    handler = periodic(missed="catch_up")
    missed(here, handler, 250)
    assert [tick(here) for _ in range(4)] == [100, 100, 50, 0]
    assert len({job.tick for job in rows(here, handler)}) == 250


@pytest.mark.parametrize(("how", "added"), [("skip", 1), ("catch_up", 3)])
def test_a_paused_schedule_has_no_ticks_and_has_missed_them(
    here: Flask, periodic: Periodic, how: str, added: int
) -> None:
    handler = periodic(missed=how)
    missed(here, handler, 0)
    assert [steer(here, steering.pause_schedule, handler.name) for _ in range(2)] == [True, False]
    missed(here, handler, 3)
    assert tick(here) == 0
    assert [steer(here, steering.resume_schedule, handler.name) for _ in range(2)] == [True, False]
    assert tick(here) == added


def test_a_look_that_finds_nothing_still_says_that_a_dispatcher_is_there(here: Flask, periodic: Periodic) -> None:
    """Once a minute, since a paused job or a rare one would look like no dispatcher else."""
    handler = periodic(cron="0 0 1 1 *")
    for ago, told in ((50, False), (70, True)):
        with here.app_context(), transaction():
            long_since = sa.func.now() - timedelta(seconds=ago)
            row = insert(JobSchedule).values(name=handler.name, looked_at=long_since)
            db.session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"looked_at": long_since}))
        assert tick(here) == 0
        with here.app_context():
            late = sa.select(sa.func.now() - JobSchedule.looked_at).where(JobSchedule.name == handler.name)
            assert (db.session.scalars(late).one() < timedelta(seconds=30)) is told


def test_a_job_may_be_paused_before_its_first_tick(here: Flask, periodic: Periodic) -> None:
    handler = periodic()
    steer(here, steering.pause_schedule, handler.name)
    assert tick(here) == 0
    with pytest.raises(LookupError, match="no periodic job"):
        steer(here, steering.pause_schedule, "tests.effect")


@pytest.mark.parametrize("how", ["skip", "catch_up"])
def test_two_dispatchers_that_look_at_the_same_moment_add_each_tick_once(
    alone: Flask, periodic: Periodic, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    handler = periodic(missed=how)
    missed(alone, handler, 40)
    expected = 1 if how == "skip" else 40
    assert sum(both_look(alone, monkeypatch)) == expected
    assert len(rows(alone, handler)) == expected
    assert tick(alone) == 0


def test_control_without_the_unique_tick_they_add_each_twice(
    alone: Flask, periodic: Periodic, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = periodic(missed="catch_up")
    missed(alone, handler, 40)
    monkeypatch.setattr(schedules, "_once", lambda row: row)
    owner_of(alone, "ALTER TABLE platform.jobs DROP CONSTRAINT jobs_tick_key")
    try:
        both_look(alone, monkeypatch)
        assert len(rows(alone, handler)) == 80
    finally:
        owner_of(alone, "DELETE FROM platform.jobs")
        owner_of(alone, "ALTER TABLE platform.jobs ADD CONSTRAINT jobs_tick_key UNIQUE (tick)")


def test_a_dispatcher_that_was_slow_puts_nothing_back(here: Flask, periodic: Periodic) -> None:
    """What it has read is older than what another has written meanwhile."""
    handler = periodic(missed="catch_up")
    tick(here)
    before = database.sql(here, "SELECT looked_at FROM platform.job_schedules WHERE name = :name", name=handler.name)
    with here.app_context(), transaction():
        schedules._looked(handler.name, before[0].looked_at - timedelta(days=1))
    after = database.sql(here, "SELECT looked_at FROM platform.job_schedules WHERE name = :name", name=handler.name)
    assert after == before
    assert tick(here) == 0


def test_a_dispatcher_does_not_wait_long_for_another(
    here: Flask, periodic: Periodic, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = periodic()
    hurried(monkeypatch, "'2s'")
    missed(here, handler, 1)
    same = f"{handler.name}@{seconds(here) // EVERY}"
    with here.app_context():
        db.session.add(Job(name=handler.name, args=[], queue="fast", limit_seconds=60, max_tries=8, tick=same))
        db.session.flush()
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            tick(here)
        db.session.rollback()
    assert tick(here) == 1  # the control


def test_one_that_stands_still_in_its_look_loses_its_locks(
    here: Flask, periodic: Periodic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its machine stops: the server undoes what it has begun."""
    handler = periodic()
    missed(here, handler, 1)
    mine = sa.text("SELECT pg_backend_pid()")

    def stand_still(_name: str, _at: datetime) -> None:
        pid = db.session.scalar(mine)
        eventually(lambda: not database.sql(here, "SELECT 1 FROM pg_stat_activity WHERE pid = :pid", pid=pid))

    with monkeypatch.context() as still:
        hurried(still, "'5s'")
        still.setattr(schedules, "_looked", stand_still)
        with pytest.raises(sa.exc.DBAPIError):
            tick(here)
    assert rows(here, handler) == []
    assert tick(here) == 1


def test_only_periodic_jobs_are_looked_at(here: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Handler("tests.asked", print)
    often = Handler("tests.often", print, every=60)
    monkeypatch.setattr(registry, "handlers", lambda: [often, asked])
    assert schedules.periodic() == [often]
    at = datetime.fromisoformat("2026-11-23T12:00:30Z")
    assert f"{schedules.next_tick(often, at):%H:%M:%S}" == "12:01:00"
    with pytest.raises(LookupError, match=r"tests\.asked is no periodic job"):
        schedules.next_tick(asked, at)


def hurried(monkeypatch: pytest.MonkeyPatch, patience: str) -> None:
    """A dispatcher whose patience is soon at its end."""
    assert patience in schedules._IMPATIENT.text
    short = schedules._IMPATIENT.text.replace(patience, "'50ms'")
    monkeypatch.setattr(schedules, "_IMPATIENT", sa.text(short))


def both_look(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two dispatchers, each of which has read what there is before either has written."""
    read, known = threading.Barrier(2), schedules.periodic

    def when_both_have_read() -> list[Handler]:
        read.wait(20)
        return known()

    monkeypatch.setattr(schedules, "periodic", when_both_have_read)
    added = together(lambda: tick(app), lambda: tick(app))
    monkeypatch.setattr(schedules, "periodic", known)
    return added


def tick(app: Flask) -> int:
    with app.app_context():
        return schedules.tick()


def steer(app: Flask, action: Callable[[str], bool], name: str) -> bool:
    with app.app_context(), transaction():
        return action(name)


def missed(app: Flask, handler: Handler, ticks: int) -> None:
    """Nobody has looked for so many of its ticks."""
    since = (seconds(app) // EVERY - ticks) * EVERY
    with app.app_context(), transaction():
        row = insert(JobSchedule).values(name=handler.name, looked_at=sa.func.to_timestamp(since))
        again = {"looked_at": row.excluded.looked_at}
        db.session.execute(row.on_conflict_do_update(index_elements=["name"], set_=again))


def owner_of(app: Flask, statement: str) -> None:
    """As the owner of the platform's tables."""
    with app.app_context(), administrator() as connection:
        connection.execute(sa.text(statement))


def looked(app: Flask, handler: Handler, at: datetime) -> None:
    with app.app_context(), transaction():
        db.session.execute(sa.update(JobSchedule).where(JobSchedule.name == handler.name).values(looked_at=at))


def seconds(app: Flask) -> int:
    return int(database.sql(app, "SELECT extract(epoch FROM now())::bigint AS s")[0].s)


def rows(app: Flask, handler: Handler) -> list[Job]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Job).where(Job.name == handler.name).order_by(Job.tick)))
