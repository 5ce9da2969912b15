"""One try of a job: what it leaves when it ends well, when it fails, and when it may not run at all."""

import contextlib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask

from saas.core import audit
from saas.core.database import at_once, db, transaction
from saas.core.jobs import JobState, endings, registry, rows, runner
from saas.core.jobs.models import Job
from saas.core.jobs.registry import Backoff, Handler
from saas.core.settings import Settings
from tenants import reclaim, suspension
from tenants.isolation import modes
from tenants.models import Standing, Tenant
from tests.support import database, pgbouncer
from tests.support import jobs as _registered  # noqa: F401
from tests.support.leases import OWN, change, lease, lease_again, row, run, timeline
from tests.support.people import Person, unique


def test_effect_and_done_are_one_commit(app: Flask) -> None:
    mark = unique()
    job = lease(app, args=[mark])
    run(app, Handler(OWN, effect), job)
    left = row(app, job)
    assert (left.state, left.due_at, left.tries, left.error) == (JobState.DONE, None, 1, None)
    assert left.began_at is not None
    assert left.finished_at is not None
    assert left.began_at <= left.finished_at
    assert (effects(app, mark), timeline(app, job)) == (1, [])


def test_a_failure_undoes_the_effect_and_is_tried_again_later(app: Flask) -> None:
    mark = unique()
    job = lease(app, args=[mark])
    with pytest.raises(ValueError, match="on purpose"):
        run(app, Handler(OWN, failing), job)
    left = row(app, job)
    assert (left.state, left.error, effects(app, mark)) == (JobState.WAITING, "ValueError: on purpose", 0)
    assert timeline(app, job) == [("failed", "try 1 of 3: ValueError: on purpose")]
    assert 0.8 * 2 <= waits(app, job) <= 1.2 * 2
    run(app, Handler(OWN, effect), job, lease_again(app, job))
    assert (row(app, job).state, row(app, job).error, effects(app, mark)) == (JobState.DONE, None, 1)


@pytest.mark.parametrize(("tries", "seconds"), [(0, 3), (1, 6), (3, 24), (60, 100)])
def test_it_waits_twice_as_long_with_each_try_up_to_the_handlers_most(app: Flask, tries: int, seconds: int) -> None:
    job = lease(app, args=["x"], tries=tries, max_tries=100)
    with pytest.raises(ValueError, match="on purpose"):
        run(app, Handler(OWN, failing, backoff=Backoff(3, 100)), job)
    assert 0.8 * seconds <= waits(app, job) <= 1.2 * seconds


def test_jobs_that_failed_together_do_not_come_back_together(app: Flask) -> None:
    jobs = [lease(app, args=["x"]) for _ in range(5)]
    for job in jobs:
        with pytest.raises(ValueError, match="on purpose"):
            run(app, Handler(OWN, failing, backoff=Backoff(1000)), job)
    assert len({round(waits(app, job), 3) for job in jobs}) > 1


def test_after_its_last_try_a_job_is_dead_and_keeps_its_error(app: Flask) -> None:
    job = lease(app, args=["x"], tries=2)
    with pytest.raises(ValueError, match="on purpose"):
        run(app, Handler(OWN, failing), job)
    left = row(app, job)
    assert (left.state, left.due_at, left.error) == (JobState.DEAD, None, "ValueError: on purpose")
    assert left.finished_at is not None


@pytest.mark.parametrize("ends", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_is_no_exception_is_a_failure_too_and_goes_on_its_way(app: Flask, ends: type[BaseException]) -> None:
    def end() -> None:
        raise ends

    job = lease(app)
    with pytest.raises(ends):
        run(app, Handler(OWN, end), job)
    assert (row(app, job).state, row(app, job).error) == (JobState.WAITING, f"{ends.__name__}: ")


def test_a_superseded_try_does_nothing(app: Flask) -> None:
    mark = unique()
    job = lease(app, args=[mark])
    run(app, Handler(OWN, effect), job, 2)
    assert (row(app, job).state, effects(app, mark)) == (JobState.LEASED, 0)
    run(app, Handler(OWN, effect), job)  # the control
    run(app, Handler(OWN, effect), job)
    assert (row(app, job).state, effects(app, mark)) == (JobState.DONE, 1)


def test_a_try_whose_lease_was_given_on_undoes_its_effect(app: Flask) -> None:
    mark = unique()
    job = lease(app, args=[mark])
    run(app, Handler(OWN, lambda mark, _result: effect(mark), outside=lambda *_: lease_again(app, job)), job)
    assert (row(app, job).state, row(app, job).lease, effects(app, mark)) == (JobState.LEASED, 2, 0)
    run(app, Handler(OWN, effect), job, 2)  # the control: the other worker's counts
    assert (row(app, job).state, effects(app, mark)) == (JobState.DONE, 1)


def test_a_try_that_fails_without_its_lease_does_not_end_the_others(app: Flask) -> None:
    def outside(*_: object) -> None:
        lease_again(app, job)
        raise ValueError("on purpose")

    job = lease(app)
    with structlog.testing.capture_logs() as log:
        run(app, Handler(OWN, lambda _result: None, outside=outside), job)
    assert (row(app, job).state, row(app, job).error) == (JobState.LEASED, None)
    assert [line["event"] for line in log] == ["job.superseded"]


def test_a_tenants_job_is_bound_to_it(app: Flask, owner: Person) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(str(db.session.scalar(sa.text("SELECT current_user"))))

    run(app, Handler(OWN, look, scope="tenant"), lease(app, tenant=owner.tenant))
    with app.app_context():
        assert seen == [modes.current().role_of(owner.tenant)]


@pytest.mark.parametrize(("meets", "level"), [("nothing", "info"), ("an error", "warning")])
def test_a_job_whose_tenant_goes_while_it_runs_is_not_tried_again(
    app: Flask, owner: Person, meets: str, level: str
) -> None:
    """As reclaiming takes a tenant and its open jobs away, between the job's two transactions."""
    done = list[str]()

    def outside(_job: object) -> None:
        overdue = "UPDATE platform.tenants SET opened_at = now() - interval '100 hours' WHERE id = :id"
        database.sql(app, overdue, id=owner.tenant)
        with app.app_context():
            reclaim.reclaim()
        if meets == "an error":
            raise LookupError("it is gone")

    job = lease(app, tenant=owner.tenant)
    with structlog.testing.capture_logs() as log:
        run(app, Handler(OWN, lambda _result: done.append("x"), scope="tenant", outside=outside), job)
    left = database.sql(app, "SELECT state, reason FROM platform.jobs WHERE id = :id", id=job)
    assert left == [("cancelled", "its tenant is gone")]
    assert done == []
    (entry,) = [line for line in log if line["event"].startswith("job.")]
    assert (entry["event"], entry["log_level"], entry["job"]) == ("job.superseded", level, str(job))


@pytest.mark.parametrize("scope", ["platform", "tenant"])
def test_a_row_whose_tenant_does_not_fit_its_job_is_refused(app: Flask, owner: Person, scope: Any) -> None:
    """A tenant may write rows of its own into the table; none of them makes the platform work for it."""
    mark = unique()
    job = lease(app, args=[mark], tenant=owner.tenant if scope == "platform" else None)
    with pytest.raises(runner.WrongScope):
        run(app, Handler(OWN, effect, scope=scope), job)
    assert effects(app, mark) == 0


def test_arguments_that_this_code_does_not_know_are_kept_for_code_that_does(app: Flask) -> None:
    """As during a deploy: the row is of newer code than this worker's, or of older."""
    job = lease(app, args=["a", "b"])
    for number in (1, 2):
        run(app, Handler(OWN, effect), job, number)
        left = row(app, job)
        assert (left.state, left.tries, left.error) == (JobState.WAITING, 0, None)
        assert "(mark: str), not 2 arguments" in str(left.reason)
        assert 25 < waits(app, job) <= 30
        assert left.due_at == left.run_at
        lease_again(app, job)
    assert [kind for kind, _text in timeline(app, job)] == ["held"], "the same reason is told once"
    run(app, Handler(OWN, lambda a, b: effect(a + b)), job, 3)
    assert (row(app, job).state, row(app, job).reason) == (JobState.DONE, None)


def test_what_has_been_held_for_long_is_looked_at_less_often(app: Flask) -> None:
    for age, seconds in (("10 minutes", 75), ("9 days", rows.LONGEST_HOLD)):
        job = lease(app, args=["a", "b"], created_at=sa.func.now() - sa.cast(age, sa.Interval))
        run(app, Handler(OWN, effect), job)
        assert seconds - 5 < waits(app, job) <= seconds


def test_a_suspended_tenants_job_is_held_until_it_is_open_again(app: Flask, owner: Person) -> None:
    handler = Handler(OWN, lambda: None, scope="tenant")
    job = lease(app, tenant=owner.tenant)
    with app.app_context(), transaction():
        suspension.suspend(owner.tenant, text="Closed.", reason="tests", actor="tests")
    run(app, handler, job)
    left = row(app, job)
    assert (left.state, left.tries, left.reason) == (JobState.WAITING, 0, "its tenant is suspended")
    assert runner.MUCH_LATER - 60 < waits(app, job) <= runner.MUCH_LATER
    with app.app_context(), transaction():
        suspension.resume(owner.tenant, reason="tests", actor="tests")
    assert (waits(app, job) <= 0, row(app, job).reason) == (True, None)
    run(app, handler, job, lease_again(app, job))
    assert row(app, job).state == JobState.DONE


def test_a_tenant_that_is_resumed_as_its_job_is_held_does_not_wait_for_it(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What resumes it has not found that job, which it held no longer asks for."""
    with app.app_context(), transaction():
        suspension.suspend(owner.tenant, text="Closed.", reason="tests", actor="tests")
    hold = endings.hold

    def late(*rest: Any, **more: Any) -> bool:
        with app.app_context(), transaction():
            suspension.resume(owner.tenant, reason="tests", actor="tests")
        return hold(*rest, **more)

    monkeypatch.setattr(endings, "hold", late)
    job = lease(app, tenant=owner.tenant)
    run(app, Handler(OWN, lambda: None, scope="tenant"), job)
    assert (row(app, job).state, row(app, job).reason, waits(app, job) <= 0) == (JobState.WAITING, None, True)


def test_an_effect_that_passes_over_an_error_of_the_database_has_failed(app: Flask) -> None:
    """Its transaction can't be committed any more, which the server does not call an error."""

    def careless() -> None:
        with contextlib.suppress(sa.exc.ProgrammingError):
            db.session.execute(sa.text("SELECT no_such_function()"))

    job = lease(app)
    with pytest.raises(sa.exc.InternalError, match="nothing to commit"):
        run(app, Handler(OWN, careless), job)
    assert (row(app, job).state, row(app, job).tries) == (JobState.WAITING, 1)
    assert "nothing to commit" in str(row(app, job).error)


def test_a_job_that_tolerates_it_runs_for_a_suspended_tenant(app: Flask, owner: Person) -> None:
    with app.app_context(), transaction():
        suspension.suspend(owner.tenant, text="Closed.", reason="tests", actor="tests")
    job = lease(app, tenant=owner.tenant)
    run(app, Handler(OWN, lambda: None, scope="tenant", tolerates=("suspended",)), job)
    assert row(app, job).state == JobState.DONE


@pytest.mark.parametrize("standing", [Standing.READ_ONLY, Standing.SUSPENDED])
def test_the_job_of_a_tenant_that_has_not_paid_is_held_until_it_has(
    app: Flask, owner: Person, standing: Standing
) -> None:
    def stand(to: Standing) -> None:
        with app.app_context(), transaction():
            suspension.stand(db.session.get_one(Tenant, owner.tenant), to)

    stand(standing)
    writes, reads = lease(app, tenant=owner.tenant), lease(app, tenant=owner.tenant)
    run(app, Handler(OWN, lambda: None, scope="tenant"), writes)
    assert (row(app, writes).state, row(app, writes).reason) == (JobState.WAITING, f"its tenant is {standing}")
    assert waits(app, writes) > runner.MUCH_LATER - 60
    run(app, Handler(OWN, lambda: None, scope="tenant", tolerates=(standing.value,)), reads)
    assert row(app, reads).state == JobState.DONE
    stand(Standing.PAST_DUE)
    assert (waits(app, writes) <= 0, row(app, writes).reason) == (True, None)


def test_a_tenant_that_is_being_prepared_is_waited_for(app: Flask, owner: Person) -> None:
    job = lease(app, tenant=owner.tenant)
    of = "platform.tenants WHERE id = :id"
    ((revision,),) = database.sql(app, f"SELECT revision FROM {of}", id=owner.tenant)
    change_state = "UPDATE platform.tenants SET state = :state, revision = :revision WHERE id = :id"
    database.sql(app, change_state, id=owner.tenant, state="preparing", revision=None)
    try:
        run(app, Handler(OWN, lambda: None, scope="tenant"), job)
    finally:  # or others would build it, which there is
        database.sql(app, change_state, id=owner.tenant, state="active", revision=revision)
    assert (row(app, job).state, row(app, job).reason) == (JobState.WAITING, "its tenant is preparing")
    assert waits(app, job) <= runner.SOON


def test_the_job_of_a_tenant_that_is_gone_is_cancelled_and_says_why(app: Flask) -> None:
    job = lease(app, tenant="t_gonegonegonegone")
    run(app, Handler(OWN, lambda: None, scope="tenant", tolerates=("suspended",)), job)
    left = row(app, job)
    assert (left.state, left.due_at, left.reason) == (JobState.CANCELLED, None, "its tenant is gone")
    assert timeline(app, job) == [("cancelled", "its tenant is gone")]


def test_a_job_that_is_to_be_cancelled_does_not_begin(app: Flask) -> None:
    mark = unique()
    job = lease(app, args=[mark], cancel_asked=True)
    run(app, Handler(OWN, effect), job)
    assert (row(app, job).state, row(app, job).reason, effects(app, mark)) == (JobState.CANCELLED, rows.ASKED, 0)


def test_a_job_that_is_to_be_cancelled_and_fails_is_not_tried_again(app: Flask) -> None:
    def outside(*_: object) -> None:
        change(app, job, cancel_asked=True)
        raise ValueError("on purpose")

    job = lease(app)
    with pytest.raises(ValueError, match="on purpose"):
        run(app, Handler(OWN, lambda _result: None, outside=outside), job)
    left = row(app, job)
    assert (left.state, left.reason, left.error) == (JobState.CANCELLED, rows.ASKED, "ValueError: on purpose")


def test_a_try_begins_without_a_wait_for_the_disk(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(rows.BEGIN.compile()).startswith("SET LOCAL synchronous_commit TO off; UPDATE ")
    check_what_is_told_lightly(app, monkeypatch)


def test_so_it_does_behind_a_pooler_that_hands_connections_on_with_each_transaction(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pgbouncer.running(settings.database_url, tmp_path, default_pool_size=2) as url,
        database.application(settings, database_url=url) as pooled,
    ):
        check_what_is_told_lightly(pooled, monkeypatch)
        job = lease(pooled, args=[unique()])
        run(pooled, Handler(OWN, effect), job)
        assert row(pooled, job).state == JobState.DONE


def check_what_is_told_lightly(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting holds for that message alone, whose statement is committed with it.

    The tests' server has `off` for everybody, hence another value here.
    """
    monkeypatch.setattr(rows, "LIGHTLY", rows.LIGHTLY.replace("off", "local"))
    setting = sa.literal_column("current_setting('synchronous_commit')", sa.Text).label("setting")
    mine = sa.update(Job).where(Job.id == sa.bindparam("job_id"))
    told = [rows._lightly(mine.values(message=text), setting) for text in ("one", "two")]
    job = lease(app)
    with app.app_context():
        usual = db.session.scalar(sa.select(setting))
        assert usual != "local"
        for text, lightly in zip(("one", "two"), told, strict=True):
            with at_once() as connection:
                assert connection.scalar(lightly, {"job_id": job}) == "local"
                assert row(app, job).message == text, "committed before the connection is given back"
                assert connection.scalar(sa.select(setting)) == usual
        assert db.session.connection().connection.driver_connection.autocommit is False  # type: ignore[union-attr]


def effect(mark: str) -> None:
    registry.get("tests.effect").effect(mark)


def failing(mark: str) -> None:
    effect(mark)
    raise ValueError("on purpose")


def effects(app: Flask, mark: str) -> int:
    with app.app_context():
        mine = audit.AuditEntry.detail["mark"].astext == mark
        return db.session.scalar(sa.select(sa.func.count()).where(mine)) or 0


def waits(app: Flask, job: UUID) -> float:
    """How many seconds there are left until it is due."""
    with app.app_context():
        left = sa.func.extract("epoch", Job.due_at - sa.func.now())
        return float(db.session.scalars(sa.select(left).where(Job.id == job)).one())
