"""A request's number, its transaction, and the two checks of forms: their token and where they come from."""

import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import structlog
from flask import Flask
from itsdangerous import TimestampSigner
from werkzeug.routing import Rule

from saas.core.settings import Settings
from saas.devstack.browser import Browser, Page
from tests.support.database import application, left, more, sql
from tests.support.pages import heading, words
from tests.support.people import PASSWORD, Person

_VALUES = {
    "token": "x", "code": "x", "secret": "x", "name": "orders", "tenant_id": "t_aaaaaaaaaaaaaaaa",
    "id": str(uuid4()), "record_id": str(uuid4()), "job_id": str(uuid4()), "subject": "x",
}  # fmt: skip


@pytest.mark.parametrize("given", ["12345678", "a" * 64, "0198f2c4-7a1e-7c55-9d0e-3b1f6a2c8e47"])
def test_a_request_number_from_outside_is_kept(browser: Browser, given: str) -> None:
    assert browser.request("GET", "/", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "with space", "<b>12345678</b>", "12345678\t", "12345678;x", "ü" * 9]
)
def test_a_bad_request_number_is_replaced(browser: Browser, given: str) -> None:
    answer = browser.request("GET", "/", headers={"X-Request-ID": given.encode()})
    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


def test_each_request_has_a_number_and_its_own(browser: Browser) -> None:
    paths = ["/", "/nowhere", "/static/app.js", "/healthz/live", "/api/v1/collections", "/sign-up/address"]
    numbers = [browser.request("GET", path).headers["X-Request-ID"] for path in paths]
    assert len(set(numbers)) == len(paths)


def test_log_lines_carry_the_number_and_the_tenant(regular: Person) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as log:
        number = regular.open("/home").response.headers["X-Request-ID"]
    (line,) = [entry for entry in log if entry["event"] == "request"]
    assert (line["request_id"], line["tenant"], line["path"], line["status"]) == (number, regular.tenant, "/home", 200)


def test_a_refused_form_is_not_logged_as_part_of_the_request_before_it(regular: Person, browser: Browser) -> None:
    before = regular.open("/home").response.headers["X-Request-ID"]
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as log:
        number = browser.request("POST", "/sign-in").headers["X-Request-ID"]
    (line,) = [entry for entry in log if entry["event"] == "request"]
    assert line["request_id"] == number != before
    assert "tenant" not in line
    assert line["ms"] > 0


def test_secrets_in_paths_are_not_logged(browser: Browser) -> None:
    with structlog.testing.capture_logs() as log:
        browser.open("/reset/a-secret-token")
        browser.open("/invitations/a-secret-token")
        browser.open("/confirm/a-secret-token")
        browser.open("/link/a-secret-token")
    assert [entry["path"] for entry in log] == ["/reset/…", "/invitations/…", "/confirm/…", "/link/…"]


@pytest.mark.parametrize(
    "path", ["/collections/a%00b", "/pass?to=a%00b", "/console?q=%00", "/sign-up/address?address=%00"]
)
def test_a_nul_in_an_address_is_a_bad_request(regular: Person, path: str) -> None:
    page = regular.browser.open(path)
    assert (page.status, heading(page)) == (400, "That request could not be read")


def test_every_form_needs_its_token(app: Flask, owner: Person) -> None:
    """Made of the url map, so that a new form is tried as well."""
    owner.define("orders", title="text")
    tried = _forms(app)
    assert {"accounts.sign_in", "signup.new", "keys.index", "collections.drop", "entry.sign_out"} <= set(tried)
    before = left(app)
    for endpoint, path in tried.items():
        for url in (path, owner.home + path):
            for token in ({}, {"csrf_token": ""}, {"csrf_token": "forged"}):
                page = Page(url, owner.browser.request("POST", url, data=token))
                assert (page.status, heading(page)) == (400, "This form has expired"), (endpoint, url, token)
                assert "Go back, reload the page and send it again." in words(page)
    assert more(before, left(app)) == {}


@pytest.mark.parametrize(
    ("off", "status"),
    [
        (timedelta(hours=1, minutes=55), 303),
        (timedelta(hours=2, minutes=5), 400),
        (timedelta(days=-30), 303),
        (timedelta(days=-31, minutes=-5), 400),
    ],
)
def test_a_form_is_taken_for_a_month_and_from_a_process_whose_clock_is_a_little_ahead(
    regular: Person, browser: Browser, monkeypatch: pytest.MonkeyPatch, off: timedelta, status: int
) -> None:
    signed_at = int(time.time() + off.total_seconds())
    with monkeypatch.context() as then:
        then.setattr(TimestampSigner, "get_timestamp", lambda _signer: signed_at)
        token = browser.open("/sign-in").form("", "password").fields["csrf_token"]
    form = {"csrf_token": token, "email": regular.email, "password": PASSWORD}
    assert browser.request("POST", "/sign-in", data=form).status_code == status


def test_another_visitors_token_does_not_fit(app: Flask, regular: Person, browser: Browser) -> None:
    stolen = browser.open("/sign-in").form("", "password").fields["csrf_token"]
    before = left(app)
    answer = regular.browser.request("POST", f"{regular.home}/keys", data={"csrf_token": stolen, "label": "Stolen"})
    assert answer.status_code == 400
    assert more(before, left(app)) == {}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:8001",
        "https://localhost:8000",
        "http://x.localhost:8000",
        "localhost",
    ],
)
def test_a_form_from_another_origin_is_refused(app: Flask, regular: Person, origin: str) -> None:
    form = regular.browser.open("/workspaces?all=1").form("/sign-out").fields
    before = left(app)
    page = Page("/sign-out", regular.browser.request("POST", "/sign-out", data=form, headers={"Origin": origin}))
    assert (page.status, heading(page)) == (403, "You may not do this")
    assert "This form was sent from another site." in words(page)
    assert more(before, left(app)) == {}


def test_a_form_from_here_is_taken(app: Flask, owner: Person) -> None:
    """The control of the refusals above."""
    page = owner.browser.open("/workspaces?all=1")
    before = left(app)
    assert owner.browser.send(page, "/sign-out").status == 200
    assert more(before, left(app)) == {"sessions": -2}


def test_a_form_from_here_is_taken_without_an_origin_as_old_browsers_send_it(owner: Person) -> None:
    form = owner.browser.open("/workspaces?all=1").form("/sign-out").fields
    assert owner.browser.request("POST", "/sign-out", data=form).status_code == 303


def test_in_production_a_form_has_to_come_from_the_site_over_tls(production: Flask, regular: Person) -> None:
    """Behind a proxy that ends TLS: the request itself comes by http."""
    site, client = "https://freehold.example", production.test_client()
    token = client.get("/sign-in", base_url=site).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "email": regular.email, "password": PASSWORD}
    for origin in ("http://freehold.example", "https://evil.example", "https://x.freehold.example", "null"):
        answer = client.post("/sign-in", base_url=site, data=form, headers={"Origin": origin})
        assert answer.status_code == 403, origin
    assert client.post("/sign-in", base_url=site, data=form, headers={"Origin": site}).status_code == 303


def test_the_api_takes_calls_from_any_origin_and_no_cookie(regular: Person) -> None:
    key = {"Authorization": f"Bearer {regular.key()}", "Origin": "https://shop.example"}
    assert regular.browser.request("GET", f"{regular.home}/api/v1/collections", headers=key).status_code == 200
    assert regular.browser.request("GET", f"{regular.home}/api/v1/collections").status_code == 401  # though signed in


def test_a_form_sent_as_multipart_works_and_its_broken_unicode_is_refused(app: Flask, owner: Person) -> None:
    form = owner.open("/keys").form("/keys", "label").fields
    for label, status in (("Web shop", 200), (b"broken \xff", 422)):
        parts = {name: (None, value) for name, value in (form | {"label": label}).items()}
        answer = owner.browser.request("POST", f"{owner.home}/keys", files=parts)
        assert answer.status_code == status


def test_a_form_of_another_type_is_no_form(app: Flask, regular: Person) -> None:
    form = regular.open("/keys").form("/keys", "label").fields | {"label": "As text"}
    before = left(app)
    for kind in ("text/plain", "application/json", ""):
        answer = regular.browser.request(
            "POST", f"{regular.home}/keys", data=urlencode(form), headers={"Content-Type": kind}
        )
        assert answer.status_code == 400
    assert more(before, left(app)) == {}


def test_a_refused_request_leaves_no_row_behind(app: Flask, owner: Person) -> None:
    """A form that comes back with an error is rolled back as a whole."""
    owner.define("orders", title="text")
    before = left(app)
    page = owner.browser.send(owner.open("/collections/new"), "", "label", label="Orders", name="orders")
    assert page.status == 422
    assert more(before, left(app)) == {}
    assert sql(app, "SELECT count(*) FROM platform.audit WHERE tenant = :id", id=owner.tenant) == [(2,)]


@pytest.fixture
def production(settings: Settings) -> Iterator[Flask]:
    with application(settings, freehold_env="production", site_url="https://freehold.example") as app:
        yield app


def _forms(app: Flask) -> dict[str, str]:
    """Endpoint and path of each route that takes a form."""
    adapter = app.url_map.bind("localhost")
    rules: list[Rule] = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or set())]
    return {
        rule.endpoint: adapter.build(rule.endpoint, {name: _VALUES[name] for name in rule.arguments}, method="POST")
        for rule in rules
        if not rule.rule.startswith("/api/") and rule.endpoint != "stripe.receive"  # which asks for a signature
    }
