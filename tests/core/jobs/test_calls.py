"""A call to the outside is made once, as far as that can be: what was answered is kept with the job."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from saas.core.database import TransactionOpen, db, transaction
from saas.core.jobs import JobState, calls, rows
from saas.core.jobs.registry import Handler
from saas.core.jobs.running import LeaseLost, NoJob
from tests.support import database
from tests.support.leases import OWN, change, lease, lease_again, row, run


class Receiver:
    """Somebody outside, who only counts."""

    def __init__(self, *answers: Any) -> None:
        self.keys: list[str] = []
        self.answers = list(answers)

    def __call__(self, key: str) -> Any:
        self.keys.append(key)
        answer = self.answers.pop(0) if self.answers else {"charge": len(self.keys)}
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("answer", [{"id": "ch_1", "paid": True}, [1, "a"], "text", 3, None, False])
def test_a_repeat_of_the_job_gets_the_answer_and_does_not_call_again(app: Flask, answer: Any) -> None:
    outside = Receiver(answer, "another")
    assert tried_twice(app, lambda: calls.once("charge", outside)) == [answer, answer]
    assert len(outside.keys) == 1


def test_control_a_call_without_it_is_made_twice(app: Flask) -> None:
    outside = Receiver()
    assert tried_twice(app, lambda: outside("key")) == [{"charge": 1}, {"charge": 2}]


def test_each_step_has_its_own_answer_and_key(app: Flask) -> None:
    outside = Receiver()
    tried_twice(app, lambda: [calls.once(step, outside) for step in ("charge", "tell")])
    assert len(outside.keys) == 2
    first, second = outside.keys
    assert (first.partition(":")[2], second.partition(":")[2]) == ("charge", "tell")
    assert first.partition(":")[0] == second.partition(":")[0]


def test_a_call_that_failed_is_made_again_with_the_same_key(app: Flask) -> None:
    outside = Receiver(ConnectionError("away"), "paid")
    job, said = lease(app), []
    handler = Handler(OWN, said.append, outside=lambda _job: calls.once("charge", outside))
    with pytest.raises(ConnectionError):
        run(app, handler, job)
    run(app, handler, job, lease_again(app, job))
    assert (said, len(outside.keys), len(set(outside.keys))) == (["paid"], 2, 1)


def test_two_tries_at_once_call_with_one_key_and_go_by_one_answer(app: Flask) -> None:
    """As when a worker is slower than its lease: the receiver drops the repeat by its key."""
    both, keys, said = threading.Barrier(2, timeout=30), list[str](), list[str]()

    def try_of(who: str) -> Handler:
        def ask(key: str) -> str:
            keys.append(key)
            if who == "first":
                lease_again(app, job)
                second.start()
            both.wait()
            return who

        return Handler(OWN, lambda _: None, outside=lambda _: said.append(calls.once("charge", ask)))

    job = lease(app)
    second = threading.Thread(target=lambda: run(app, try_of("second"), job, 2))
    run(app, try_of("first"), job)
    second.join()
    assert (len(keys), len(set(keys))) == (2, 1)
    assert said[0] == said[1]
    assert (row(app, job).state, row(app, job).lease) == (JobState.DONE, 2)


def test_nothing_is_asked_under_a_lease_that_is_lost_or_of_a_job_that_is_to_be_cancelled(app: Flask) -> None:
    outside, caught = Receiver(), list[str]()

    def lost(_job: UUID) -> None:
        lease_again(app, job)
        try:
            calls.once("charge", outside)
        except LeaseLost:
            caught.append("lost")
            raise

    job = lease(app)
    run(app, Handler(OWN, lambda _result: None, outside=lost), job)
    assert (row(app, job).state, caught) == (JobState.LEASED, ["lost"])

    def unwanted(_job: UUID) -> None:
        change(app, other, cancel_asked=True)
        calls.once("charge", outside)

    other = lease(app)
    run(app, Handler(OWN, lambda _result: None, outside=unwanted), other)
    assert (row(app, other).state, row(app, other).reason) == (JobState.CANCELLED, rows.ASKED)
    assert outside.keys == []


def test_a_step_whose_name_is_too_long_is_refused_before_anything_is_asked(app: Flask) -> None:
    outside = Receiver()
    handler = Handler(OWN, lambda _result: None, outside=lambda _job: calls.once("x" * 81, outside))
    with pytest.raises(ValueError, match="80 characters at most"):
        run(app, handler, lease(app))
    assert outside.keys == []


@pytest.mark.parametrize("answer", [b"secret", {"at": {1}}, float("nan"), "secret\0", "\ud800"], ids=repr)
def test_an_answer_that_is_no_json_is_an_error_that_names_the_step_and_not_the_answer(app: Flask, answer: Any) -> None:
    job = lease(app)
    handler = Handler(OWN, lambda _result: None, outside=lambda _job: calls.once("charge", Receiver(answer)))
    with pytest.raises(calls.NotKept, match=r"the answer to the step 'charge' is no JSON: \w+$"):
        run(app, handler, job)
    assert str(row(app, job).error).startswith("NotKept: the answer to the step 'charge'")


def test_no_call_is_made_with_a_transaction_open(app: Flask) -> None:
    outside = Receiver()

    def open_one(_job: UUID) -> None:
        with transaction():
            db.session.connection()
            calls.once("charge", outside)

    with pytest.raises(TransactionOpen):
        run(app, Handler(OWN, lambda _result: None, outside=open_one), lease(app))
    assert outside.keys == []


def test_without_a_job_there_is_nothing_to_keep_an_answer_with(app: Flask) -> None:
    with app.app_context(), pytest.raises(NoJob):
        calls.once("charge", Receiver())


def test_answers_go_with_their_job(app: Flask) -> None:
    job = lease(app)
    run(app, Handler(OWN, lambda _answer: None, outside=lambda _job: calls.once("charge", Receiver())), job)
    kept = "SELECT count(*) FROM platform.job_calls WHERE job = :job"
    assert database.sql(app, kept, job=job) == [(1,)]
    database.sql(app, "DELETE FROM platform.jobs WHERE id = :job", job=job)
    assert database.sql(app, kept, job=job) == [(0,)]


def tried_twice(app: Flask, call: Callable[[], Any]) -> list[Any]:
    """What a job hears whose first try ends between its call and its commit."""
    job, said = lease(app), list[Any]()

    def effect(answer: Any) -> None:
        said.append(answer)
        if len(said) == 1:
            raise ValueError("on purpose")

    handler = Handler(OWN, effect, outside=lambda _job: call())
    with pytest.raises(ValueError, match="on purpose"):
        run(app, handler, job)
    run(app, handler, job, lease_again(app, job))
    assert row(app, job).state == JobState.DONE
    return said
