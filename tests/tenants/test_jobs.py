"""What people and programs of a workspace see of its jobs; that others' are not found is tried with all routes."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.support.job_rows import Rows, rows
from tests.support.pages import heading, words
from tests.support.people import Person, unique


@pytest.fixture
def made(app: Flask) -> Iterator[Rows]:
    with rows(app) as made:
        yield made


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("waiting", "waiting"),
        ("leased", "waiting"),
        ("running", "running"),
        ("done", "done"),
        ("dead", "failed"),
        ("dismissed", "failed"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_program_reads_how_far_a_job_is(owner: Person, made: Rows, state: str, told: str) -> None:
    job = made.add(tenant=owner.tenant, state=state, done=5, total=20, message="Rows are read")
    for host in (owner.home, owner.browser.site):
        answer = owner.api("GET", f"/jobs/{job}", host=host)
        assert answer.status_code == 200
        body = answer.json()
        assert (body["id"], body["name"], body["state"]) == (str(job), "tests.effect", told)
        assert (body["done"], body["total"], body["percent"], body["message"]) == (5, 20, 25, "Rows are read")
        assert (body["finished_at"] is None) == (told in {"waiting", "running"})


def test_a_job_of_the_platform_or_of_nobody_is_not_found(owner: Person, stranger: Person, made: Rows) -> None:
    for job in (made.add(), made.add(tenant=stranger.tenant), uuid4()):
        answer = owner.api("GET", f"/jobs/{job}")
        assert (answer.status_code, answer.json()["title"]) == (404, "There is no such job")
        assert owner.open(f"/jobs/{job}").status == 404


def test_what_is_the_operators_stays_with_them(owner: Person, made: Rows) -> None:
    secret = f"secret{unique()}"
    hidden: dict[str, Any] = {
        "error": secret,
        "reason": secret,
        "args": [secret],
        "key": secret,
        "checkpoint": [secret],
    }
    job = made.add(tenant=owner.tenant, message="Rows are read", **hidden)
    shown = [owner.api("GET", f"/jobs/{job}").text, owner.open(f"/jobs/{job}").text, owner.open("/jobs").text]
    assert [text for text in shown if secret in text] == []
    assert ["Rows are read" in text for text in shown] == [True] * 3  # the control


def test_a_page_follows_a_job_until_it_has_ended(owner: Person, made: Rows) -> None:
    job = made.add(tenant=owner.tenant, state="running", done=1, total=4, message="<i>Rows</i> are read")
    page = owner.open(f"/jobs/{job}")
    assert heading(page) == "tests.effect"
    assert "<i>Rows</i> are read 1 of 4" in words(page)
    assert 'hx-trigger="every 2s"' in page.text
    made.change(job, state="dead", due_at=None, error="ValueError: on purpose")
    page = owner.open(f"/jobs/{job}")
    assert "hx-trigger" not in page.text
    assert "tell them its id" in words(page)


def test_the_list_has_what_goes_on_and_what_has_told_how_far_it_came(owner: Person, made: Rows) -> None:
    names = {name: f"tests.{name}{unique()}" for name in ("waits", "told", "silent")}
    made.add(tenant=owner.tenant, name=names["waits"])
    made.add(tenant=owner.tenant, name=names["told"], state="done", done=7)
    made.add(tenant=owner.tenant, name=names["silent"], state="done")
    page = words(owner.open("/jobs"))
    assert [name for name in names if names[name] in page] == ["waits", "told"]
    assert 'hx-trigger="every 5s"' in owner.open("/jobs").text
