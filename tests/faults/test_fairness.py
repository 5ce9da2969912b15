"""One tenant has thousands of jobs; the others' wait seconds, and not until these are done.

Workers are played, each job taking its time, so that what is judged is the order of dispatch and nothing of this
machine's speed; `./dev bench jobs` judges real ones.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from redis import Redis
from rq.job import Job as Message

from saas.core.jobs import dispatcher, leasing, schedules, turns
from saas.core.jobs.dispatcher import Dispatcher
from saas.core.jobs.leasing import Leased, Turn
from saas.core.jobs.present import BEATS
from saas.core.jobs.sending import Line
from saas.core.settings import Settings
from tests.support import database
from tests.support import jobs as _registered  # noqa: F401
from tests.support.database import sql
from tests.support.waiting import add, business, clear

WORKERS, JOB = 2, 0.05  # seconds
ROUNDS = 2  # of the dispatcher, while a worker does one job
MANY, OTHERS, BAR = 10_000, 20, 3.0
MOST = 120  # jobs that each worker does before we give up

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def alone(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    with database.application(database.empty_database(request.config, settings)) as app:
        database.migrate(app)
        yield app


@pytest.fixture
def redis(alone: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setattr(schedules, "tick", lambda: None)
    monkeypatch.setattr(dispatcher, "FULL_SECONDS", 0.0)  # of the clock: the workers' time here is told, not waited for
    clear(alone)
    with dispatcher.connect(database.own_queue(settings, 3)) as client:
        client.flushdb()
        client.zadd(BEATS.format("fast"), {f"worker-{number}": 2**40 for number in range(WORKERS)})
        yield client
        client.flushdb()
    clear(alone)


@pytest.mark.parametrize("most", [4, None], ids=["capped", "without a cap"])
def test_a_tenant_with_many_jobs_delays_the_others_by_seconds(
    alone: Flask, redis: Redis, record_property: Tell, most: int | None
) -> None:
    waits = play(alone, redis, business(alone, {"jobs_at_once": most}))
    tell(record_property, waits)
    assert len(waits) == OTHERS + 1
    assert max(waits.values()) <= BAR


def test_control_in_the_order_of_their_times_the_others_wait_for_all_of_it(
    alone: Flask, redis: Redis, record_property: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "turn", in_order)
    waits = play(alone, redis, business(alone, {"jobs_at_once": None}))
    tell(record_property, waits)
    assert waits == {}


def play(app: Flask, redis: Redis, many: str) -> dict[str, float]:
    """Two workers are at the many jobs when others ask for one each, and a little later a tenant that is just open.

    Returns how many seconds each of these waited until a worker began its job.
    """
    going, now = Dispatcher(Line(redis)), 0.0
    asked, waits = dict[str, float](), dict[str, float]()
    add(app, many, MANY)
    for number in range(MOST):
        if number == 20:
            asked |= {f"t_{other}": now for other in range(OTHERS)}
            for other in range(OTHERS):
                add(app, f"t_{other}", 1, ago=0)
        if number == 40:
            asked["t_new"] = now
            add(app, "t_new", 1, ago=0)
        with app.app_context():
            for _ in range(ROUNDS):
                going.round()
        for tenant in done(app, redis):
            if tenant in asked:
                waits[tenant] = now - asked[tenant]
        if asked and len(waits) == OTHERS + 1:
            break
        now += JOB
    return waits


def done(app: Flask, redis: Redis) -> list[str]:
    """Each worker does what lies first in RQ; returns whose jobs these were."""
    ids = [taken for _ in range(WORKERS) if (taken := redis.lpop("rq:queue:fast"))]
    found = [Message.fetch(taken.decode(), connection=redis).args[0] for taken in ids]  # type: ignore[union-attr]
    end = "UPDATE platform.jobs SET state = 'done', due_at = NULL, finished_at = now()"
    rows = sql(app, f"{end} WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'leased' RETURNING tenant", ids=found)
    assert len(rows) == WORKERS, "a worker had nothing to do"
    return [row.tenant for row in rows]


def in_order(queue: str, most: int, _after: str, **_named: object) -> Turn:
    """As a queue without fairness would: the oldest first."""
    oldest = f"""{turns.IN_ORDER}
        UPDATE platform.jobs SET state = 'leased', lease = lease + 1, due_at = now() + interval '1 minute'
        WHERE id IN (SELECT id FROM platform.jobs WHERE state = 'waiting' AND queue = %(queue)s ORDER BY due_at
            LIMIT %(most)s - (SELECT count(*) FROM platform.jobs WHERE state = 'leased'))
        RETURNING id, name, tenant, queue, lease, limit_seconds
    """
    return Turn([Leased(*row) for row in leasing.ask(oldest, queue=queue, most=most)], [], "", more=False)


def tell(record_property: Tell, waits: dict[str, float]) -> None:
    longest = max(waits.values(), default=float("inf"))
    print(f"of {OTHERS + 1} others beside {MANY} jobs {len(waits)} began, the last after {longest:.2f} s")
    record_property("others that began", len(waits))
