"""A job is a row: it exists with its transaction, and is done with its effect."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from saas.core import audit
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, UnknownJob, dispatcher, enqueue, registry, runner, service, worker
from saas.core.settings import Settings
from tenants import reclaim
from tenants.isolation import modes
from tests.support import database
from tests.support import jobs as _registered  # noqa: F401
from tests.support.people import Person, unique


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """A database of Valkey's that no worker listens to, so that what is sent stays there and is never too much."""
    client = worker.connect(database.own_queue(settings, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatcher, "MOST_QUEUED", 1_000_000)  # each round sends what other tests have asked for as well
        yield client
    client.close()


@pytest.fixture
def leased(app: Flask) -> Callable[..., tuple[str, int]]:
    """Ask for a job and lease it, as the dispatcher would: its id and the number of the try."""

    def lease(name: str, *args: str, tenant: str | None = None) -> tuple[str, int]:
        with app.app_context(), transaction():
            enqueue(name, *args, tenant=tenant)
            db.session.flush()
            job = db.session.scalars(sa.select(Job).where(Job.args == sa.cast(list(args), Job.args.type))).one()
            job.state, job.lease = JobState.LEASED, 1
            job.due_at = sa.func.now() + sa.text("interval '1 hour'")
            return str(job.id), 1

    return lease


def test_a_job_is_gone_with_the_transaction_that_asked_for_it(app: Flask) -> None:
    mark = unique()
    with app.app_context():
        with pytest.raises(UnknownJob), transaction():  # noqa: PT012  the first statement is what is undone
            enqueue("tests.effect", mark)
            enqueue("no.such")
        assert jobs_of(mark) == []
        with transaction():
            enqueue("tests.effect", mark)
        assert [job.state for job in jobs_of(mark)] == [JobState.WAITING]  # the control
        forget(mark)


def test_an_unknown_job_is_refused_where_it_is_asked_for(app: Flask) -> None:
    with app.app_context(), pytest.raises(UnknownJob, match=r"no\.such"):
        enqueue("no.such")


def test_a_job_for_a_tenant_says_which(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(ValueError, match="tenant job"):
            enqueue("tests.tenant", "x")
        with pytest.raises(ValueError, match="platform job"):
            enqueue("tests.effect", "x", tenant="t_aaaaaaaaaaaaaaaa")


def test_effect_and_done_are_one_commit(app: Flask, leased: Callable[..., tuple[str, int]]) -> None:
    mark = unique()
    perform(app, "tests.effect", *leased("tests.effect", mark))
    with app.app_context():
        assert [job.state for job in jobs_of(mark)] == [JobState.DONE]
        assert effects(mark) == 1


def test_a_failure_undoes_the_effect_and_is_tried_again_later(
    app: Flask, leased: Callable[..., tuple[str, int]]
) -> None:
    mark = unique()
    lease = leased("tests.failing", mark)
    with pytest.raises(ValueError, match="on purpose"):
        perform(app, "tests.failing", *lease)
    with app.app_context():
        (job,) = jobs_of(mark)
        assert (job.state, job.error, effects(mark)) == (JobState.WAITING, "ValueError: on purpose", 0)
        later = db.session.scalar(sa.select(Job.due_at > sa.func.now()).where(Job.id == job.id))
        assert later, "it waits before the next try"


def test_after_its_last_try_a_job_is_dead_and_keeps_its_error(
    app: Flask, leased: Callable[..., tuple[str, int]]
) -> None:
    mark = unique()
    job_id, _ = leased("tests.failing", mark)
    with app.app_context(), transaction():
        db.session.execute(sa.update(Job).where(Job.id == job_id).values(tries=1))
    with pytest.raises(ValueError, match="on purpose"):
        perform(app, "tests.failing", job_id, 1)
    with app.app_context():
        (job,) = jobs_of(mark)
        assert (job.state, job.due_at, job.error) == (JobState.DEAD, None, "ValueError: on purpose")


def test_a_superseded_try_does_nothing(app: Flask, leased: Callable[..., tuple[str, int]]) -> None:
    mark = unique()
    job_id, attempt = leased("tests.effect", mark)
    perform(app, "tests.effect", job_id, attempt + 1)
    with app.app_context():
        assert (jobs_of(mark)[0].state, effects(mark)) == (JobState.LEASED, 0)
    perform(app, "tests.effect", job_id, attempt)  # the control
    perform(app, "tests.effect", job_id, attempt)
    with app.app_context():
        assert (jobs_of(mark)[0].state, effects(mark)) == (JobState.DONE, 1)


def test_a_tenants_job_is_bound_to_it(app: Flask, owner: Person, leased: Callable[..., tuple[str, int]]) -> None:
    seen: list[str] = []

    def look(_mark: str) -> None:
        seen.append(str(db.session.scalar(sa.text("SELECT current_user"))))

    handler = runner.Handler("tests.tenant", "fast", "tenant", 60, 3, None, "", look, None)
    lease = leased("tests.tenant", unique(), tenant=owner.tenant)
    with app.app_context():
        handler(*lease)
        assert seen == [modes.current().role_of(owner.tenant)]


@pytest.mark.parametrize(("meets", "level"), [("nothing", "info"), ("an error", "warning")])
def test_a_job_whose_tenant_goes_while_it_runs_is_not_tried_again(
    app: Flask, owner: Person, leased: Callable[..., tuple[str, int]], meets: str, level: str
) -> None:
    """As reclaiming takes a tenant and its open jobs away, between the job's two transactions."""
    effects = list[str]()

    def outside(_job: object, _mark: str) -> None:
        overdue = "UPDATE platform.tenants SET opened_at = now() - interval '100 hours' WHERE id = :id"
        database.sql(app, overdue, id=owner.tenant)
        with app.app_context():
            reclaim.reclaim()
        if meets == "an error":
            raise LookupError("it is gone")

    def effect(mark: str, _result: object) -> None:
        effects.append(mark)

    handler = runner.Handler("tests.tenant", "fast", "tenant", 60, 3, None, "", effect, outside)
    mark = unique()
    lease = leased("tests.tenant", mark, tenant=owner.tenant)
    with app.app_context(), structlog.testing.capture_logs() as log:
        handler(*lease)
        assert jobs_of(mark) == []
    assert effects == []
    (entry,) = [line for line in log if line["event"].startswith("job.")]
    assert (entry["event"], entry["log_level"], entry["tenant"]) == ("job.forgotten", level, owner.tenant)


def test_control_a_job_that_fails_while_its_row_is_there_is_an_error_for_its_worker(
    app: Flask, owner: Person, leased: Callable[..., tuple[str, int]]
) -> None:
    """Also where only its lease is another's by now."""

    def outside(_job: object, mark: str) -> None:
        with transaction():
            db.session.execute(sa.update(Job).where(Job.args == sa.cast([mark], Job.args.type)).values(lease=2))

    handler = runner.Handler("tests.tenant", "fast", "tenant", 60, 3, None, "", print, outside)
    lease = leased("tests.tenant", unique(), tenant=owner.tenant)
    with app.app_context(), pytest.raises(runner.LeaseLost):
        handler(*lease)


def test_a_row_that_names_a_tenant_for_a_platform_job_is_refused(
    app: Flask, owner: Person, leased: Callable[..., tuple[str, int]]
) -> None:
    """A tenant may write rows of its own into the table; none of them makes the platform work for it."""
    mark = unique()
    lease = leased("tests.effect", mark)
    with app.app_context(), transaction():
        db.session.execute(sa.update(Job).where(Job.id == lease[0]).values(tenant=owner.tenant))
    with pytest.raises(runner.WrongScope):
        perform(app, "tests.effect", *lease)
    with app.app_context():
        assert effects(mark) == 0


def test_two_dispatchers_add_one_row_for_a_tick(app: Flask) -> None:
    every = runner.Handler("tests.tick", "fast", "platform", 60, 3, 86_400, "", lambda: None, None)
    with app.app_context():
        for _ in range(2):
            with transaction():
                dispatcher._add_tick(every, 86_400)
        rows = db.session.scalar(sa.select(sa.func.count()).where(Job.name == "tests.tick"))
        db.session.execute(sa.delete(Job).where(Job.name == "tests.tick"))
        db.session.commit()
    assert rows == 1


def test_when_redis_is_away_the_lease_is_handed_back(app: Flask, redis: Redis) -> None:
    mark = unique()
    with app.app_context():
        with transaction():
            enqueue("tests.effect", mark)
        due_first(mark)
        nowhere = Redis(port=1, socket_connect_timeout=1)
        with pytest.raises(RedisError, match="refused"):
            dispatcher.dispatch(nowhere)
        (job,) = jobs_of(mark)
        assert (job.state, job.tries) == (JobState.WAITING, 0)
        due_first(mark)
        assert dispatcher.dispatch(redis) >= 1  # the control
        db.session.expire_all()
        assert jobs_of(mark)[0].state in {JobState.LEASED, JobState.DONE}


def test_a_job_that_no_worker_takes_up_waits_for_ever(app: Flask, redis: Redis) -> None:
    """Each lease that ends is another one; none of them is a try."""
    mark = unique()
    with app.app_context():
        with transaction():
            enqueue("tests.effect", mark)
        for _ in range(10):
            due_first(mark)
            dispatcher.dispatch(redis)
        db.session.expire_all()
        (job,) = jobs_of(mark)
        assert (job.state, job.tries, job.lease) == (JobState.LEASED, 0, 10)
        registry.get("tests.effect")(str(job.id), 9)  # what an earlier lease left in RQ
        assert effects(mark) == 0
        registry.get("tests.effect")(str(job.id), 10)
        assert effects(mark) == 1


def test_control_a_job_whose_workers_are_lost_is_dead_after_its_tries(app: Flask, redis: Redis) -> None:
    mark = unique()
    with app.app_context():
        with transaction():
            enqueue("tests.effect", mark)
        for _ in range(4):
            due_first(mark)
            dispatcher.dispatch(redis)
            with transaction():
                begin = sa.update(Job).where(Job.args[0].astext == mark, Job.state == JobState.LEASED)
                db.session.execute(begin.values(state=JobState.RUNNING, tries=Job.tries + 1))
        db.session.expire_all()
        (job,) = jobs_of(mark)
        assert (job.state, job.tries, job.error) == (JobState.DEAD, 3, "the worker was lost")
        assert job.id in [found.id for found in service.dead()]
        with transaction():
            assert service.retry(job.id) == 1
        db.session.expire_all()
        assert (jobs_of(mark)[0].state, jobs_of(mark)[0].tries) == (JobState.WAITING, 0)
        forget(mark)


def test_a_full_queue_leaves_jobs_in_the_table(app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = unique()
    with app.app_context():
        with transaction():
            enqueue("tests.effect", mark)
        due_first(mark)
        monkeypatch.setattr(dispatcher, "MOST_QUEUED", 0)
        assert dispatcher.dispatch(redis) == 0
        monkeypatch.undo()
        assert dispatcher.dispatch(redis) >= 1  # the control
        forget(mark)


def test_rq_shows_a_job_by_its_name_and_tenant(app: Flask, owner: Person, redis: Redis) -> None:
    class Row:
        id, name, tenant, queue, lease, limit_seconds = "x", "tests.tenant", owner.tenant, f"q{unique()}", 1, 60

    dispatcher._send(redis, Row)
    (job,) = Queue(Row.queue, connection=redis).jobs
    assert job.func_name == "tests.support.jobs.in_tenant"
    assert job.description == f"tests.tenant for {owner.tenant}"
    assert owner.tenant in job.id
    job.delete()


def test_a_worker_listens_on_one_known_queue(app: Flask, redis: Redis) -> None:
    with pytest.raises(SystemExit, match="fast, slow"):
        worker.run(app, redis, "fast,slow")


def perform(app: Flask, name: str, job_id: str, attempt: int) -> None:
    with app.app_context():
        registry.get(name)(job_id, attempt)


def jobs_of(mark: str) -> list[Job]:
    return list(db.session.scalars(sa.select(Job).where(Job.args[0].astext == mark)))


def effects(mark: str) -> int:
    rows = sa.select(sa.func.count()).where(audit.AuditEntry.detail["mark"].astext == mark)
    return db.session.scalar(rows) or 0


def due_first(mark: str) -> None:
    """Due before whatever other tests have left waiting."""
    with transaction():
        first = sa.func.make_date(2000, 1, 1)
        db.session.execute(sa.update(Job).where(Job.args[0].astext == mark).values(due_at=first))


def forget(mark: str) -> None:
    db.session.execute(sa.delete(Job).where(Job.args[0].astext == mark))
    db.session.commit()
