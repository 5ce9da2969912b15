"""Errors as a program and as a person meets them."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NoReturn

import psycopg2
import pytest
import structlog
from flask import Flask

from saas.core import failures
from saas.core.errors import NotFound, PlatformError
from saas.core.settings import Settings
from saas.devstack.browser import Page
from tests.support import debian_postgres
from tests.support.database import application, browser, left, more
from tests.support.pages import heading, words
from tests.support.people import Person

NOWHERE = "postgresql+psycopg2://freehold_app:{}@127.0.0.1:1/nowhere"
SECRET = "hunter2 at postgresql://internal"


def test_a_program_gets_problem_details(regular: Person) -> None:
    answer = regular.api("GET", "/collections/nothing/records")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:freehold:problem:unknown-collection",
        "title": "There is no such collection",
        "status": 404,
        "detail": "There is no collection called nothing.",
        "help": f"{regular.home}/collections",
        "request_id": answer.headers["X-Request-ID"],
    }


def test_a_person_gets_a_page_with_a_way_on(regular: Person) -> None:
    page = regular.open("/collections/nothing")
    assert (page.status, heading(page)) == (404, "There is no such collection")
    assert "Error 404 There is no such collection There is no collection called nothing. All collections" in words(page)
    assert 'href="/collections"' in page.text
    assert page.response.headers["X-Request-ID"] in page.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/sign-in", 405), ("GET", "/confirm/x/y", 404), ("GET", "/sign-out", 405)],
)
def test_what_flask_refuses_is_a_page_as_well(regular: Person, method: str, path: str, status: int) -> None:
    token = regular.browser.open("/workspaces?all=1").form("/sign-out").fields["csrf_token"]
    answer = regular.browser.request(method, path, headers={"X-CSRFToken": token})
    page = Page(path, answer)
    assert page.status == status
    assert f"Error {status}" in words(page)
    assert "Back to the start" in words(page)
    if status == 405:
        assert "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "unknown-address"),
        ("GET", "/", 404, "unknown-address"),
        ("PUT", "/collections", 405, "http-405"),
        ("DELETE", "/collections/x/records", 405, "http-405"),
        ("GET", "/collections/x/records/not-an-id", 404, "unknown-address"),
    ],
)
def test_what_flask_refuses_is_a_problem_in_the_api(
    regular: Person, method: str, path: str, status: int, code: str
) -> None:
    answer = regular.api(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:freehold:problem:{code}"
    assert answer.json()["detail"]


def test_a_body_over_the_limit_is_told_so(app: Flask, small: Flask, owner: Person) -> None:
    owner.define("notes", body="text")
    before = left(app)
    owner.browser.session.mount("http://", browser(small).session.get_adapter("http://"))
    answer = owner.api("POST", "/collections/notes/records", json={"body": "x" * 5000})
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "The request is larger than what is accepted here. Send less at a time."
    page = owner.browser.send(owner.open("/keys"), "/keys", "label", label="x" * 5000)
    assert (page.status, "Error 413" in words(page)) == (413, True)
    assert page.response.headers["X-Request-ID"] in page.text
    assert more(before, left(app)) == {"audit": 1}  # of the key with which the API was called
    assert owner.api("POST", "/collections/notes/records", json={"body": "x" * 500}).status_code == 201  # the control


def test_a_fault_of_ours_tells_nothing_internal_and_is_logged(faulty: Flask) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as log:
        page = browser(faulty).open("/fails")
    assert (page.status, heading(page)) == (500, "Something went wrong")
    assert page.response.headers["X-Request-ID"] in words(page)
    leaks = ["hunter2", "postgresql", "RuntimeError", "Traceback", __file__, "line "]
    assert [leak for leak in leaks if leak in page.text] == []
    (entry,) = [entry for entry in log if entry["event"] == "request.failed"]
    assert str(entry["exc_info"]) == SECRET
    assert entry["request_id"] == page.response.headers["X-Request-ID"]


def test_a_fault_of_ours_in_the_api_is_a_problem(faulty: Flask) -> None:
    with structlog.testing.capture_logs():
        answer = browser(faulty).request("GET", "/api/fails")
    assert answer.status_code == 500
    body = answer.json()
    assert body.pop("request_id") == answer.headers["X-Request-ID"]
    assert body == {
        "type": "urn:freehold:problem:internal",
        "title": "Something went wrong",
        "status": 500,
        "detail": "The fault is ours and has been noted. Nothing was changed. "
        "If it stays, name the request number below.",
    }


def test_what_a_failed_request_had_written_is_gone(faulty: Flask) -> None:
    before = left(faulty)
    with structlog.testing.capture_logs():
        assert browser(faulty).open("/writes-and-fails").status == 500
    assert more(before, left(faulty)) == {}
    assert browser(faulty).open("/writes").status == 200
    assert more(before, left(faulty)) == {"audit": 1}  # the control


def test_an_expected_conflict_is_not_logged_as_a_crash(faulty: Flask) -> None:
    with structlog.testing.capture_logs() as log:
        page = browser(faulty).open("/conflicts")
    assert (page.status, heading(page)) == (409, "Somebody was faster")
    assert {entry["log_level"] for entry in log} == {"info"}


def test_an_error_without_words_of_its_own_says_what_to_do(faulty: Flask) -> None:
    page = browser(faulty).open("/not-there")
    assert "There is nothing at this address. Check it, or go back to where you came from." in words(page)


def test_a_title_with_html_is_text(faulty: Flask) -> None:
    page = browser(faulty).open("/conflicts")
    assert "&lt;b&gt;you&lt;/b&gt; and" in page.text


@pytest.mark.parametrize("path", ["/workspaces", "/console", "/forgot"])
def test_a_page_without_its_database_is_503(lonely: Flask, path: str) -> None:
    visitor = browser(lonely)
    with structlog.testing.capture_logs() as log:
        if path == "/forgot":
            page = visitor.send(visitor.open(path), "", "email", email="somebody@example.com")
        else:
            page = Page(path, visitor.request("GET", path, headers={"Cookie": "fh-session=x"}))
    assert (page.status, heading(page)) == (503, "Not available just now")
    assert page.response.headers["Retry-After"] == "5"
    assert "127.0.0.1" not in page.text
    assert [entry for entry in log if entry["event"] == "database.unavailable"]


def test_the_api_without_its_database_is_503(lonely: Flask) -> None:
    key = f"fh_test_{'a' * 16}_{'A' * 43}"
    answer = browser(lonely).request("GET", "/api/v1/collections", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["type"] == "urn:freehold:problem:unavailable"


def test_what_needs_no_database_works_without_it(lonely: Flask) -> None:
    visitor = browser(lonely)
    assert [visitor.open(path).status for path in ("/", "/sign-in", "/sign-up", "/healthz/live")] == [200] * 4


class Conflict(PlatformError):
    status = HTTPStatus.CONFLICT
    title = "Somebody was faster"


@pytest.fixture
def small(settings: Settings) -> Iterator[Flask]:
    with application(settings, max_body_bytes=2000) as app:
        yield app


@pytest.fixture
def lonely(settings: Settings) -> Iterator[Flask]:
    """An application whose database is gone."""
    with application(settings, database_url=NOWHERE.format("hunter2")) as app:
        yield app


@pytest.fixture
def faulty(settings: Settings) -> Iterator[Flask]:
    """An application with routes that fail."""
    from saas.core import audit
    from saas.core.database import db

    def fail() -> NoReturn:
        raise RuntimeError(SECRET)

    def write() -> str:
        audit.record("tests.written", actor="system", tenant=None)
        db.session.flush()
        return "written"

    def write_and_fail() -> NoReturn:
        write()
        fail()

    def conflict() -> NoReturn:
        raise Conflict("<b>you</b> and another")

    def not_there() -> NoReturn:
        raise NotFound

    with application(settings) as app:
        views: dict[str, Any] = {
            "/fails": fail,
            "/api/fails": fail,
            "/writes": write,
            "/writes-and-fails": write_and_fail,
            "/conflicts": conflict,
            "/not-there": not_there,
        }
        for path, view in views.items():
            app.add_url_rule(path, endpoint=path.strip("/").replace("/", "-"), view_func=view)
        yield app


def test_a_role_that_is_gone_is_known_in_whatever_language_the_server_says_so(app: Flask) -> None:
    """German is what Debian's package of an older server speaks; the embedded one comes without translations."""
    own = app.extensions["freehold.settings"].database_url.replace("+psycopg2", "")
    with debian_postgres.running(15, language="de") as url:
        german = url.replace("+psycopg2", "") + "?options=-clc_messages%3DC.UTF-8"
        gone, late = (refusal(german, what) for what in ("ROLE gone", "statement_timeout = 'soon'"))
    if "Rolle »gone« existiert nicht" not in str(gone):
        pytest.skip("PostgreSQL was installed without its translations")
    assert gone.pgcode == late.pgcode == refusal(own, "ROLE gone").pgcode == "22023"
    assert failures.is_altered(gone)
    assert failures.is_altered(refusal(own, "ROLE gone"))
    assert not failures.is_altered(late)  # the control: a setting of ours that is wrong is a fault of ours
    assert not failures.is_altered(refusal(own, "statement_timeout = 'soon'"))


def refusal(url: str, setting: str) -> psycopg2.Error:
    """What the server says to a transaction that begins with it."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as refused:
            cursor.execute(f"SET LOCAL {setting}; SELECT 1")
        return refused.value
