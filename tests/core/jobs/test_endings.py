"""What is written down of a job whose worker has ended, by somebody else."""

import threading
from uuid import UUID

import psycopg2
import pytest
import sqlalchemy as sa
import structlog
from flask import Flask

from saas.core.database import db
from saas.core.jobs import JobState, endings, rows
from saas.core.jobs.endings import Verdict
from saas.core.jobs.registry import Backoff
from saas.core.settings import Settings
from tests.support import database
from tests.support.leases import change, lease, lease_again, row, timeline

COUNTS = [verdict for verdict in Verdict if verdict is not Verdict.HANDED_BACK]
LEASE = 1


@pytest.mark.parametrize("verdict", COUNTS)
def test_a_job_whose_worker_was_ended_is_tried_again_and_says_what_happened(app: Flask, verdict: Verdict) -> None:
    job = begun(app)
    endings.settle(app, job, LEASE, verdict, "it took more than 60 s")
    left = row(app, job)
    assert (left.state, left.tries, left.error) == (JobState.WAITING, 1, "it took more than 60 s")
    assert timeline(app, job) == [(verdict.value, "try 1 of 3: it took more than 60 s")]
    assert verdict.value in endings.FAILURES


def test_a_worker_that_ends_before_it_has_begun_has_had_its_try(app: Flask) -> None:
    """Or a job that ends its worker as it is picked up would do so for ever."""
    job = lease(app, tries=2)
    endings.settle(app, job, LEASE, Verdict.CRASHED, "signal 11")
    assert (row(app, job).state, row(app, job).tries, row(app, job).error) == (JobState.DEAD, 3, "signal 11")


def test_a_job_that_was_to_be_cancelled_is(app: Flask) -> None:
    job = begun(app, cancel_asked=True)
    endings.settle(app, job, LEASE, Verdict.OVER_LIMIT, "x")
    assert (row(app, job).state, row(app, job).reason) == (JobState.CANCELLED, rows.ASKED)


@pytest.mark.parametrize("begins", [True, False])
def test_a_job_that_is_handed_back_is_due_at_once_and_has_had_no_try(app: Flask, begins: bool) -> None:
    job = begun(app) if begins else lease(app)
    endings.settle(app, job, LEASE, Verdict.HANDED_BACK, "its worker was stopped")
    left = row(app, job)
    assert (left.state, left.tries, left.error) == (JobState.WAITING, 0, None)
    assert database.sql(app, "SELECT due_at <= now() FROM platform.jobs WHERE id = :id", id=job) == [(True,)]
    assert timeline(app, job) == [("handed back", "its worker was stopped")]
    assert Verdict.HANDED_BACK.value not in endings.FAILURES


@pytest.mark.parametrize("verdict", [Verdict.CRASHED, Verdict.HANDED_BACK])
@pytest.mark.parametrize("state", [JobState.DONE, JobState.WAITING, JobState.DEAD, JobState.CANCELLED])
def test_what_the_job_or_somebody_else_has_written_down_stands(app: Flask, verdict: Verdict, state: JobState) -> None:
    job = begun(app)
    change(app, job, state=state)
    endings.settle(app, job, LEASE, verdict, "x")
    assert (row(app, job).state, row(app, job).tries, timeline(app, job)) == (state, 1, [])


def test_the_job_of_a_later_lease_is_left_alone(app: Flask) -> None:
    job = lease(app)
    lease_again(app, job)
    endings.settle(app, job, LEASE, Verdict.CRASHED, "x")
    assert not endings_of(app, job)
    assert row(app, job).state == JobState.LEASED
    endings.settle(app, job, 2, Verdict.CRASHED, "x")  # the control
    assert row(app, job).state == JobState.WAITING


def endings_of(app: Flask, job: UUID) -> bool:
    """Whether any way to end the first lease's try has changed something."""
    with app.app_context():
        ended = [
            endings.fail(job, LEASE, "x", backoff=Backoff()),
            endings.hold(job, LEASE, "x"),
            endings.cancel(job, LEASE, "x"),
        ]
    return any(ended)


def test_a_row_that_the_dead_workers_connection_still_holds_is_waited_for(app: Flask, settings: Settings) -> None:
    job = begun(app)
    with open_on(settings, job) as holder:
        settling = threading.Thread(target=endings.settle, args=(app, job, LEASE, Verdict.CRASHED, "x"))
        with structlog.testing.capture_logs() as log:
            settling.start()
            settling.join(3 * endings._APART)
            assert settling.is_alive()
            holder.rollback()
            settling.join()
    assert (row(app, job).state, log) == (JobState.WAITING, [])


def test_one_that_is_held_for_too_long_is_left_to_the_end_of_its_lease(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "PATIENCE", 0.2)
    job = begun(app)
    with open_on(settings, job) as holder, structlog.testing.capture_logs() as log:
        endings.settle(app, job, LEASE, Verdict.CRASHED, "x")
        holder.rollback()
    assert [line["event"] for line in log] == ["job.unsettled"]
    assert (row(app, job).state, timeline(app, job)) == (JobState.RUNNING, [])


def test_a_connection_that_was_cut_off_meanwhile_is_replaced(app: Flask, settings: Settings) -> None:
    """As after a failover."""
    job = begun(app)
    with database.application(settings) as old:
        with old.app_context():
            pid = db.session.scalar(sa.text("SELECT pg_backend_pid()"))
        database.sql(app, "SELECT pg_terminate_backend(:pid)", pid=pid)
        with structlog.testing.capture_logs() as log:
            endings.settle(old, job, LEASE, Verdict.CRASHED, "x")
    assert (row(app, job).state, log) == (JobState.WAITING, [])


def test_what_is_kept_of_an_error_without_a_text_is_its_name() -> None:
    assert endings.line(ValueError()) == "ValueError: "
    assert endings.line(ValueError("\nx")) == "ValueError: "


def test_an_error_may_say_what_no_database_stores(app: Flask) -> None:
    """Its words are somebody else's."""
    job, error = begun(app), ValueError("a\0b\ud800")
    with app.app_context():
        with pytest.raises((ValueError, UnicodeEncodeError)):
            endings.fail(job, LEASE, str(error), backoff=Backoff())  # the control
        assert endings.fail(job, LEASE, endings.line(error), backoff=Backoff())
    assert row(app, job).error == "ValueError: a b "


def test_so_is_a_job_whose_database_is_away(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "PATIENCE", 0.2)
    job = begun(app)
    nowhere = "postgresql+psycopg2://freehold_app:x@127.0.0.1:1/nowhere"
    with database.application(settings, database_url=nowhere) as away, structlog.testing.capture_logs() as log:
        endings.settle(away, job, LEASE, Verdict.CRASHED, "x")
    assert [line["event"] for line in log] == ["job.unsettled"]
    assert row(app, job).state == JobState.RUNNING


def begun(app: Flask, **values: object) -> UUID:
    job = lease(app, **values)
    change(app, job, state=JobState.RUNNING, tries=1)
    return job


class open_on:  # noqa: N801  reads as what happens inside
    """Another connection with a transaction open that has changed the job's row."""

    def __init__(self, settings: Settings, job: UUID) -> None:
        self.connection = psycopg2.connect(settings.database_url.replace("+psycopg2", ""))
        with self.connection.cursor() as cursor:
            cursor.execute("UPDATE platform.jobs SET state = 'done' WHERE id = %s", [str(job)])

    def __enter__(self) -> "psycopg2.extensions.connection":
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()
