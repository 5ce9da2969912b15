"""A tenant is reclaimed while a request for it is on its way: it is told what the next one is, and nobody is woken.

That one whose row is still there is out of order, and an error in the log, is shown in test_altered_by_hand.py.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from structlog.testing import capture_logs

from tenants import isolation, reclaim
from tenants.isolation import schemas
from tests.support import database
from tests.support.live import eventually
from tests.support.people import Person, sign_up

Ask = Callable[[Person], requests.Response]


def page(person: Person) -> requests.Response:
    return person.browser.request("GET", f"{person.home}/collections/products")


def home(person: Person) -> requests.Response:
    return person.browser.request("GET", f"{person.home}/home")


def listing(person: Person) -> requests.Response:
    return person.api("GET", "/collections/products/records")


def adding(person: Person) -> requests.Response:
    return person.api("POST", "/collections/products/records", json={"title": "Table"})


ASKS = [page, home, listing, adding]


@pytest.fixture
def person(solo_in_both: Flask) -> Person:
    """Of a business that is overdue."""
    made = sign_up(solo_in_both, database.browser(solo_in_both))
    made.define("products", title="text")
    made.key()
    overdue = "UPDATE platform.tenants SET opened_at = now() - interval '100 hours' WHERE id = :id"
    database.sql(solo_in_both, overdue, id=made.tenant)
    return made


@pytest.fixture
def reclaimed_late(solo_in_both: Flask, person: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whoever is about to enter the tenant finds that it went just before."""
    sound, late = isolation.bind, list[str]()

    def bind(tenant: str, **named: Any) -> None:
        if tenant == person.tenant and not late:
            late.append(tenant)
            run(solo_in_both)
        sound(tenant, **named)

    monkeypatch.setattr(isolation, "bind", bind)
    yield late
    assert late == [person.tenant]


@pytest.mark.parametrize("ask", ASKS)
def test_between_identify_and_bind_it_is_gone_and_no_error(
    solo_in_both: Flask, person: Person, reclaimed_late: list[str], ask: Ask
) -> None:
    with capture_logs() as log:
        answer = ask(person)
    expect_gone(person, answer, ask(person), log)
    assert database.sql(solo_in_both, "SELECT 1 FROM platform.tenants WHERE id = :id", id=person.tenant) == []


@pytest.mark.parametrize("ask", [page, listing])
def test_a_request_that_waits_for_what_is_being_dropped_is_told_the_same(
    solo_in_both: Flask, person: Person, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    sound, dropped, goes_on = schemas.drop, threading.Event(), threading.Event()

    def drop(connection: sa.Connection, tenant: str) -> None:
        sound(connection, tenant)
        dropped.set()
        assert goes_on.wait(20)

    monkeypatch.setattr(schemas, "drop", drop)
    with capture_logs() as log, ThreadPoolExecutor(2) as pool:
        reclaiming = pool.submit(run, solo_in_both)
        assert dropped.wait(20)
        asking = pool.submit(ask, person)
        eventually(lambda: database.waits(solo_in_both))
        goes_on.set()
        reclaiming.result(20)
        answer = asking.result(20)
    expect_gone(person, answer, ask(person), log)


@pytest.mark.parametrize("ask", [page, listing])
def test_control_without_a_second_look_it_is_a_false_alarm(
    solo_in_both: Flask, reclaimed_late: list[str], person: Person, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setitem(solo_in_both.extensions, "freehold.gone", lambda _tenant: None)
    with capture_logs() as log:
        assert ask(person).status_code == 503
    assert [line["tenant"] for line in log if line["log_level"] == "error"] == [person.tenant]


@pytest.mark.parametrize("ask", [page, listing])
def test_where_nobody_can_look_the_database_is_away(
    solo_in_both: Flask, reclaimed_late: list[str], person: Person, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    def away(_tenant: str) -> None:
        raise sa.exc.TimeoutError("no connection left")

    monkeypatch.setitem(solo_in_both.extensions, "freehold.gone", away)
    with capture_logs() as log:
        assert (answer := ask(person)).status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert [line["event"] for line in log if line["log_level"] == "error"] == ["database.unavailable"]


def expect_gone(person: Person, answer: requests.Response, after: requests.Response, log: list[Any]) -> None:
    """The same as afterwards, but for the request's number, and no more than a line of the log."""
    assert answer.status_code == after.status_code == (401 if "/api/" in answer.url else 404)
    one, other = (said.text.replace(said.headers["X-Request-ID"], "") for said in (answer, after))
    assert one == other
    assert answer.headers.get("WWW-Authenticate") == after.headers.get("WWW-Authenticate")
    assert {line["log_level"] for line in log} == {"info"}
    assert [line["tenant"] for line in log if line["event"] == "tenant.gone"] == [person.tenant]


def run(app: Flask) -> None:
    with app.app_context():
        reclaim.reclaim()
