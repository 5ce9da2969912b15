"""What the dispatcher does between the table and RQ, and what becomes of what is lost on the way."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue

from saas.core.database import db
from saas.core.jobs import dispatcher, expiry, schedules, turns
from saas.core.jobs.dispatcher import AHEAD, Dispatcher
from saas.core.jobs.leasing import Leased
from saas.core.jobs.present import BEATS
from saas.core.jobs.sending import Line
from saas.core.settings import Settings
from tests.support import jobs as _registered  # noqa: F401
from tests.support.database import own_queue, sql
from tests.support.threads import statements
from tests.support.waiting import KNOWN, add, clear, states

NOWHERE = "redis://127.0.0.1:1/0"
CROWD = 100


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """Where no worker listens, but two say so for each queue."""
    client = dispatcher.connect(own_queue(settings, 1))
    client.flushdb()
    for queue in ("fast", "slow", "webhooks"):
        client.zadd(BEATS.format(queue), {f"{queue}-{n}": 2**40 for n in range(2)})
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(autouse=True)
def _own(alone: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(schedules, "tick", lambda: None)  # the platform's own would be due, too
    clear(alone)
    yield
    clear(alone)


class Going:
    """A dispatcher whose rounds a test makes by hand; it looks around in each."""

    def __init__(self, app: Flask, redis: Redis) -> None:
        self.app, self.dispatcher = app, Dispatcher(Line(redis))

    def round(self, *, looks: bool = True) -> bool:
        if looks:
            self.dispatcher._looks_at = 0.0
        with self.app.app_context():
            return self.dispatcher.round()


def test_what_is_due_is_sent_in_the_order_of_its_turn(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 5, ago=60)
    add(alone, "t_b", 2)
    add(alone, None, 1, queue="slow")
    going = Going(alone, redis)
    assert not going.round()
    assert [job.id.split("-")[2] for job in messages(redis)] == ["t_a", "t_b", "t_a", "t_b", "t_a", "t_a", "t_a"]
    assert len(messages(redis, "slow")) == 1
    assert states(alone) == {"leased": 8}
    going.round()
    assert states(alone) == {"leased": 8}


def test_rq_shows_a_job_by_its_name_and_tenant(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 1, name="tests.tenant")
    Going(alone, redis).round()
    (job,) = messages(redis)
    assert (job.func_name, job.description) == ("tests.support.jobs.in_tenant", "tests.tenant for t_a")
    assert job.id.startswith("tests-tenant-t_a-")
    assert (job.timeout, job.result_ttl) == (60, 0)


def test_without_redis_what_was_leased_is_handed_back(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 3)
    going = Going(alone, redis)
    going.round()
    add(alone, "t_a", 2)
    with dispatcher.connect(NOWHERE) as nowhere:
        going.dispatcher._line = Line(nowhere)
        with pytest.raises(RedisError, match="refused"):
            going.round(looks=False)
    assert states(alone) == {"leased": 3, "waiting": 2}
    going.dispatcher._line = Line(redis)
    going.round(looks=False)
    assert states(alone) == {"leased": 5}


def test_whatever_goes_wrong_it_is_handed_back_and_the_dispatcher_stays(
    alone: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Line, _leased: Sequence[Leased]) -> None:
        raise AttributeError("on purpose")

    add(alone, "t_a", 3)
    going = Going(alone, redis)
    monkeypatch.setattr(Line, "send", fail)
    with structlog.testing.capture_logs() as log:
        assert dispatcher._go_round(alone, going.dispatcher) == dispatcher.WAITING_SECONDS
    assert [line["event"] for line in log] == ["dispatcher.failed"]
    assert states(alone) == {"waiting": 3}


def test_control_a_dispatcher_that_dies_before_it_sends_hands_nothing_back(
    alone: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it leased comes back all the same: no worker will ever hear of it, and a look at Redis tells."""
    add(alone, "t_a", 3)
    monkeypatch.setattr(Line, "send", lambda _self, _leased: None)
    going = Going(alone, redis)
    going.round()
    monkeypatch.undo()
    monkeypatch.setattr(schedules, "tick", lambda: None)
    going.round()
    assert (states(alone), messages(redis)) == ({"leased": 3}, [])  # it may still be on its way
    passes(alone, expiry.ON_THE_WAY)
    going.round()
    assert [job.args[1] for job in messages(redis)] == [2, 2, 2]


def test_after_redis_was_wiped_all_is_sent_again_and_nothing_before(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 3)
    going = Going(alone, redis)
    going.round()
    passes(alone, expiry.ON_THE_WAY)
    going.round()
    assert leases(alone) == [1, 1, 1]
    redis.flushdb()
    redis.zadd(BEATS.format("fast"), {"came": 2**40})
    going.round()
    assert (leases(alone), len(messages(redis))) == ([2, 2, 2], 3)


def test_a_lease_in_a_queue_that_only_a_newer_version_has_is_left_to_that(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 1, queue="reports", state="leased", ago=60)
    add(alone, "t_b", 1)
    Going(alone, redis).round()
    assert sorted(sql(alone, "SELECT queue, state, lease FROM platform.jobs")) == [
        ("fast", "leased", 1),
        ("reports", "leased", 0),
    ]


def test_the_platform_and_tenants_take_turns_where_one_job_lies_before_one_worker(alone: Flask, redis: Redis) -> None:
    redis.zrem(BEATS.format("slow"), "slow-1")
    for tenant in (None, "t_a", "t_b"):
        add(alone, tenant, 10, queue="slow")
    going, order = Going(alone, redis), list[str]()
    for _ in range(12):
        going.round(looks=not order)
        going.round(looks=False)  # there is no room: that is nobody's turn
        going.dispatcher._full_until.clear()
        ((whose, _),) = sql(
            alone,
            "UPDATE platform.jobs SET state = 'done', due_at = NULL, finished_at = now() WHERE state = 'leased'"
            " RETURNING coalesce(tenant, 'ours'), lease",
        )
        order.append(whose)
    assert order == ["ours", "t_a", "ours", "t_b"] * 3


def test_however_often_a_job_is_sent_for_nobody_it_has_all_its_tries(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 1)
    going = Going(alone, redis)
    for _ in range(10):
        going.round()
        redis.delete("rq:queue:fast")
        passes(alone, turns.WAIT_SECONDS)
    assert sql(alone, "SELECT state, lease, tries FROM platform.jobs") == [("leased", 10, 0)]


def test_a_job_that_lies_in_its_queue_for_long_keeps_its_lease(alone: Flask, redis: Redis) -> None:
    """It would lose its place in the queue each time, and so might never be done where all takes long."""
    add(alone, "t_a", 2)
    going = Going(alone, redis)
    going.round()
    for _ in range(3):
        passes(alone, turns.WAIT_SECONDS)
        going.round()
    assert (leases(alone), len(messages(redis))) == ([1, 1], 2)


def test_one_that_was_taken_up_and_not_begun_is_sent_again_when_its_lease_ends(alone: Flask, redis: Redis) -> None:
    """As when a worker is killed right after it took it: RQ still knows the job, in a list that nobody works on."""
    add(alone, "t_a", 1)
    going = Going(alone, redis)
    going.round()
    redis.lmove("rq:queue:fast", "rq:queue:fast:intermediate")
    passes(alone, expiry.ON_THE_WAY)
    going.round()
    assert leases(alone) == [1]
    passes(alone, turns.WAIT_SECONDS)
    going.round()
    assert leases(alone) == [2]


@pytest.mark.parametrize(
    ("row", "state"),
    [({"tries": 1}, "leased"), ({"tries": 3}, "dead"), ({"tries": 1, "cancel_asked": True}, "cancelled")],
)
def test_a_job_whose_worker_was_lost_waits_for_another_while_it_has_tries(
    alone: Flask, redis: Redis, row: dict[str, Any], state: str
) -> None:
    add(alone, "t_a", 1)
    going = Going(alone, redis)
    going.round()
    columns = ", ".join(f"{name} = :{name}" for name in row)
    sql(alone, f"UPDATE platform.jobs SET state = 'running', due_at = now() + interval '9 s', {columns}", **row)
    going.round()
    assert states(alone) == {"running": 1}
    passes(alone, 9)
    with structlog.testing.capture_logs() as log:
        going.round()
    ((found, error, ended, told),) = sql(
        alone,
        "SELECT state, error, finished_at IS NOT NULL AND due_at IS NULL, "
        "(SELECT string_agg(kind || ': ' || text, ',') FROM platform.job_events) FROM platform.jobs",
    )
    assert (found, error, ended, told) == (state, expiry.LOST_TEXT, state != "leased", f"lost: {expiry.LOST_TEXT}")
    assert [(line["event"], line["name"]) for line in log] == [("job.lost", KNOWN)]


def test_a_lost_job_is_cancelled_by_a_wish_that_came_while_its_row_was_locked(alone: Flask, redis: Redis) -> None:
    """Such a wish is in the timeline alone; one from before it was retried is of the past."""
    add(alone, "t_a", 2)
    going = Going(alone, redis)
    going.round()
    sql(alone, "UPDATE platform.jobs SET state = 'running', tries = max_tries, due_at = now()")
    wished, retried = (row.id for row in sql(alone, "SELECT id FROM platform.jobs"))
    for job, kind in ((wished, "cancel asked"), (retried, "cancel asked"), (retried, "retried")):
        sql(alone, "INSERT INTO platform.job_events (job, kind, text) VALUES (:job, :kind, 'mine')", job=job, kind=kind)
    going.round()
    found = sql(alone, "SELECT id, state, reason FROM platform.jobs ORDER BY state")
    assert [tuple(row) for row in found] == [(wished, "cancelled", "mine"), (retried, "dead", None)]


def test_a_job_that_its_worker_is_about_to_commit_is_not_lost(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 1)
    going = Going(alone, redis)
    going.round()
    sql(alone, "UPDATE platform.jobs SET state = 'running', tries = 1, due_at = now()")
    with alone.app_context(), db.engine.connect() as worker:
        worker.execute(sa.text("UPDATE platform.jobs SET state = 'done', due_at = NULL"))
        going.round()
        worker.commit()
    assert states(alone) == {"done": 1}


def test_where_no_worker_is_jobs_stay_in_the_table(alone: Flask, redis: Redis) -> None:
    crowd(alone)
    redis.flushdb()
    going = Going(alone, redis)
    redis.zadd(BEATS.format("fast"), {"gone": redis.time()[0] - 1})
    going.round()
    assert states(alone) == {"waiting": CROWD}
    redis.zadd(BEATS.format("fast"), {"came": redis.time()[0] + 15})
    going.round()
    assert states(alone) == {"waiting": CROWD - AHEAD["fast"], "leased": AHEAD["fast"]}


def test_a_stock_worker_that_has_registered_is_one(alone: Flask, redis: Redis) -> None:
    """A killed one is still on RQ's list, but what it told of itself is gone after a while."""
    crowd(alone)
    redis.flushdb()
    redis.sadd("rq:workers:fast", "rq:worker:gone", "rq:worker:there")
    going = Going(alone, redis)
    going.round()
    assert states(alone) == {"waiting": CROWD}
    redis.hset("rq:worker:there", "state", "idle")
    going.round()
    assert states(alone)["leased"] == AHEAD["fast"]


def test_no_more_lies_in_rq_than_its_workers_soon_do(
    alone: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "FULL_SECONDS", 3600.0)
    for queue in AHEAD:
        crowd(alone, queue)
    going = Going(alone, redis)
    for _ in range(3):
        going.round(looks=False)
    assert {queue: len(messages(redis, queue)) for queue in AHEAD} == {queue: 2 * n for queue, n in AHEAD.items()}
    begun = sql(alone, "UPDATE platform.jobs SET state = 'running' WHERE state = 'leased' RETURNING id")
    going.round(looks=False)
    assert "leased" not in states(alone)  # a full queue is left alone for a moment
    going.dispatcher._full_until.clear()
    going.round(looks=False)
    assert states(alone)["leased"] == len(begun)  # they are at work, and as many again lie ready


def test_a_batch_is_one_trip_to_redis_and_a_round_without_one_is_none(
    alone: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = Going(alone, redis)
    going.round()
    add(alone, None, 5)
    going.round()  # RQ asks once which server it talks to
    trips = counted(monkeypatch)
    with statements(alone) as said:
        going.round(looks=False)
    assert (trips, len(said)) == ([], 1)
    for queue in AHEAD:
        add(alone, "t_a", 5, queue=queue)
    with statements(alone) as said:
        going.round(looks=False)
    assert (trips, len(said)) == (["pipeline"], 4)
    assert states(alone)["leased"] > 10


def test_a_duty_that_fails_keeps_nothing_else_from_being_done(
    alone: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(schedules, "tick", fail)
    add(alone, "t_a", 3)
    with structlog.testing.capture_logs() as log:
        Going(alone, redis).round()
    assert [line["event"] for line in log] == ["dispatcher.failed"]
    assert states(alone) == {"leased": 3}


def test_what_is_kept_for_somebody_who_knows_it_is_logged(alone: Flask, redis: Redis) -> None:
    add(alone, "t_a", 3, name="tests.newer", ago=5)
    with structlog.testing.capture_logs() as log:
        Going(alone, redis).round()
    assert [(line["event"], line["name"], line["queue"]) for line in log] == [("job.unknown", "tests.newer", "fast")]


def test_its_client_waits_a_second_and_asks_once(settings: Settings) -> None:
    with dispatcher.connect(settings.redis_url) as client:
        connection = client.connection_pool.make_connection()
        assert (connection.socket_timeout, connection.socket_connect_timeout) == (1, 1)
        assert connection.retry.get_retries() == 0
        assert client.get_retry() is None


def crowd(app: Flask, queue: str = "fast") -> None:
    """As many jobs as no worker takes at once, of so many tenants that none of their caps counts."""
    for number in range(25):
        add(app, f"t_{number}", CROWD // 25, queue=queue)


def messages(redis: Redis, queue: str = "fast") -> list[Any]:
    return Queue(queue, connection=redis).jobs


def leases(app: Flask) -> list[int]:
    return [row.lease for row in sql(app, "SELECT lease FROM platform.jobs")]


def passes(app: Flask, seconds: int) -> None:
    """As if so much time had passed, and a little more."""
    sql(app, "UPDATE platform.jobs SET due_at = due_at - (:s + 0.1) * interval '1 second'", s=seconds)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each trip to Redis from here on."""
    trips = list[str]()
    run, execute = Redis.execute_command, Pipeline.execute

    def command(self: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(self, Pipeline):
            trips.append(str(arguments[0]))
        return run(self, *arguments, **options)

    def pipeline(self: Any, *arguments: Any, **options: Any) -> Any:
        trips.append("pipeline")
        return execute(self, *arguments, **options)

    monkeypatch.setattr(Redis, "execute_command", command)
    monkeypatch.setattr(Pipeline, "execute", pipeline)
    return trips
