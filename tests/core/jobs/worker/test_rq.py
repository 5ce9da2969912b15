"""What RQ and its tools see of our worker, and that RQ is the one whose methods we override."""

import hashlib
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rq
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job as RqJob
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker import BaseWorker

from saas.core.jobs import JobState, registry
from saas.core.jobs.bookkeeping import Bookkeeper
from saas.core.jobs.present import BEATS
from saas.core.jobs.worker import _Worker
from tests.core.jobs.worker.conftest import Hands, Worker
from tests.support.live import ROOT, environment, eventually
from tests.support.people import Person, unique

# What is overridden, and what that relies on, as it was read in RQ 3.0.0. Another version: read them again.
REVIEWED = {
    "connection_timeout": "d430e6acca2e",
    "death_penalty_class": "c12c03756fa3",
    "dequeue_timeout": "62cbfcfcde52",
    "execute_job": "eae0f23110ae",
    "handle_exception": "fffd9b2925ac",
    "handle_execution_ended": "23748b027980",
    "handle_job_failure": "7432afe53b9f",
    "handle_job_success": "9dda7c7d3ca1",
    "prepare_execution": "899b4eaa689f",
    "prepare_job_execution": "d08dd32962e3",
    "register_death": "cb2b0be15021",
    "request_stop": "f934e7e7e6ee",
    "BaseWorker.__init__": "86f83bb69582",
    "BaseWorker.work": "04b5cdf8e554",
    "BaseWorker.perform_job": "1f0e40678ae5",
    "BaseWorker._finalize_success": "ef21a613e808",
    "BaseWorker._finalize_failure": "6d1b8bd1117e",
    "BaseWorker.run_maintenance_tasks": "3d8a446b5354",
    "BaseWorker.clean_registries": "e2c9790c8156",
    "BaseWorker.serialize": "219368b12c2d",
    "BaseWorker.set_state": "bb8d4f1d93ff",
    "SimpleWorker.get_heartbeat_ttl": "f83449c2eeba",
    "Execution.create": "b167074a0d20",
    "Execution.delete": "8c36e0625109",
    "Queue.dequeue_any": "2452e56ad519",
    "UnixSignalDeathPenalty": "c12c03756fa3",
}


def test_the_overridden_methods_of_rq_are_the_reviewed_ones() -> None:
    assert rq.VERSION == "3.0.0"
    assert {name: digest(thing) for name, thing in relied_on().items()} == REVIEWED


def test_control_another_method_has_another_digest() -> None:
    assert digest(BaseWorker.handle_job_success) != digest(BaseWorker.handle_job_failure)


def test_a_job_takes_four_trips_to_redis(hands: Hands, worker: Worker) -> None:
    """Counted by the server, as what it has read from its clients. The control is RQ's own worker."""
    trips(hands, 1)
    few, many = (trips(hands, number) for number in (20, 120))
    each = (many - few) / 100
    print(f"trips for one job: {each}")
    assert 3.9 <= each < 4.5  # the server reads what many are sent in more than once


def test_control_rqs_own_worker_takes_many(apart: Hands) -> None:
    marks = [apart.give("tests.effect", unique()) for _ in range(20)]
    before = apart.redis.info("stats")["total_reads_processed"]
    rq_command(apart, "worker", "fast", "--burst", "--worker-class", "rq.SimpleWorker")
    each = (apart.redis.info("stats")["total_reads_processed"] - before) / len(marks)
    assert each > 20
    assert {apart.row(id_).state for id_ in marks} == {JobState.DONE}  # and it does our jobs


def test_rq_info_shows_the_running_job_by_its_name_and_tenant(
    hands: Hands, worker: Worker, owner: Person, tmp_path: Path
) -> None:
    id_ = hands.give("tests.worker.halting", str(tmp_path), tenant=owner.tenant)
    eventually((tmp_path / "started").exists)
    waiting = hands.give("tests.effect", unique())
    said = rq_command(hands, "info", "-W")
    assert f": busy: tests.worker.halting for {owner.tenant} fast. jobs: " in said
    assert "1 workers, 1 queues" in said
    assert [job.description for job in Queue("fast", connection=hands.redis).jobs] == ["tests.effect for platform"]
    (tmp_path / "go").touch()
    for one in (id_, waiting):
        hands.until(one, JobState.DONE)


def test_a_job_leaves_nothing_in_redis(hands: Hands, worker: Worker) -> None:
    for _ in range(2):  # the second one is begun after the first one's end was told
        hands.until(hands.give("tests.worker.whoami", unique()), JobState.DONE)
    eventually(lambda: not [key for key in hands.redis.keys("rq:*") if b"tests-worker-whoami" in key])
    assert hands.redis.llen("rq:queue:fast:intermediate") == 0


def test_what_an_error_was_about_leaves_neither_through_rq_nor_its_log(hands: Hands, worker: Worker) -> None:
    """Its name, its first line and where it was raised do. Its second line is where PostgreSQL names values."""
    mark = unique()
    hands.until(hands.give("tests.worker.failing", mark), JobState.WAITING)
    (key,) = eventually(lambda: hands.redis.keys("rq:results:tests-worker-failing-*"))
    told = RqJob.fetch(key.decode().removeprefix("rq:results:"), hands.redis).latest_result()
    assert told is not None
    assert told.exc_string == "ValueError: on purpose"
    line = eventually(lambda: [line for line in worker.log().splitlines() if "worker.raised" in line])[0]
    assert "ValueError: on purpose" in line
    assert "worker_jobs.py" in worker.log()
    assert mark not in worker.log()


def test_a_worker_counts_for_ten_minutes_at_most_whatever_its_job_may_take(apart: Hands, tmp_path: Path) -> None:
    """It may be killed with all its machine. RQ's own record of the job is as long as the job."""
    with apart.worker() as worker:
        worker.ready()
        apart.give("tests.halting", unique(), str(tmp_path), limit=86_400)
        eventually((tmp_path / "started").exists)
        ((name, until),) = apart.redis.zrange(BEATS.format("fast"), 0, -1, withscores=True)
        assert 500 < until - apart.redis.time()[0] <= 615
        assert apart.redis.ttl(f"rq:worker:{name.decode()}") <= 615
        (execution,) = apart.redis.keys("rq:execution:*")
        assert apart.redis.ttl(execution) > 86_000
        (tmp_path / "go").touch()


def test_a_job_whose_code_this_worker_lacks_is_kept_and_says_so(
    hands: Hands, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(registry.get("tests.effect"), path="tests.support.jobs.newer")
    monkeypatch.setitem(registry._handlers, "tests.effect", newer)
    id_ = hands.give("tests.effect", unique())
    job = hands.until(id_, JobState.WAITING)
    assert (job.tries, job.reason) == (0, "this worker's code does not know tests.support.jobs.newer")
    monkeypatch.undo()
    hands.give_again(id_)
    hands.until(id_, JobState.DONE)


def relied_on() -> dict[str, Any]:
    theirs = {name for kind in SimpleWorker.__mro__[:-1] for name in vars(kind)}
    ours = {name for kind in (Bookkeeper, _Worker) for name in vars(kind)}
    dunder = {name for name in theirs if name.startswith("__")}
    overridden = {name: inspect.getattr_static(SimpleWorker, name) for name in sorted(ours & theirs - dunder)}
    used = (
        BaseWorker.__init__, BaseWorker.work, BaseWorker.perform_job, BaseWorker._finalize_success,
        BaseWorker._finalize_failure, BaseWorker.run_maintenance_tasks,
        BaseWorker.clean_registries, BaseWorker.serialize, BaseWorker.set_state, SimpleWorker.get_heartbeat_ttl,
        Execution.create, Execution.delete, Queue.dequeue_any, UnixSignalDeathPenalty,
    )  # fmt: skip
    return overridden | {thing.__qualname__: thing for thing in used}


def digest(thing: Any) -> str:
    source = inspect.getsource(thing.fget if isinstance(thing, property) else thing)
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def trips(hands: Hands, number: int) -> int:
    """How often the server has read from a client until so many jobs, sent in one trip, were done.

    Beats, each with an EXISTS, and waits where the queue was empty come by time: they are left out.
    """
    before = calls(hands)
    given = hands.give_many("tests.effect", number)
    eventually(lambda: not hands.open(given))
    spent = {name: count - before[name] for name, count in calls(hands).items()}
    assert (spent["watch"], spent["multi"]) == (0, 0)
    return spent["reads"] - spent["exists"] - spent["blmove"]


def calls(hands: Hands) -> dict[str, int]:
    commands = hands.redis.info("commandstats")
    names = ("exists", "blmove", "watch", "multi")
    counted = {name: commands.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in names}
    return counted | {"reads": hands.redis.info("stats")["total_reads_processed"]}


def rq_command(hands: Hands, *words: str) -> str:
    command = [sys.executable, "-m", "rq.cli", *words, "--url", hands.settings.redis_url]
    env = environment(hands.settings, "http://localhost:8000")
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
