"""Which host is whose, and what a forged one can do."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tests.support.database import application, mailed_link
from tests.support.live import Running
from tests.support.pages import heading, words
from tests.support.people import Person, sign_in

SITE = "https://freehold.example"

UNKNOWN = [
    "evil.example",
    "localhost.evil.example",
    "evillocalhost",
    "a.b.localhost",
    "10.0.0.1",
    "[::1]",
    "[::2]:8000",
]
MALFORMED = [
    ".localhost",
    ".localhost:8000",
    "a..localhost",
    "x" * 64 + ".localhost",
    "[::1",
    "x y",
    "a/b",
    "user@localhost",
    "localhost:abc",
    "localhost:99999999",
    "<i>",
    "a\\b",
    "\xff\xfe",
    "",
]


@pytest.mark.parametrize("host", ["localhost:8000", "LOCALHOST:8000", "localhost", "localhost.:8000", "127.0.0.1:9999"])
def test_the_bare_host_is_the_site(app: Flask, host: str) -> None:
    assert "A back end for your business" in get(app, "/", host).text


@pytest.mark.parametrize("host", UNKNOWN)
def test_an_unknown_host_is_told_where_the_site_is(app: Flask, host: str) -> None:
    answer = get(app, "/", host)
    assert answer.status_code == 404
    assert "There is no site under this name" in answer.text
    assert "The site is at http://localhost:8000." in answer.text


@pytest.mark.parametrize("host", MALFORMED)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/v1/collections"])
def test_a_malformed_host_is_the_callers_fault(app: Flask, path: str, host: str) -> None:
    answer = get(app, path, host, {"Authorization": f"Bearer fh_test_{'a' * 16}_{'A' * 43}"})
    assert 200 <= answer.status_code < 500
    assert "<i>" not in answer.text


@pytest.mark.parametrize("address", ["nobody-here", "xn--80ak6aa92e", "WWW", "x" * 63])
def test_a_host_without_a_workspace_says_so(app: Flask, address: str) -> None:
    answer = get(app, "/home", f"{address}.localhost:8000")
    assert answer.status_code == 404
    assert "There is no workspace at this address" in answer.text


def test_a_workspaces_host_may_be_written_in_capitals(regular: Person) -> None:
    host = {"Host": f"{regular.address.upper()}.LOCALHOST:8000"}
    assert regular.browser.request("GET", f"{regular.home}/home", headers=host).status_code == 200


def test_the_pages_of_the_bare_host_are_not_on_a_workspaces(regular: Person) -> None:
    assert regular.open("/workspaces?all=1").url == f"{regular.browser.site}/workspaces?all=1"
    form = regular.browser.open("/workspaces?all=1").form("/sign-out").fields
    answer = regular.browser.request("POST", f"{regular.home}/sign-out", data=form)
    assert answer.status_code in {400, 404}


def test_a_workspaces_pages_are_not_on_the_bare_host(regular: Person) -> None:
    page = regular.browser.open("/collections")
    assert (page.status, heading(page)) == (404, "There is nothing here")
    assert "Workspaces have an address of their own." in words(page)


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Server": "evil.example"},
        {"X-Forwarded-Port": "666"},
        {"X-Forwarded-Prefix": "/evil"},
        {"Forwarded": "host=evil.example"},
        {"X-Original-URL": "/console"},
        {"X-Host": "evil.example"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_other_words_for_the_host_are_not_believed(browser: Browser, header: dict[str, str]) -> None:
    plain, told = (browser.request("GET", "/workspaces", headers=one) for one in ({}, header))
    assert told.headers["Location"] == plain.headers["Location"] == "http://localhost:8000/sign-in?next=/workspaces"


def test_links_in_mails_do_not_follow_the_host_of_the_request(app: Flask, regular: Person, browser: Browser) -> None:
    browser.site = "http://localhost:1234"  # of all forged hosts, the only kind that is answered
    assert browser.send(browser.open("/forgot"), "", "email", email=regular.email).status == 200
    assert mailed_link(app, regular.email, "Set a new password").startswith("http://localhost:8000/reset/")


def test_in_development_a_workspace_is_also_under_a_path(owner: Person, browser: Browser) -> None:
    sign_in(browser, owner.email)
    page = browser.open(f"/w/{owner.address}/home")
    assert (page.status, page.url) == (200, f"{owner.browser.site}/w/{owner.address}/home")
    made = browser.send(browser.open(f"/w/{owner.address}/keys"), "/keys", "label", label="By path")
    assert (made.status, "By path" in words(made)) == (200, True)
    assert browser.open(f"/w/{owner.address}").url == page.url


@pytest.mark.parametrize("path", ["/w/nobody-here/home", "/w//home", "/w/A/home", "/w/" + "a" * 64])
def test_a_path_without_a_workspace_is_nothing(browser: Browser, path: str) -> None:
    assert browser.open(path).status == 404


def test_a_path_cannot_reach_another_workspaces_session(regular: Person, stranger: Person) -> None:
    page = stranger.browser.open(f"/w/{regular.address}/home")
    assert (page.status, heading(page)) == (403, "You are not a member of this workspace")


def test_production_has_no_workspaces_under_a_path(production: Flask, regular: Person) -> None:
    client = production.test_client()
    assert client.get("/sign-in", base_url=SITE).status_code == 200  # the control
    assert client.get(f"/w/{regular.address}/home", base_url=SITE).status_code == 404
    entered = client.get("/enter?by=path", base_url=f"https://{regular.address}.freehold.example")
    assert "by=path" not in entered.location


@pytest.mark.parametrize("path", ["/dev/mailbox", "/design"])
def test_production_has_no_pages_for_developers(app: Flask, production: Flask, path: str) -> None:
    assert get(app, path, "localhost:8000").status_code == 200  # the control
    assert production.test_client().get(path, base_url=SITE).status_code == 404


def test_production_serves_nothing_under_a_loopback_address(production: Flask) -> None:
    client = production.test_client()
    assert client.get("/", base_url="https://127.0.0.1").status_code == 404
    assert client.get("/healthz/live", base_url="http://127.0.0.1").status_code == 200  # what a probe asks


@pytest.mark.parametrize(
    "target", ["http://evil.example/sign-in", "http://evil.example:80/sign-in", "//evil.example/sign-in"]
)
def test_an_absolute_target_names_no_other_host(running: Running, target: str) -> None:
    """Over a real socket, since the server in front of Flask takes such a request apart."""
    parts = urlsplit(running.site)
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=60) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split()[1] in {b"200", b"400", b"404"}
    assert b"//evil.example" not in answer


@pytest.fixture
def production(settings: Settings) -> Iterator[Flask]:
    with application(settings, freehold_env="production", site_url=SITE) as app:
        yield app


def get(app: Flask, path: str, host: str, headers: dict[str, str] | None = None) -> TestResponse:
    """A request whose Host header is what it is, however odd."""
    return app.test_client().get(path, headers=headers, environ_overrides={"HTTP_HOST": host})
