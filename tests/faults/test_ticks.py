"""Two dispatchers add and send each tick of a periodic job once, and go on when one of them is killed."""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

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
from tests.support.live import Running, eventually
from tests.support.threads import together
from tests.support.waiting import clear

TICKS = 1_000 if counts.FULL else 40
LATE = 30.0  # seconds
DISPATCHER = ("-m", "tests.support.ticking")

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


def test_a_killed_dispatcher_makes_no_tick_late(
    alone: Flask, own: Settings, redis: Redis, tmp_path: Path, record_property: Tell
) -> None:
    stack = Running(own, "http://localhost:8000", tmp_path)
    first, second = (stack.spawn(f"dispatcher-{number}", *DISPATCHER) for number in range(2))
    try:
        for number in range(2):
            eventually(lambda: "dispatcher.started" in stack.log(f"dispatcher-{number}"))  # noqa: B023  asked at once
        eventually(lambda: sent(alone) >= 1)
        first.kill()
        first.wait()
        begun = sent(alone)
        eventually(lambda: sent(alone) >= begun + 3)
    finally:
        second.kill()
        second.wait()
    added = ticks(alone)
    latest = "SELECT max(extract(epoch FROM created_at - run_at)) AS late FROM platform.jobs WHERE name = :name"
    ((late,),) = sql(alone, latest, name=ticking.NAME)
    print(f"{len(added)} ticks, the latest by {late:.2f} s")
    record_property("faults", 1)
    assert without_a_gap(added)
    assert late <= LATE


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


def ticks(app: Flask) -> "Counter[str]":
    """By their numbers."""
    rows = sql(app, "SELECT tick FROM platform.jobs WHERE tick LIKE :name", name=f"{ticking.NAME}@%")
    return Counter(re.findall(r"@(\d+)", row.tick)[0] for row in rows)


def without_a_gap(added: "Counter[str]") -> bool:
    numbers = sorted(map(int, added))
    return numbers == list(range(numbers[0], numbers[0] + added.total()))


def sent(app: Flask) -> int:
    query = "SELECT count(*) AS n FROM platform.jobs WHERE name = :name AND state = 'leased'"
    return int(sql(app, query, name=ticking.NAME)[0].n)


def messages(redis: Redis) -> int:
    return len(Queue("fast", connection=redis))
