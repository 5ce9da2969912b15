"""`saas jobs …`: what a stranger reads, what a program reads, and what the exit status says."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from saas.cli import retrying, watching
from saas.core.database import db, transaction
from saas.core.jobs import figures, turns
from saas.core.jobs.queues import QUEUES
from saas.core.settings import Settings
from tests.support.command_line import Run, ready
from tests.support.database import sql
from tests.support.job_rows import Rows, audited, rows
from tests.support.live import eventually
from tests.support.people import unique

REASON = ("--reason", "The server that it calls is gone.")
NOBODY = str(uuid4())
_IN_LINE = """
SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Run:
    return ready(monkeypatch, settings)


@pytest.fixture
def made(app: Flask) -> Iterator[Rows]:
    with rows(app) as made:
        yield made


@pytest.fixture
def mark() -> str:
    return f"tests.{unique()}"


def told(run: Run, *words: str, status: int = 0) -> Any:
    """What a program is told."""
    done = run("jobs", *words, "--json")
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def test_jobs_are_listed_page_by_page(run: Run, made: Rows, mark: str) -> None:
    ids = [str(job) for job in made.add_many(60, name=mark, state="dead", error="ValueError: no")]
    first = told(run, "list", "--name", mark, "--state", "dead")
    second = told(run, "list", "--name", mark, "--state", "dead", "--after", first["next"])
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == ids[::-1]
    assert second["next"] is None
    for people in (run("jobs", "list", "--name", mark, "--state", "dead"), run("jobs", "list", "--search", ids[0])):
        assert people.exit_code == 0
        assert "ValueError: no" in people.stdout
    assert "There may be more: --after '" in run("jobs", "list", "--name", mark, "--state", "dead").stderr


def test_a_job_is_shown_with_its_timeline(run: Run, made: Rows, mark: str) -> None:
    job = made.add(name=mark, args=["0198"], done=1, total=2, message="Rows are read")
    made.tell(job, ("failed", "ValueError: no"), ("log", "row 7"))
    shown = told(run, "show", str(job))
    assert (shown["state"], shown["known"], shown["args"], shown["total"]) == ("kept", False, ["0198"], 2)
    assert mark in shown["kept_for"]
    assert [event["kind"] for event in shown["timeline"]] == ["log", "failed"]
    people = run("jobs", "show", str(job))
    assert people.stdout.index("ValueError: no") < people.stdout.index("row 7"), "as it happened"


def test_a_job_is_followed_to_its_end(
    app: Flask, run: Run, made: Rows, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = ["done = 1", "done = 1", "done = 2, message = 'Rows are written'", "state = 'done', due_at = NULL"]
    for as_json in (False, True):
        job = made.add(name=mark, state="running", total=2, message="Rows are read")
        left = iter(changes)
        step = lambda _s, job=job, left=left: sql(app, f"UPDATE platform.jobs SET {next(left)} WHERE id = :id", id=job)  # noqa: E731
        monkeypatch.setattr(watching, "time", SimpleNamespace(sleep=step))
        followed = run("jobs", "show", str(job), "--follow", *["--json"] * as_json)
        assert followed.exit_code == 0, followed.output
        lines = followed.stdout.splitlines()
        if as_json:
            assert [(line["state"], line["done"]) for line in map(json.loads, lines)] == [
                ("running", None), ("running", 1), ("running", 2), ("done", 2),
            ]  # fmt: skip
        else:
            assert lines == [
                "running    Rows are read", "running    1 of 2  Rows are read",
                "running    2 of 2  Rows are written", "done       2 of 2  Rows are written",
            ]  # fmt: skip


def test_stats_tell_of_each_queue_and_of_names_that_nobody_knows(run: Run, made: Rows, mark: str) -> None:
    made.add(name=mark, queue="slow", ago=100)
    stats = told(run, "stats")
    assert {queue["queue"] for queue in stats["queues"]} >= {"fast", "slow", "webhooks"}
    assert {"name": mark, "jobs": 1} in stats["unknown"]
    people = run("jobs", "stats")
    assert people.exit_code == 0
    assert f"Kept, since no code here is called so: {mark} (1)" in people.stdout


def test_dead_jobs_are_tried_again(app: Flask, run: Run, made: Rows, mark: str) -> None:
    one, two, alive = made.add(name=mark, state="dead"), made.add(name=mark, state="dead"), made.add(name=mark)
    assert told(run, "retry", str(one)) == {"retried": 1}
    assert made.read(one, "state") == ("waiting",)
    assert told(run, "retry", str(one), str(alive), status=1) == {"retried": 0}
    assert told(run, "retry", "--kind", mark) == {"retried": 1}
    assert made.read(two, "state") == ("waiting",)
    ((actor, _, _),) = audited(app, "job.retried", job=str(one))
    assert actor == "system"
    assert len(audited(app, "jobs.retried", name=mark, jobs=1)) == 1


def test_all_dead_jobs_are_all_of_them_and_not_only_the_newest(
    app: Flask, made: Rows, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LOOKED_AT", 1)
    made.add(name=mark, state="dead", ago=1e6)
    made.add(name=f"{mark}.not", state="dead")
    with app.app_context():
        assert {mark, f"{mark}.not"} <= set(retrying._kinds("", everything=True))


def test_jobs_are_cancelled_one_by_one(app: Flask, run: Run, made: Rows, mark: str) -> None:
    waiting, running, done = (made.add(name=mark, state=state) for state in ("waiting", "running", "done"))
    ended = run("jobs", "cancel", str(waiting), str(done), NOBODY, str(running), *REASON)
    assert ended.exit_code == 1
    lines = dict(line.split("  ", 1) for line in ended.stdout.splitlines())
    assert lines[str(waiting)] == "cancelled"
    assert lines[str(running)] == "told to stop"
    assert lines[str(done)] == "It has ended, so there is nothing to cancel."
    assert lines[NOBODY].startswith("Its id is wrong")
    assert [made.read(job, "state", "cancel_asked") for job in (waiting, running, done)] == [
        ("cancelled", made.read(waiting, "cancel_asked")[0]), ("running", True), ("done", False),
    ]  # fmt: skip
    assert len(audited(app, "job.cancelled", name=mark)) == 2
    assert told(run, "cancel", str(made.add(name=mark)), *REASON)["jobs"][0]["outcome"] == "cancelled"


def test_dead_jobs_are_dismissed(run: Run, made: Rows, mark: str) -> None:
    one, two, alive = made.add(name=mark, state="dead"), made.add(name=mark, state="dead"), made.add(name=mark)
    assert run("jobs", "dismiss", str(alive), str(one), *REASON).exit_code == 1
    assert told(run, "dismiss", "--kind", mark, *REASON) == {"dismissed": 1}
    assert [made.read(job, "state", "reason") for job in (one, two)] == [("dismissed", REASON[1])] * 2
    assert made.read(alive, "state") == ("waiting",)


@pytest.mark.parametrize("name", ["webhooks", "billing.sweep"])
def test_queues_and_schedules_are_paused_and_resumed(app: Flask, run: Run, name: str) -> None:
    try:
        assert told(run, "pause", name) == {"name": name, "paused": True, "changed": True}
        assert f"{name} was paused already." in run("jobs", "pause", name).stdout
        assert "yes" in run("jobs", "stats").stdout or f"Paused schedule: {name}" in run("jobs", "stats").stdout
        assert told(run, "resume", name) == {"name": name, "paused": False, "changed": True}
        assert told(run, "resume", name)["changed"] is False
    finally:
        for table in ("job_queues", "job_schedules"):
            sql(app, f"UPDATE platform.{table} SET paused_at = NULL WHERE name = :name", name=name)


def test_a_queue_drains(app: Flask, run: Run, made: Rows, mark: str) -> None:
    """The status says whether it is empty; what is still out is named."""
    job = made.add(name=mark, queue="webhooks", state="running")
    try:
        out = told(run, "drain", "webhooks", "--wait", "0", status=1)
        assert {"id": str(job), "name": mark, "state": "running"} in out["out"]
        assert "these are still out" in run("jobs", "drain", "webhooks", "--wait", "0").stdout
        made.change(job, state="done", due_at=None)
        assert told(run, "drain", "webhooks", "--wait", "0") == {"queue": "webhooks", "out": []}
        (row,) = sql(app, "SELECT paused_at FROM platform.job_queues WHERE name = 'webhooks'")
        assert row.paused_at is not None
    finally:
        sql(app, "UPDATE platform.job_queues SET paused_at = NULL WHERE name = 'webhooks'")


def test_a_queue_is_not_empty_while_a_turn_from_before_the_pause_goes_on(
    app: Flask, run: Run, made: Rows, mark: str
) -> None:
    job = made.add(name=mark, queue="webhooks")
    try:
        with ThreadPoolExecutor(1) as pool:
            with app.app_context(), transaction():
                turn = f"{turns.IN_TURN} UPDATE platform.jobs SET state = 'leased' WHERE id = %(job)s"
                db.session.connection().exec_driver_sql(turn, {"lock": QUEUES.index("webhooks"), "job": str(job)})
                drained = pool.submit(told, run, "drain", "webhooks", "--wait", "0", status=1)
                eventually(lambda: drained.done() or sql(app, _IN_LINE))
            assert {"id": str(job), "name": mark, "state": "leased"} in drained.result()["out"]
    finally:
        sql(app, "UPDATE platform.job_queues SET paused_at = NULL WHERE name = 'webhooks'")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["show", NOBODY], 1, "Its id is wrong, or it ended long ago"),
        (["retry"], 2, "name the jobs by their ids"),
        (["retry", NOBODY, "--all"], 2, "name the jobs by their ids"),
        (["retry", "x"], 2, "not a valid UUID"),
        (["cancel", NOBODY], 2, "--reason"),
        (["dismiss", NOBODY, "--reason", "no"], 2, "say why in 5 to 500 characters"),
        (["pause", "none"], 2, "there is no queue or schedule called none. Queues: fast, slow, webhooks. Schedules:"),
        (["drain", "none"], 2, "'fast', 'slow', 'webhooks'"),
        (["list", "--state", "asleep"], 2, "'kept'"),
        (["list", "--after", "there"], 2, "--after takes the `next` of a page before"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(run: Run, words: list[str], status: int, said: str) -> None:
    done = run("jobs", *words)
    assert done.exit_code == status
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
