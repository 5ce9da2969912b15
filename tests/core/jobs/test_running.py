"""What a job tells while it runs, and where the next try goes on."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core import audit
from saas.core.database import TransactionOpen, db, transaction
from saas.core.jobs import Job, JobState, calls, rows, running, steering
from saas.core.jobs.models import JobEvent
from saas.core.jobs.registry import Handler
from saas.core.jobs.running import NoJob, Running, current
from saas.core.jobs.steering import Outcome
from tests.support.leases import OWN, change, lease, lease_again, row, run, timeline
from tests.support.people import Person, unique

Work = Callable[[Running], Any]


def long(work: Work, **options: Any) -> Handler:
    """A handler whose job does `work` outside of its last transaction, which does nothing."""
    return Handler(OWN, lambda *_: None, outside=lambda *_: work(current()), **options)


def test_progress_is_seen_while_the_job_runs(app: Flask) -> None:
    seen = []

    def work(mine: Running) -> None:
        mine.progress(1, 3, "first")
        seen.append((row(app, job).done, row(app, job).total, row(app, job).message))
        mine.progress(3, message="x" * 300)
        seen.append((row(app, job).done, row(app, job).total, len(row(app, job).message or "")))

    job = lease(app)
    run(app, long(work), job)
    assert seen == [(1, 3, "first"), (3, 3, running.LONGEST)]
    assert row(app, job).state == JobState.DONE


def test_a_job_that_tells_of_each_row_writes_a_few_times_a_second(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = 1000.0, list[int | None]()
    monkeypatch.setattr(running.time, "monotonic", lambda: now)

    def work(mine: Running) -> None:
        nonlocal now
        for done in range(1, 101):
            mine.progress(done, 100)
            now += running.APART / 16
            written.append(row(app, job).done)

    job = lease(app)
    run(app, long(work), job)
    assert sorted(set(written)) == [1, 17, 33, 49, 65, 81, 97, 100], "the last one is not left out"


@pytest.mark.parametrize("asks", ["progress", "step"])
def test_a_running_job_is_cancelled_where_it_tells_how_far_it_is(app: Flask, asks: str) -> None:
    reached = list[str]()

    def work(mine: Running) -> None:
        change(app, job, cancel_asked=True)
        try:
            if asks == "progress":
                mine.progress(1, 2)
            with mine.step(1):
                reached.append("step")
        except Exception:  # noqa: BLE001  as careless code does
            reached.append("swallowed")
        reached.append("end")

    job = lease(app)
    run(app, long(work), job)
    left = row(app, job)
    assert (left.state, left.reason, left.due_at, reached) == (JobState.CANCELLED, rows.ASKED, None, [])
    assert timeline(app, job) == [("cancelled", rows.ASKED)]


@pytest.mark.parametrize("asks", ["progress", "step", "call", "failure", "next try"])
def test_a_wish_to_cancel_in_the_middle_of_a_step_is_heeded_after_it_and_keeps_its_reason(
    app: Flask, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "_PATIENCE", "50ms")
    reached = list[str]()

    def work(mine: Running) -> None:
        with mine.step(1):
            with app.app_context(), transaction():
                assert steering.cancel(job, "not wanted") == Outcome.ASKED
            reached.append("step")
        if asks == "progress":
            mine.progress(1, 2)
        elif asks == "step":
            with mine.step(2):
                reached.append("another")
        elif asks == "call":
            calls.once("charge", reached.append)
        elif asks == "failure":
            raise ValueError("on purpose")
        else:  # as when its worker is killed
            lease_again(app, job)

    job = lease(app)
    with contextlib.suppress(ValueError):
        run(app, long(work), job)
    if asks == "next try":
        run(app, long(work), job, 2)
    left = row(app, job)
    assert (left.state, left.reason, left.due_at, reached) == (JobState.CANCELLED, "not wanted", None, ["step"])
    assert timeline(app, job)[0] == ("cancel asked", "not wanted")


def test_a_wish_from_before_a_job_was_given_all_its_tries_again_is_over(app: Flask) -> None:
    job = lease(app)
    with app.app_context(), transaction():
        db.session.add(JobEvent(job=job, kind="cancel asked", text="x"))
        db.session.execute(sa.update(Job).where(Job.id == job).values(state=JobState.DEAD, due_at=None))
    with app.app_context(), transaction():
        assert steering.retry(job) == 1
    run(app, long(lambda mine: mine.progress(1)), job, lease_again(app, job))
    assert row(app, job).state == JobState.DONE


def test_an_operators_reason_outlives_the_end_of_the_job(app: Flask) -> None:
    def work(mine: Running) -> None:
        with app.app_context(), transaction():
            assert steering.cancel(job, "not wanted") == Outcome.ASKED
        assert row(app, job).cancel_asked
        mine.progress(1)

    job = lease(app)
    run(app, long(work), job)
    assert (row(app, job).state, row(app, job).reason) == (JobState.CANCELLED, "not wanted")


def test_progress_is_counted_beyond_what_four_bytes_hold(app: Flask) -> None:
    job = lease(app)
    run(app, long(lambda mine: mine.progress(2**33, 2**40)), job)
    assert (row(app, job).state, row(app, job).done, row(app, job).total) == (JobState.DONE, 2**33, 2**40)


@pytest.mark.parametrize("asks", ["progress", "step"])
def test_a_job_whose_lease_is_lost_hears_of_it_where_it_tells_how_far_it_is(app: Flask, asks: str) -> None:
    reached = list[str]()

    def work(mine: Running) -> None:
        lease_again(app, job)
        if asks == "progress":
            mine.progress(1, 2)
        with mine.step(1):
            reached.append("step")

    job = lease(app)
    run(app, long(work), job)
    left = row(app, job)
    assert (left.state, left.done, left.checkpoint, reached) == (JobState.LEASED, None, None, [])


def test_a_step_and_its_checkpoint_are_one_commit(app: Flask) -> None:
    mark = unique()

    def work(mine: Running) -> None:
        with mine.step({"after": "a"}, done=1, total=2):
            note(mark, "a")
        assert (mine.checkpoint, row(app, job).checkpoint, row(app, job).done) == ({"after": "a"}, {"after": "a"}, 1)
        with pytest.raises(ValueError, match="on purpose"), mine.step({"after": "b"}, done=2):  # noqa: PT012
            note(mark, "b")
            raise ValueError("on purpose")
        assert (mine.checkpoint, row(app, job).checkpoint, row(app, job).done) == ({"after": "a"}, {"after": "a"}, 1)

    job = lease(app)
    run(app, long(work), job)
    assert (row(app, job).state, noted(app, mark)) == (JobState.DONE, ["a"])


def test_the_next_try_goes_on_behind_the_last_step(app: Flask) -> None:
    assert go_through(app, lambda mine, number: mine.step(number, done=number)) == ["1", "2", "3", "4"]


def test_control_steps_that_are_committed_without_their_checkpoint_are_made_again(app: Flask) -> None:
    def careless(_mine: Running, _number: int) -> Any:
        return transaction()

    assert go_through(app, careless) == ["1", "1", "2", "2", "3", "4"]


def go_through(app: Flask, step: Callable[[Running, int], Any]) -> list[str]:
    """A job of four steps whose first try ends in the middle of the third."""
    mark = unique()

    def work(mine: Running) -> None:
        for number in range((mine.checkpoint or 0) + 1, 5):
            with step(mine, number):
                note(mark, str(number))
                if number == 3 and mine.tries == 1:
                    raise ValueError("on purpose")

    job = lease(app)
    with pytest.raises(ValueError, match="on purpose"):
        run(app, long(work), job)
    assert noted(app, mark) == ["1", "2"]
    run(app, long(work), job, lease_again(app, job))
    assert row(app, job).state == JobState.DONE
    return noted(app, mark)


def test_a_step_of_a_tenants_job_works_in_the_tenant_and_code_between_steps_does_not(app: Flask, owner: Person) -> None:
    seen = []

    def work(mine: Running) -> None:
        for number in (1, 2):
            with mine.step(number):
                seen.append(db.session.scalar(sa.text("SELECT current_schema()")))
            with transaction():
                seen.append(db.session.scalar(sa.text("SELECT count(*) > 0 FROM platform.tenants")))

    run(app, long(work, scope="tenant"), lease(app, tenant=owner.tenant))
    assert seen == [owner.tenant, True] * 2


@pytest.mark.parametrize("asks", ["progress", "step"])
def test_what_would_wait_for_itself_is_refused(app: Flask, asks: str) -> None:
    """A step, and the job's effect, hold its row until they end."""

    def tell(mine: Running) -> None:
        with pytest.raises(TransactionOpen):
            mine.progress(1)
        with pytest.raises(TransactionOpen), mine.step(1):
            pass

    def in_a_step(mine: Running) -> None:
        with mine.step(1):
            tell(mine)

    job = lease(app)
    run(app, long(in_a_step) if asks == "step" else Handler(OWN, lambda: tell(current())), job)
    assert row(app, job).state == JobState.DONE


def test_a_job_writes_lines_into_its_timeline_whatever_becomes_of_its_effect(app: Flask) -> None:
    def effect() -> None:
        current().log("in its effect")
        raise ValueError("on purpose")

    def work(mine: Running) -> None:
        mine.log("outside")
        with mine.step(1):
            mine.log("in a step")

    job = lease(app)
    with pytest.raises(ValueError, match="on purpose"):
        run(app, Handler(OWN, effect), job)
    run(app, long(work), job, lease_again(app, job))
    said = [("log", "outside"), ("log", "in a step")]
    assert timeline(app, job) == [("log", "in its effect"), ("failed", "try 1 of 3: ValueError: on purpose"), *said]


def test_a_job_that_says_too_much_is_told_so_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_LINES", 4)
    monkeypatch.setattr(rows, "LOG", rows._lightly(rows._log(), rows._event.id))

    def work(mine: Running) -> None:
        for number in range(10):
            mine.log(str(number) * 3000)

    job = lease(app)
    run(app, long(work), job)
    lines = [text for _kind, text in timeline(app, job)]
    assert [text[:3] for text in lines[:3]] == ["000", "111", "222"]
    assert {len(text) for text in lines[:3]} == {running.LONGEST_LINE}
    assert lines[3:] == [rows._LAST_LINE]


def test_a_job_knows_its_key_and_its_try(app: Flask) -> None:
    seen = []
    job = lease(app, tries=1)
    run(app, Handler(OWN, lambda *_: seen.append(current().tries), outside=lambda _: seen.append(current().key)), job)
    assert seen == [str(job), 2]
    with pytest.raises(NoJob):
        current()


def note(mark: str, what: str) -> None:
    audit.record("tests.noted", actor="system", tenant=None, mark=mark, what=what)


def noted(app: Flask, mark: str) -> list[str]:
    with app.app_context():
        what = audit.AuditEntry.detail["what"].astext
        mine = sa.select(what).where(audit.AuditEntry.detail["mark"].astext == mark)
        return list(db.session.scalars(mine.order_by(what)))
