"""The back office's pages of jobs, and what operators do there: with a reason, once, and in the audit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from saas.console.jobs_views import ACTIONS
from saas.core.jobs import figures
from saas.core.settings import Settings
from saas.devstack.browser import Page
from tests.support.database import sql
from tests.support.job_rows import Rows, audited, rows
from tests.support.pages import error_at, heading, words
from tests.support.people import Person, unique
from tests.support.threads import together

REASON = "The server that it calls is gone for good."
ERROR = "ValueError: <b>on purpose</b>"


@pytest.fixture
def made(app: Flask) -> Iterator[Rows]:
    with rows(app) as made:
        yield made


@pytest.fixture
def mark() -> str:
    return f"tests.{unique()}"


# Pages


def test_the_queues_tell_depth_pause_workers_and_names_that_nobody_knows(
    operator: Person, made: Rows, mark: str
) -> None:
    made.add(name=mark, queue="slow", ago=40)
    made.add(name=mark, queue="slow", state="dead")
    page = operator.browser.open("/console/jobs")
    assert heading(page) == "Jobs"
    text = words(page)
    for queue in ("fast", "slow", "webhooks"):
        assert re.search(rf"{queue} (Open|Paused)", text), queue
    assert "Names that nothing here knows" in text
    assert f"{mark} 1" in text
    assert f"/console/jobs/list?state=dead&amp;name={mark}" in page.text


def test_a_redis_that_is_away_is_told_and_keeps_nobody_waiting(
    app: Flask, operator: Person, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        app.extensions, "freehold.settings", settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    )
    assert "Redis does not answer." in words(operator.browser.open("/console/jobs"))


def test_jobs_are_listed_and_searched(operator: Person, owner: Person, made: Rows, mark: str) -> None:
    job = made.add(name=mark, tenant=owner.tenant, state="dead", error=ERROR, tries=3)
    made.add(name=mark, tenant=owner.tenant, state="done")
    for wanted in ({"q": mark.upper()}, {"tenant": owner.address, "name": mark}, {"q": str(job)}):
        page = operator.browser.open("/console/jobs/list", params=wanted | {"state": "dead"})
        assert [str(job)] == list(dict.fromkeys(re.findall(r"/console/jobs/([0-9a-f-]{36})", page.text))), wanted
        assert ERROR in words(page)
        assert "<b>on purpose" not in page.text
    assert "No job here" in words(operator.browser.open("/console/jobs/list", params={"q": unique(), "state": "dead"}))


@pytest.mark.parametrize("wanted", ["' OR 1=1 --", "%", "\\", "x" * 5000, "é\u202e", "2026-01-01"])
@pytest.mark.parametrize("part", ["q", "tenant", "name", "queue", "state", "after"])
def test_what_nothing_matches_breaks_nothing(operator: Person, part: str, wanted: str) -> None:
    assert operator.browser.open("/console/jobs/list", params={part: wanted}).status == 200


def test_the_list_leads_from_page_to_page(operator: Person, made: Rows, mark: str) -> None:
    ids = made.add_many(120, name=mark, state="dead")
    page = operator.browser.open("/console/jobs/list", params={"name": mark, "state": "dead"})
    seen = list[str]()
    while True:
        seen += dict.fromkeys(re.findall(r"/console/jobs/([0-9a-f-]{36})", page.text))
        link = re.search(r'href="([^"]*after=[^"]*)">\s*Next page', page.text)
        if not link:
            break
        page = operator.browser.open(link[1].replace("&amp;", "&"))
    assert seen == [str(job) for job in reversed(ids)]


def test_a_job_shows_its_timeline_logs_progress_and_why_it_is_kept(operator: Person, owner: Person, made: Rows) -> None:
    job = made.add(
        tenant=owner.tenant, args=["0198", 7], key="one-at-a-time", done=3, total=4, message="<i>Rows</i> are read",
        checkpoint={"row": 3}, reason="Its workspace is suspended.",
    )  # fmt: skip
    made.tell(job, ("failed", ERROR), ("log", "row 3 of the file"))
    page = operator.browser.open(f"/console/jobs/{job}")
    text = words(page)
    for part in ("Kept", "Its workspace is suspended.", ERROR, "It says", "row 3 of the file", "<i>Rows</i> are read",
                 "3 of 4", "one-at-a-time", '["0198", 7]', owner.tenant, '{"row": 3}'):  # fmt: skip
        assert part in text, part
    assert "<i>Rows" not in page.text
    assert 'value="75" max="100"' in page.text


def test_a_job_is_followed_as_long_as_it_is_open(operator: Person, made: Rows) -> None:
    job = made.add(state="running", done=1, total=4)
    page = operator.browser.open(f"/console/jobs/{job}")
    assert 'hx-trigger="every 2s"' in page.text
    made.change(job, state="done", due_at=None)
    page = operator.browser.open(f"/console/jobs/{job}")
    assert "hx-trigger" not in page.text


def test_a_job_that_is_not_there_is_not_found(operator: Person) -> None:
    for path in (
        f"/console/jobs/{uuid4()}",
        f"/console/jobs/actions/dismiss/{uuid4()}",
        "/console/jobs/actions/dismiss/x",
    ):
        page = operator.browser.open(path)
        assert (page.status, heading(page)) == (404, "There is no such job"), path
    for path in ("pause-queue/none", "pause-schedule/none", f"dismiss-kind/{'x' * 81}", "drop/fast"):
        assert operator.browser.open(f"/console/jobs/actions/{path}").status == 404, path


def test_the_schedules_are_listed_with_their_next_time(operator: Person) -> None:
    text = words(operator.browser.open("/console/jobs/schedules"))
    assert re.search(r"core\.sweep (Open|Paused) Every hour slow The newest is made up for", text)


# Actions


@dataclass(frozen=True)
class Case:
    action: str
    audited: str
    shown: str  # what the page says of before and after
    begins: dict[str, Any]  # the job's columns, before
    ends: tuple[str, ...]  # its state afterwards, and its reason where it keeps one
    told: str
    more: dict[str, Any] = field(default_factory=dict)  # of the audit's detail


CASES = [
    Case("cancel", "job.cancelled", "Kept Cancelled", {}, ("cancelled", REASON), "The job is cancelled."),
    Case("cancel", "job.cancelled", "Running Told to stop", {"state": "running"}, ("running",), "it is told to stop"),
    Case("dismiss", "job.dismissed", "Dead Dismissed", {"state": "dead"}, ("dismissed", REASON), "is dismissed."),
    Case("retry-kind", "jobs.retried", "Dead Waiting", {"state": "dead"}, ("waiting",), "One job is tried again.",
         {"jobs": 1}),
    Case("dismiss-kind", "jobs.dismissed", "Dead Dismissed", {"state": "dead"}, ("dismissed", REASON),
         "One job is dismissed.", {"jobs": 1}),
]  # fmt: skip


def test_every_action_on_jobs_has_a_case() -> None:
    of_queues = {"pause-queue", "resume-queue", "pause-schedule", "resume-schedule"}
    assert {case.action for case in CASES} | of_queues == set(ACTIONS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.action} {case.begins.get('state', '')}")
def test_an_action_shows_what_it_changes_asks_a_reason_and_is_done_once(
    app: Flask, operator: Person, owner: Person, made: Rows, mark: str, case: Case
) -> None:
    job = made.add(name=mark, tenant=owner.tenant, tries=3, **case.begins)
    page = open_action(operator, case, job, mark)
    assert case.shown in words(page)
    blank = operator.browser.send(page, "", "reason", reason="")
    assert blank.status == 422
    assert error_at(blank, "reason") == "Say why; the audit keeps it."
    before = made.read(job, "state", "reason")
    assert before == (case.begins.get("state", "waiting"), None)
    done = operator.browser.send(page, "", "reason", reason=REASON)
    assert case.told in words(done)
    again = operator.browser.send(page, "", "reason", reason=REASON)
    assert "That was done already." in words(again)
    assert made.read(job, "state", "reason")[: len(case.ends)] == case.ends
    ((actor, _tenant, detail),) = audited(app, case.audited, name=mark)
    assert actor == f"user:{operator_id(app, operator)}"
    assert detail["reason"] == REASON
    assert detail.items() >= case.more.items()
    if "job" in detail:
        assert (detail["job"], _tenant) == (str(job), owner.tenant)


def test_all_dead_jobs_of_a_name_are_counted_and_not_only_the_newest_of_the_queue(
    operator: Person, made: Rows, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LOOKED_AT", 1)
    made.add_many(3, name=mark, state="dead", ago=1e6)
    made.add(name=f"{mark}.not", state="dead")
    page = operator.browser.open(f"/console/jobs/actions/dismiss-kind/{mark}")
    assert f"Dead jobs called {mark}: 3" in words(page)
    assert "3 jobs are dismissed." in words(operator.browser.send(page, "", "reason", reason=REASON))


def test_two_clicks_at_the_same_moment_are_one(app: Flask, operator: Person, made: Rows, mark: str) -> None:
    job = made.add(name=mark, state="dead")
    page = open_action(operator, CASES[2], job, mark)
    answers = together(*[lambda: operator.browser.send(page, "", "reason", reason=REASON).status] * 3)
    assert set(answers) == {200}
    assert len(audited(app, "job.dismissed", name=mark)) == 1


def test_what_has_ended_meanwhile_is_left_as_it_is(app: Flask, operator: Person, made: Rows, mark: str) -> None:
    job = made.add(name=mark)
    page = open_action(operator, CASES[0], job, mark)
    made.change(job, state="done", due_at=None)
    late = operator.browser.send(page, "", "reason", reason=REASON)
    assert late.status == 422
    assert "Meanwhile somebody did it" in words(late)
    assert made.read(job, "state") == ("done",)
    assert audited(app, "job.cancelled", name=mark) == []


def test_one_dead_job_is_tried_again_by_one_click_and_once(
    app: Flask, operator: Person, owner: Person, made: Rows, mark: str
) -> None:
    job = made.add(name=mark, tenant=owner.tenant, state="dead", tries=3, error=ERROR)
    page = operator.browser.open(f"/console/jobs/{job}")
    again = operator.browser.send(page, f"/{job}/retry")
    assert "The job is tried again." in words(again)
    assert made.read(job, "state", "tries") == ("waiting", 0)
    late = operator.browser.send(page, f"/{job}/retry")
    assert "not dead any more" in words(late)
    assert len(audited(app, "job.retried", job=str(job))) == 1


@pytest.mark.parametrize("state", ["running", "done", "dismissed", "waiting"])
def test_a_job_that_is_not_dead_is_not_tried_again(
    app: Flask, operator: Person, made: Rows, mark: str, state: str
) -> None:
    job = made.add(name=mark, state="dead")
    page = operator.browser.open(f"/console/jobs/{job}")
    made.change(job, state=state, tries=1)
    operator.browser.send(page, f"/{job}/retry")
    assert made.read(job, "state", "tries") == (state, 1)
    assert audited(app, "job.retried", job=str(job)) == []


@pytest.mark.parametrize(("kind", "subject"), [("queue", "webhooks"), ("schedule", "billing.sweep")])
def test_a_queue_and_a_schedule_are_paused_and_resumed(app: Flask, operator: Person, kind: str, subject: str) -> None:
    """In a moment, since they are everybody's; no other test looks at these."""
    table = {"queue": "job_queues", "schedule": "job_schedules"}[kind]
    paused = f"SELECT paused_at IS NOT NULL AS paused FROM platform.{table} WHERE name = :name"
    reason = f"{REASON} {unique()}"
    try:
        for what, is_paused in (("pause", True), ("resume", False)):
            page = operator.browser.open(f"/console/jobs/actions/{what}-{kind}/{subject}")
            done = operator.browser.send(page, "", "reason", reason=reason)
            assert done.status == 200, words(done)
            assert [row.paused for row in sql(app, paused, name=subject)] == [is_paused]
            assert len(audited(app, f"{kind}.{what}d", name=subject, reason=reason)) == 1
            nothing = operator.browser.open(f"/console/jobs/actions/{what}-{kind}/{subject}")
            assert "There is nothing to do" in words(nothing)
    finally:
        sql(app, f"UPDATE platform.{table} SET paused_at = NULL WHERE name = :name", name=subject)


def open_action(operator: Person, case: Case, job: UUID, name: str) -> Page:
    subject = name if case.action.endswith("kind") else job
    page = operator.browser.open(f"/console/jobs/actions/{case.action}/{subject}")
    assert page.status == 200, page.text
    return page


def operator_id(app: Flask, operator: Person) -> str:
    ((found,),) = sql(app, "SELECT id FROM platform.users WHERE email = :email", email=operator.email)
    return str(found)
