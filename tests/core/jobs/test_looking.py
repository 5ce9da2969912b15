"""What pages, commands and metrics read of jobs: right, page by page without a gap, and bounded."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis

from saas.core.database import db
from saas.core.jobs import JobState, figures, looking, present, searching
from saas.core.jobs.looking import NoSuchJob
from saas.core.jobs.present import BEATS
from saas.core.jobs.searching import Cursor, Wanted
from saas.core.jobs.sending import Line
from saas.core.settings import Settings
from tests.support import jobs as _registered  # noqa: F401
from tests.support.database import application, empty_database, migrate, own_queue, sql
from tests.support.job_rows import Rows, only, rows
from tests.support.people import unique


@pytest.fixture
def made(app: Flask) -> Iterator[Rows]:
    with rows(app) as made:
        yield made


@pytest.fixture(scope="module")
def alone(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """A database in which nobody else has jobs."""
    with application(empty_database(request.config, settings)) as app:
        migrate(app)
        yield app


@pytest.fixture
def mine(alone: Flask) -> Iterator[Rows]:
    with rows(alone) as made:
        yield made


def all_pages(wanted: Wanted) -> list[looking.Shown]:
    found, after = list[looking.Shown](), None
    while True:
        page = searching.page(wanted, after)
        found += page.jobs
        if page.next is None:
            return found
        after = Cursor.read(str(page.next))
        assert after == page.next


# Searching


@pytest.mark.parametrize("by", ["state", "name", "tenant", "queue", "search"])
def test_jobs_are_found_by_each_part(app: Flask, made: Rows, by: str) -> None:
    mark = unique()
    here: dict[str, Any] = {"name": f"tests.{mark}", "tenant": "t_aaaaaaaaaaaaaaaa", "queue": "slow", "state": "dead"}
    there = {"name": "tests.other", "tenant": "t_bbbbbbbbbbbbbbbb", "queue": "fast", "state": "done"}
    wanted = made.add(**here, error=f"ValueError: 100% of {mark}")
    other = made.add(**(here | ({"name": "tests.other"} if by == "search" else {by: there[by]})), error="No.")
    part = f"100% of {mark}".upper() if by == "search" else here[by]
    with app.app_context():
        found = only(all_pages(Wanted(**{by: part})), [wanted, other])
    assert found == [wanted]


def test_a_search_is_text_and_no_pattern(app: Flask, made: Rows) -> None:
    job = made.add(error=f"nothing of {unique()}")
    with app.app_context():
        for pattern in ("nothing_of", "nothing%", "' OR 1=1 --", "\\"):
            assert only(all_pages(Wanted(search=pattern)), [job]) == []


def test_an_id_is_found_whatever_else_is_asked_for(app: Flask, made: Rows) -> None:
    job = made.add(state="done")
    with app.app_context():
        assert only(searching.page(Wanted(search=str(job), state="dead")).jobs, [job]) == [job]
        assert searching.page(Wanted(search=str(uuid4()))).jobs == []


def test_the_platforms_own_jobs_are_found_as_such(app: Flask, made: Rows) -> None:
    ours, theirs = made.add(), made.add(tenant="t_aaaaaaaaaaaaaaaa")
    with app.app_context():
        assert only(all_pages(Wanted(tenant="platform")), [ours, theirs]) == [ours]


@pytest.mark.parametrize(
    "wanted", [{}, {"state": "dead"}, {"tenant": "T"}, {"state": "dead", "queue": "slow"}, {"state": "done"}]
)
def test_they_are_read_page_by_page_without_a_gap(
    alone: Flask, mine: Rows, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, str]
) -> None:
    """Also where a page stops at the rows that it may look at, before it is full."""
    tenant = "t_aaaaaaaaaaaaaaaa"
    state = wanted.get("state", "dead")
    queues = ("slow", "slow") if "queue" in wanted else ("slow", "fast")
    ours = [mine.add(tenant=tenant, state=state, queue=queues[n % 2], ago=n % 3 * 10) for n in range(25)]
    mine.add_many(30, tenant="t_bbbbbbbbbbbbbbbb", name="tests.other", state=state, queue="fast", ago=5)
    look = Wanted(**(wanted | ({"tenant": tenant} if "tenant" in wanted else {"name": "tests.effect"})))
    for size, looked_at in ((4, 1_000), (50, 7), (3, 7)):
        monkeypatch.setattr(searching, "PAGE_SIZE", size)
        monkeypatch.setattr(searching, "LOOKED_AT", looked_at)
        with alone.app_context():
            found = [shown.job.id for shown in all_pages(look)]
        assert sorted(found) == sorted(ours), (size, looked_at)
        assert len(found) == len(set(found))


def test_the_newest_come_first(alone: Flask, mine: Rows) -> None:
    old, new = mine.add(ago=100), mine.add()
    late, soon = mine.add(state="dead", ago=5), mine.add(state="dead", ago=50)
    with alone.app_context():
        assert only(all_pages(Wanted()), [old, new]) == [new, old]
        assert only(all_pages(Wanted(state="dead")), [late, soon]) == [late, soon]


def test_each_look_goes_by_an_index(alone: Flask, mine: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 20,000 finished jobs, none of the ways reads the table from end to end."""
    for module in (searching, figures):
        monkeypatch.setattr(module, "LOOKED_AT", 100)  # as few beside them as in life beside many more
    monkeypatch.setattr(figures, "ENDED", 100)
    mine.add_many(20_000, state="done")
    mine.add_many(40, state="dead", queue="slow")
    analyze(alone)
    looks = [
        Wanted(),
        Wanted(state="dead"),
        Wanted(state="kept"),
        Wanted(tenant="t_aaaaaaaaaaaaaaaa"),
        Wanted(state="done"),
    ]
    with alone.app_context():
        told = plans(lambda: [searching.page(wanted) for wanted in looks])
        told += plans(figures.queues) + plans(figures.unknown_kinds) + plans(lambda: figures.kinds(JobState.DEAD))
        assert [plan for plan in told if "Seq Scan on jobs" in plan] == []
        control = plans(lambda: db.session.execute(sa.text("SELECT count(error) FROM platform.jobs")))
    assert "Seq Scan on jobs" in control[0]


def analyze(app: Flask) -> None:
    """Only the tables' owner may."""
    engine = sa.create_engine(app.extensions["freehold.settings"].database_admin_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE platform.jobs")


def plans(act: Any) -> list[str]:
    """How the server reads the tables for each statement that `act` sends."""
    sent = list[tuple[str, Any]]()

    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", keep)
    try:
        act()
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", keep)
    asked = [(f"EXPLAIN {statement}", parameters) for statement, parameters in sent if "jobs" in statement]
    connection = db.session.connection()
    return ["\n".join(line for (line,) in connection.exec_driver_sql(*one)) for one in asked]


# One job


def test_what_waits_for_something_else_than_its_turn_is_kept_and_says_for_what(app: Flask, made: Rows) -> None:
    held = made.add(reason="Its workspace is suspended.")
    unknown = made.add(name="tests.of_another_version")
    plain, ended = made.add(), made.add(state="cancelled", reason="Not wanted any more.")
    with app.app_context():
        states = [looking.get(job).state for job in (held, unknown, plain, ended)]
        reasons = [looking.get(job).kept_for for job in (held, unknown, plain, ended)]
        found = only(all_pages(Wanted(state="kept")), [held, unknown, plain, ended])
    assert states == ["kept", "kept", "waiting", "cancelled"]
    assert reasons[0] == "Its workspace is suspended."
    assert "tests.of_another_version" in reasons[1]
    assert reasons[2:] == ["", ""]
    assert set(found) == {held, unknown}


def test_the_timeline_is_newest_first_and_ends_with_its_job(app: Flask, made: Rows) -> None:
    job = made.add()
    made.tell(job, ("failed", "ValueError: on purpose"), ("retried", "by somebody"), ("log", "row 7"))
    with app.app_context():
        assert [event.kind for event in looking.timeline(job)] == ["log", "retried", "failed"]
        sql(app, "DELETE FROM platform.jobs WHERE id = :id", id=job)
        assert looking.timeline(job) == []
        with pytest.raises(NoSuchJob):
            looking.get(job)


@pytest.mark.parametrize(
    ("done", "total", "percent"), [(None, None, None), (5, None, None), (1, 3, 33), (4, 3, 100), (0, 0, None)]
)
def test_how_far_a_job_is_in_percent(
    app: Flask, made: Rows, done: int | None, total: int | None, percent: int | None
) -> None:
    job = made.add(done=done, total=total)
    with app.app_context():
        assert looking.get(job).percent == percent


# Figures


def test_figures_tell_depth_age_rate_failures_and_pauses(alone: Flask, mine: Rows) -> None:
    mine.add_many(3, ago=90)
    mine.add(ago=500, reason="Its workspace is suspended."), mine.add(ago=500, name="tests.of_another_version")
    mine.add(state="running", ago=1000)
    mine.add_many(4, queue="slow", state="dead", ago=60)
    failing = mine.add(queue="slow", state="dead", ago=4000)
    mine.add_many(20, state="done", ago=30)
    mine.tell(
        failing, ("failed", "ValueError"), ("over its limit", "60 s"), ("log", "row 7"), ("handed back", "a deploy")
    )
    sql(alone, "INSERT INTO platform.job_queues VALUES ('webhooks', now())")
    with alone.app_context():
        found = {queue.name: queue for queue in figures.queues()}
    sql(alone, "DELETE FROM platform.job_queues")
    fast, slow = found["fast"], found["slow"]
    assert (fast.states, fast.kept) == ({"waiting": 5, "running": 1}, 2)
    assert fast.oldest is not None
    assert 90 <= fast.oldest < 500, "the kept ones and the running one have no age"
    assert (slow.states, slow.oldest) == ({"dead": 5}, None)
    assert (fast.done_a_minute, slow.ended["dead"]) == (2.0, 0.4)  # 20 and 4 in ten minutes
    assert (slow.failures, fast.failures) == (2, 0)
    assert [name for name, queue in found.items() if queue.paused_at] == ["webhooks"]


def test_a_rate_is_told_of_the_newest_when_there_are_very_many(
    alone: Flask, mine: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "ENDED", 20)
    mine.add_many(20, state="done", ago=30)
    mine.add_many(50, state="done", ago=300)
    with alone.app_context():
        (fast,) = [queue for queue in figures.queues() if queue.name == "fast"]
    assert 20 < fast.done_a_minute <= 40  # 20 in 30 seconds, and what the test took


def test_a_queue_that_no_code_knows_is_told_as_well(alone: Flask, mine: Rows) -> None:
    mine.add(queue="none")
    with alone.app_context():
        names = {queue.name: queue.known for queue in figures.queues()}
        lanes = looking.lanes()
    assert names == {"fast": True, "slow": True, "webhooks": True, "none": False}
    assert lanes == [(JobState.WAITING, "none")]


def test_names_that_no_code_knows_are_listed_with_how_many_they_are(alone: Flask, mine: Rows) -> None:
    mine.add_many(3, name="tests.gone", queue="slow")
    mine.add_many(2, name="tests.gone")
    mine.add(), mine.add(name="tests.gone", state="dead")
    with alone.app_context():
        assert [(kind.name, kind.jobs) for kind in figures.unknown_kinds()] == [("tests.gone", 5)]
        assert [(kind.name, kind.jobs, kind.known) for kind in figures.kinds(JobState.DEAD)] == [
            ("tests.gone", 1, False)
        ]
        assert [(row.tenant, row.jobs) for row in figures.loudest()] == [(None, 6)]


def test_the_timetable_has_every_periodic_job_and_those_of_other_versions(alone: Flask) -> None:
    sql(alone, "INSERT INTO platform.job_schedules VALUES ('tests.gone', now(), now())")
    with alone.app_context():
        found = {schedule.name: schedule for schedule in looking.timetable()}
    sql(alone, "DELETE FROM platform.job_schedules")
    assert (found["tests.gone"].handler, found["tests.gone"].when) == (None, "unknown")
    assert (found["core.sweep"].when, found["tenants.refill"].when) == ("every hour", "every minute")
    assert found["core.sweep"].upcoming is not None
    assert found["core.sweep"].paused_at is None


def test_workers_are_counted_and_a_redis_that_is_away_is_told(settings: Settings) -> None:
    assert set(present.workers(settings.redis_url) or {}) == {"fast", "slow", "webhooks"}
    assert present.workers("redis://127.0.0.1:1/0") is None


def test_pages_and_dispatchers_count_the_same_workers_ours_and_rqs_own(settings: Settings) -> None:
    """One of ours registers with RQ as well; a killed one is still on RQ's list and maybe among the beats."""
    url = own_queue(settings, 1)
    with Redis.from_url(url) as redis:
        redis.flushdb()
        now = redis.time()[0]
        redis.zadd(BEATS.format("fast"), {"ours": now + 60, "killed": now - 60})
        redis.sadd("rq:workers:fast", *(f"rq:worker:{name}" for name in ("ours", "killed", "stock", "gone")))
        redis.sadd("rq:workers:slow", "rq:worker:stock")
        for name in ("ours", "killed", "stock"):
            redis.hset(f"rq:worker:{name}", "state", "idle")
        assert present.workers(url) == Line(redis).workers() == {"fast": 2, "slow": 1, "webhooks": 0}
        redis.flushdb()
