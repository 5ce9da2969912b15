"""Two dispatchers add and send each tick of a periodic job once, and go on when others are killed or stand still."""

import re
import secrets
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from saas.core.jobs import dispatcher, registry, schedules, times
from saas.core.jobs.dispatcher import Dispatcher
from saas.core.jobs.present import BEATS
from saas.core.jobs.sending import Line
from saas.core.settings import Settings
from tests.support import counts, database, ticking
from tests.support.database import sql
from tests.support.killing import jobs, processes
from tests.support.killing.fates import TICKING, Fate
from tests.support.killing.processes import DISPATCH, Nursery, Process, until
from tests.support.live import eventually
from tests.support.threads import together
from tests.support.waiting import clear

TICKS = 1_000 if counts.FULL else 40
LATE = 30.0  # seconds
HELD_UP = 8.0  # seconds: more than a dispatcher holds up the others that stands still

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Of a database and a queue that nobody else uses."""
    made = database.empty_database(request.config, settings)
    return made.model_copy(update={"redis_url": database.own_queue(settings, 3)})


@pytest.fixture(scope="module")
def alone(own: Settings) -> Iterator[Flask]:
    with database.application(own) as app:
        database.migrate(app)
        yield app


@pytest.fixture
def redis(alone: Flask, own: Settings) -> Iterator[Redis]:
    """Where one who takes all that there is says so, and takes nothing."""
    clear(alone)
    with dispatcher.connect(own.redis_url) as client:
        client.flushdb()
        client.zadd(BEATS.format("fast"), {f"worker-{number}": 2**40 for number in range(TICKS)})
        yield client
        client.flushdb()
    clear(alone)


@pytest.fixture(scope="module")
def nursery(alone: Flask, own: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Of dispatchers."""
    with processes.nursery(own, "http://localhost:8000", "", tmp_path_factory.mktemp("ticks")) as made:
        yield made


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all periodic jobs there is one, and each look at it adds one tick: so two race for each of them."""
    (only,) = (handler for handler in registry.handlers() if handler.name == ticking.NAME)
    monkeypatch.setattr(schedules, "periodic", lambda: [only])
    monkeypatch.setattr(schedules, "MOST_AT_ONCE", 1)


def test_two_dispatchers_send_each_tick_once(alone: Flask, redis: Redis, record_property: Tell) -> None:
    added, told = race(alone, redis)
    print(f"{len(added)} ticks, {added.total()} rows, {told} messages")
    record_property("tried", len(added))
    record_property("leaks", added.total() - len(added))
    assert len(added) == added.total() == told >= TICKS
    assert without_a_gap(added)


def test_control_without_the_unique_tick_some_are_added_twice(
    alone: Flask, redis: Redis, record_property: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = times.Every.named
    monkeypatch.setattr(times.Every, "named", lambda self, at: f"{named(self, at)}-{secrets.token_hex(4)}")
    added, _ = race(alone, redis)
    doubled = sum(number > 1 for number in added.values())
    print(f"{len(added)} ticks, {doubled} of them doubled")
    record_property("control leaked", doubled)
    assert doubled > TICKS // 20


def test_dispatchers_killed_at_any_moment_or_in_a_tick_and_one_that_stands_still_in_it_make_none_late(
    alone: Flask, redis: Redis, nursery: Nursery, record_property: Tell
) -> None:
    forget(alone)
    with dispatching(nursery, None, None) as (first, _second):
        go_on(alone)
        first.kill()
        go_on(alone)
    with dispatching(nursery, Fate(TICKING, jobs.TICK)) as (killed,):
        eventually(lambda: killed.pid in nursery.struck())
        assert killed.wait() == -signal.SIGKILL
    with dispatching(nursery, Fate(TICKING, jobs.TICK, whole=False, by=signal.SIGSTOP)) as (still,):
        eventually(lambda: still.pid in nursery.struck())
        with dispatching(nursery, None):
            go_on(alone)
        assert still.running()
    added, late = ticks(alone, jobs.TICK), max(lateness(alone))
    print(f"{len(added)} ticks, the latest by {late:.2f} s")
    record_property("tried", len(added))
    record_property("faults", 3)
    record_property("leaks", added.total() - len(added))
    assert len(added) == added.total()
    assert without_a_gap(added)
    assert late <= LATE


def test_control_one_that_stands_still_in_a_tick_without_bounds_holds_up_all(
    alone: Flask, redis: Redis, nursery: Nursery, record_property: Tell
) -> None:
    forget(alone)
    with dispatching(nursery, None):
        go_on(alone, 1)
    fate = Fate(TICKING, jobs.TICK, whole=False, by=signal.SIGSTOP, patient=True)
    with dispatching(nursery, fate) as (still,):
        eventually(lambda: still.pid in nursery.struck())
        added = len(lateness(alone))
        with dispatching(nursery, None):
            assert not until(lambda: len(lateness(alone)) > added, HELD_UP)
    record_property("tried", 1)
    record_property("control leaked", 1)


@contextmanager
def dispatching(nursery: Nursery, *fates: Fate | None) -> Iterator[list[Process]]:
    """A dispatcher for each of them; at the end all are killed."""
    started = [nursery.start("dispatcher", DISPATCH, fate) for fate in fates]
    try:
        yield started
    finally:
        for process in started:
            process.kill()


def go_on(app: Flask, ticks: int = 2) -> None:
    """Until so many more ticks are sent."""
    before = sent(app)
    eventually(lambda: sent(app) >= before + ticks)


def race(app: Flask, redis: Redis) -> tuple["Counter[str]", int]:
    """Two dispatchers go round at the same moments, until they have caught up with all ticks.

    Returns how many rows each tick has, and how many messages lie in RQ.
    """
    since = "SELECT :name, to_timestamp(floor(extract(epoch FROM now()))) - :ticks * interval '1 second'"
    sql(app, f"INSERT INTO platform.job_schedules (name, looked_at) {since}", name=ticking.NAME, ticks=TICKS)
    with dispatcher.connect(app.extensions["freehold.settings"].redis_url) as other:
        rivals = [Dispatcher(Line(client)) for client in (redis, other)]
        for _ in range(TICKS):
            together(*[lambda rival=rival: go_round(app, rival) for rival in rivals])
    sql(app, "DELETE FROM platform.job_schedules")
    return ticks(app), messages(redis)


def go_round(app: Flask, rival: Dispatcher) -> None:
    rival._looks_at = 0.0
    with app.app_context():
        rival.round()


def forget(app: Flask) -> None:
    clear(app)
    sql(app, "DELETE FROM platform.job_schedules")


def ticks(app: Flask, name: str = ticking.NAME) -> "Counter[str]":
    """By their numbers."""
    rows = sql(app, "SELECT tick FROM platform.jobs WHERE tick LIKE :name", name=f"{name}@%")
    return Counter(re.findall(r"@(\d+)", row.tick)[0] for row in rows)


def without_a_gap(added: "Counter[str]") -> bool:
    numbers = sorted(map(int, added))
    return numbers == list(range(numbers[0], numbers[0] + added.total()))


def sent(app: Flask) -> int:
    query = "SELECT count(*) AS n FROM platform.jobs WHERE name = :name AND state = 'leased'"
    return int(sql(app, query, name=jobs.TICK)[0].n)


def lateness(app: Flask) -> list[float]:
    """By how many seconds each tick was late."""
    query = "SELECT extract(epoch FROM created_at - run_at) AS late FROM platform.jobs WHERE name = :name"
    return [row.late for row in sql(app, query, name=jobs.TICK)]


def messages(redis: Redis) -> int:
    return len(Queue("fast", connection=redis))
