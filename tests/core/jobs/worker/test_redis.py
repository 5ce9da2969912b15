"""Redis away, hung, wiped, or read-only: the worker stays the process it is, and goes on when Redis is back."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.connection import Connection
from rq import Queue

from saas.core.jobs import JobState
from saas.core.jobs.present import BEATS
from saas.core.jobs.worker import connect
from saas.devstack import valkey
from tests.core.jobs.worker.conftest import Hands, Worker
from tests.support.live import eventually
from tests.support.people import unique


@pytest.fixture
def noticed(worker: Worker) -> Iterator[Callable[[], None]]:
    """Waits until the worker has met an error of Redis; at the end it is still the same two processes."""
    child, before = worker.child, worker.log().count("worker.waiting")

    def wait() -> None:
        eventually(lambda: worker.log().count("worker.waiting") > before)

    yield wait
    assert (worker.process.poll(), worker.child) == (None, child)


def test_redis_is_killed_and_comes_back(hands: Hands, noticed: Callable[[], None]) -> None:
    hands.server.process.process.kill()
    hands.server.process.process.wait()
    noticed()
    hands.server = valkey.start(hands.folder, port=hands.server.port, durable=False)
    does_a_job(hands)


def test_redis_hangs(hands: Hands, noticed: Callable[[], None]) -> None:
    os.kill(hands.server.process.pid, signal.SIGSTOP)
    try:
        noticed()
    finally:
        os.kill(hands.server.process.pid, signal.SIGCONT)
    does_a_job(hands)


def test_redis_is_wiped(hands: Hands, worker: Worker) -> None:
    eventually(lambda: registered(hands))
    hands.redis.flushall()
    eventually(lambda: registered(hands))
    does_a_job(hands)


def test_redis_fails_over_and_is_read_only_for_a_while(hands: Hands, noticed: Callable[[], None]) -> None:
    hands.redis.replicaof("127.0.0.1", "1")
    noticed()
    hands.redis.replicaof("NO", "ONE")
    does_a_job(hands)


def test_a_job_that_was_taken_up_is_done_without_redis(
    hands: Hands, noticed: Callable[[], None], tmp_path: Path
) -> None:
    id_ = hands.give("tests.halting", unique(), str(tmp_path))
    eventually((tmp_path / "started").exists)
    hands.server.process.process.kill()
    hands.server.process.process.wait()
    (tmp_path / "go").touch()
    hands.until(id_, JobState.DONE)
    noticed()
    hands.server = valkey.start(hands.folder, port=hands.server.port, durable=False)
    does_a_job(hands)


def test_no_command_waits_longer_than_five_seconds_or_is_tried_again(hands: Hands) -> None:
    client = connect(hands.settings.redis_url)
    (made,) = [client.connection_pool.get_connection()]
    assert isinstance(made, Connection)
    assert (made.socket_timeout, made.socket_connect_timeout, made.retry.get_retries()) == (5, 5, 0)
    client.close()


def test_a_worker_says_until_when_it_lives_by_the_clock_of_redis(hands: Hands, worker: Worker, tmp_path: Path) -> None:
    assert eventually(lambda: 0 < lives(hands)[0] <= 15)
    id_ = hands.give("tests.halting", unique(), str(tmp_path), limit=500)
    eventually((tmp_path / "started").exists)
    (busy,) = lives(hands)
    assert 500 < busy <= 500 + 75
    (tmp_path / "go").touch()
    hands.until(id_, JobState.DONE)
    assert eventually(lambda: lives(hands)[0] <= 15)


def test_suspended_workers_do_nothing(hands: Hands, worker: Worker) -> None:
    """As `rq suspend` does it, for all of them."""
    hands.redis.set("rq:suspended", 1)
    eventually(lambda: state(hands.redis) == "suspended")
    id_ = hands.give("tests.effect", unique())
    assert hands.redis.lrange(Queue("fast", connection=hands.redis).key, 0, -1)
    hands.redis.delete("rq:suspended")
    hands.until(id_, JobState.DONE)


def does_a_job(hands: Hands) -> None:
    eventually(lambda: registered(hands))
    hands.until(hands.give("tests.effect", unique()), JobState.DONE)


def registered(hands: Hands) -> bool:
    """With RQ, as `rq info` asks for it."""
    return bool(hands.redis.smembers("rq:workers")) and bool(hands.redis.smembers("rq:workers:fast"))


def lives(hands: Hands) -> list[float]:
    """For how long each worker counts as live, in seconds."""
    now, _ = hands.redis.time()
    return [until - now for _, until in hands.redis.zrange(BEATS.format("fast"), 0, -1, withscores=True)]


def state(redis: Redis) -> str:
    (key,) = redis.smembers("rq:workers")
    return (redis.hget(key, "state") or b"").decode()
