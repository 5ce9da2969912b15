"""Whatever a job does, its worker goes on, and the job is settled at once."""

import os
import signal
from pathlib import Path

import pytest

from saas.core.jobs import JobState
from saas.core.jobs.present import BEATS
from tests.core.jobs.worker.conftest import Hands, Worker, gone
from tests.support.live import eventually
from tests.support.people import unique

TRIED = (JobState.WAITING, JobState.DEAD)


def test_a_job_that_lets_nothing_end_it_is_killed(hands: Hands, worker: Worker, tmp_path: Path) -> None:
    before = worker.child
    job = hands.until(hands.give("tests.worker.swallowing", str(tmp_path), limit=1), *TRIED)
    assert (tmp_path / "swallowed").exists(), "it was told to end first"
    assert (job.state, job.tries) == (JobState.WAITING, 1)
    assert "over its time limit" in (job.error or "")
    assert eventually(lambda: worker.child != before)
    goes_on(hands)


def test_control_without_its_supervisor_it_goes_on(apart: Hands, tmp_path: Path) -> None:
    with apart.worker("--alone") as alone:
        alone.ready()
        id_ = apart.give("tests.worker.swallowing", str(tmp_path), limit=1)
        eventually((tmp_path / "swallowed").exists)
        assert apart.row(id_).state == JobState.RUNNING


def test_a_job_that_hangs_in_c_is_killed(hands: Hands, worker: Worker, tmp_path: Path) -> None:
    job = hands.until(hands.give("tests.worker.deaf", str(tmp_path), limit=1), *TRIED)
    assert (tmp_path / "started").exists()
    assert "over its time limit" in (job.error or "")
    goes_on(hands)


def test_a_job_that_only_takes_too_long_ends_by_itself(hands: Hands, worker: Worker, tmp_path: Path) -> None:
    job = hands.until(hands.give("tests.worker.slow", str(tmp_path), limit=1), *TRIED)
    assert (job.error, (tmp_path / "swallowed").exists()) == ("OverLimit: it took longer than its limit of 1 s", False)
    goes_on(hands)


def test_a_job_that_takes_too_much_memory_is_killed(hands: Hands, worker: Worker, tmp_path: Path) -> None:
    job = hands.until(hands.give("tests.worker.greedy", str(tmp_path), 500), *TRIED)
    assert (job.tries, job.error) == (1, "its process took more than 400 MiB and was killed")
    goes_on(hands)


def test_a_job_whose_process_dies_has_been_tried(hands: Hands, worker: Worker) -> None:
    job = hands.until(hands.give("tests.worker.crashing"), *TRIED)
    assert (job.tries, job.error) == (1, "its process ended in the middle of it: by signal 9 (Killed)")
    goes_on(hands)


def test_what_a_job_has_started_is_killed_with_it(hands: Hands, worker: Worker, tmp_path: Path) -> None:
    hands.until(hands.give("tests.worker.parenting", str(tmp_path), limit=1), *TRIED)
    assert eventually(lambda: gone(int((tmp_path / "pid").read_text())))


def test_a_process_that_has_grown_is_replaced_after_its_job(hands: Hands, worker: Worker) -> None:
    before = worker.child
    job = hands.until(hands.give("tests.worker.leaking", 230), JobState.DONE, *TRIED)
    assert (job.state, job.tries) == (JobState.DONE, 1)
    assert eventually(lambda: gone(before))
    goes_on(hands)


def test_a_process_that_hangs_without_a_job_is_replaced(apart: Hands) -> None:
    with apart.worker("--impatient") as worker:
        worker.ready()
        before = worker.child
        os.kill(before, signal.SIGSTOP)
        assert eventually(lambda: gone(before))
        goes_on(apart)


def test_a_process_is_replaced_when_it_is_old_and_loses_nothing(apart: Hands) -> None:
    mark = unique()
    with apart.worker("--age", "1") as worker:
        worker.ready(times=2)
        given = [apart.give("tests.worker.whoami", mark) for _ in range(20)]
        for id_ in given:
            assert apart.until(id_, JobState.DONE, *TRIED).tries == 1
    assert apart.effects(mark) == 20


@pytest.mark.parametrize(("name", "grace", "effects"), [("tests.halting", "2", 1), ("tests.careless", "3600", 2)])
def test_a_job_that_does_not_end_is_handed_back_and_has_not_been_tried(
    apart: Hands, tmp_path: Path, name: str, grace: str, effects: int
) -> None:
    """At the end of the grace, or at a second signal that comes a second after the first one.

    The control is a job whose effect is committed apart: its effect is there twice.
    """
    mark = unique()
    with apart.worker("--grace", grace) as worker:
        worker.ready()
        id_ = apart.give(name, mark, str(tmp_path))
        eventually((tmp_path / "started").exists)
        child = worker.child

        worker.process.terminate()
        eventually(lambda: worker.died(again=grace == "3600"))
        assert gone(child)
        worker.process.wait(60)
    job = apart.row(id_)
    assert (job.state, job.tries) == (JobState.WAITING, 0)
    (tmp_path / "go").touch()
    apart.do(id_)
    assert apart.effects(mark) == effects


def test_sigterm_lets_the_running_job_end_and_takes_no_other(apart: Hands, tmp_path: Path) -> None:
    mark = unique()
    with apart.worker("--grace", "3600") as worker:
        worker.ready()
        id_ = apart.give("tests.halting", mark, str(tmp_path))
        eventually((tmp_path / "started").exists)
        next_ = apart.give("tests.effect", mark)
        worker.process.terminate()
        eventually(lambda: "worker.stopping" in worker.log())
        (tmp_path / "go").touch()
        assert worker.process.wait(60) == 0
    assert not apart.redis.exists("rq:workers", "rq:workers:fast", BEATS.format("fast"))
    assert (apart.row(id_).state, apart.row(next_).state) == (JobState.DONE, JobState.LEASED)
    assert apart.effects(mark) == 1


def test_a_killed_supervisor_takes_its_child_along(apart: Hands, tmp_path: Path) -> None:
    with apart.worker() as worker:
        worker.ready()
        id_ = apart.give("tests.halting", unique(), str(tmp_path))
        eventually((tmp_path / "started").exists)
        child = worker.child
        worker.process.kill()
        worker.process.wait()
        assert eventually(lambda: gone(child))
    assert apart.row(id_).state == JobState.RUNNING, "until its lease ends"


def goes_on(hands: Hands) -> None:
    """The worker does the next job."""
    job = hands.until(hands.give("tests.worker.whoami", unique()), JobState.DONE, *TRIED)
    assert (job.state, job.tries) == (JobState.DONE, 1)
