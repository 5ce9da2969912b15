"""Requests for hosts that are not ours, nearly ours, or twice: what they reach, and what is made of their words.

`tests/core/test_hosts.py` says which host is whose; here somebody forges them to get at a workspace or at a mail.
"""

import socket
from urllib.parse import urlsplit

import pytest
from flask import Flask, request
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from saas.accounts import service as accounts
from saas.core import hosts
from saas.core.database import transaction
from saas.devstack.browser import Browser, Page
from tenants import suspension
from tests.support import database
from tests.support.contexts import context
from tests.support.live import Running
from tests.support.pages import heading
from tests.support.people import PASSWORD, Person, sign_up, unique

EVIL = "evil.example"

# All the words by which proxies and frameworks pass a host on.
FORGED = [
    {"X-Forwarded-Host": EVIL},
    {"X-Forwarded-Host": f"{EVIL}, localhost:8000"},
    {"X-Forwarded-Server": EVIL, "X-Forwarded-Port": "666", "X-Forwarded-Prefix": "/evil"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Scheme": "https"},
    {"Forwarded": f'for=1.2.3.4;host="{EVIL}";proto=https'},
    {"X-Original-Host": EVIL, "X-Host": EVIL, "X-HTTP-Host-Override": EVIL, "X-Rewrite-URL": f"//{EVIL}/"},
    {"X-Original-URL": f"//{EVIL}/", "Origin-Host": EVIL, "True-Host": EVIL},
    {"Referer": f"https://{EVIL}/"},
]


@pytest.fixture(scope="module")
def regular(app: Flask) -> Person:
    return sign_up(app, database.browser(app))


@pytest.mark.parametrize("header", FORGED, ids=lambda header: next(iter(header)) + str(len(header)))
def test_no_mail_and_no_redirect_is_made_of_a_forged_host(app: Flask, regular: Person, header: dict[str, str]) -> None:
    """Whoever asks for somebody else's new password chooses the headers of that request."""
    browser = database.browser(app)
    browser.headers |= header
    asked, link = ask_for_a_password(app, browser)
    assert link.startswith("http://localhost:8000/reset/")
    entered = browser.request("GET", f"{regular.home}/home")
    away = browser.request("GET", entered.headers["Location"])
    for answer in (asked.response, entered, away):
        assert EVIL not in answer.text + str(answer.headers)


def test_control_a_site_that_believes_the_header_mails_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "site_url", lambda path="": f"http://{request.headers['X-Forwarded-Host']}{path}")
    browser = database.browser(app)
    browser.headers |= FORGED[0]
    assert ask_for_a_password(app, browser)[1].startswith(f"http://{EVIL}/reset/")


def ask_for_a_password(app: Flask, browser: Browser) -> tuple[Page, str]:
    """For somebody who has not asked before; the page that says so, and the link that was mailed."""
    email = f"forgetful-{unique()}@example.com"
    with app.app_context(), transaction():
        accounts.register(email, PASSWORD)
    page = browser.send(browser.open("/forgot"), "", "email", email=email)
    return page, database.mailed_link(app, email, "Set a new password")


@pytest.mark.parametrize("header", FORGED[:1] + FORGED[4:5], ids=["X-Forwarded-Host", "Forwarded"])
def test_a_header_that_names_a_workspace_opens_none(app: Flask, regular: Person, header: dict[str, str]) -> None:
    host = urlsplit(regular.home).netloc
    named = {name: value.replace(EVIL, host) for name, value in header.items()}
    answer = regular.browser.request("GET", "/home", headers=named)
    assert answer.status_code == 404
    assert regular.browser.request("GET", f"{regular.home}/home").status_code == 200  # the control
    key = {"Authorization": f"Bearer {regular.key()}"}
    stranger = sign_up(app, database.browser(app))
    answer = stranger.browser.request("GET", f"{stranger.home}/api/v1/collections", headers={**named, **key})
    assert answer.status_code == 401


def nearly(address: str) -> list[str]:
    """Hosts that look like a workspace's, or are spelled so that some library takes them for it."""
    look_alike = address.replace("shop", "\u0455\u04bb\u043e\u0440")  # Cyrillic
    long_s = address.replace("s", "\u017f")  # whose capital is S
    return [
        f"{look_alike}.localhost".encode("idna").decode(),
        f"xn--{address}.localhost",
        f"{address}.xn--localhost",
        f"{look_alike}.localhost".encode().decode("latin-1"),
        f"{long_s}.localhost".encode().decode("latin-1"),
        f"{address}\u3002localhost".encode().decode("latin-1"),  # an ideographic full stop, which IDNA takes for one
        f"{address}\u200b.localhost".encode().decode("latin-1"),
        f"{address.replace('-', '_')}.localhost",
        f"_{address}.localhost",
        f"{address}-.localhost",
        f"www.{address}.localhost",
        f"{address}.localhost.{EVIL}",
        f"{address}.{EVIL}",
        f"{EVIL}#.{address}.localhost",
        f"user@{address}.localhost",
        f"{address}%2elocalhost",
        f"{address}%00.localhost",
        f"{address} .localhost",
        f"{address}.localhost/",
        f"{address}.localhost\\.{EVIL}",
        f"{address}.localhost,{EVIL}",
        f"[{address}.localhost]",
        f"[::ffff:127.0.0.1].{address}.localhost",
        f"{address}.localhost:8000:8000",
        f"{address}.localhost:-1",
        f"{address}.{'a' * 8000}.localhost",
        "a" * 70_000,
        " ",
    ]


@pytest.mark.parametrize("number", range(28))
def test_a_host_that_is_nearly_a_workspaces_is_not_it(app: Flask, regular: Person, number: int) -> None:
    """The visitor's cookies and key are the right ones; a browser would send neither."""
    host = nearly(regular.address)[number]
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in regular.browser.session.cookies)
    for path in ("/home", "/api/v1/collections", "/", "/forgot"):
        answer = get(app, host, path, Cookie=cookies, Authorization=f"Bearer {regular.key()}")
        assert answer.status_code in {400, 401, 404}, f"{host!r} {path}: {answer.status_code}"
        assert regular.email not in answer.get_data(as_text=True)
        assert EVIL not in answer.headers.get("Location", "")
    assert len(nearly(regular.address)) == 28
    own = urlsplit(regular.home).netloc  # the control
    assert get(app, own, "/home", Cookie=cookies).status_code == 200


@pytest.mark.parametrize("form", ["{}.localhost:8000", "{}.LocalHost", "{}.localhost.", "{}.localhost.:99"])
def test_what_is_only_another_spelling_of_the_host_is_served(app: Flask, regular: Person, form: str) -> None:
    """RFC 9110, section 4.2.3: a host's name has no case, and a port is not part of it. A dot at its end is DNS's."""
    host = form.format(regular.address.upper())
    answer = get(app, host, "/api/v1/collections", Authorization=f"Bearer {regular.key()}")
    assert (host, answer.status_code) == (host, 200)


def get(app: Flask, host: str, path: str, **headers: str) -> Response:
    """Past werkzeug's client, which itself stumbles over some of these hosts."""
    environ = {**EnvironBuilder(path, headers=headers).get_environ(), "HTTP_HOST": host}
    return Response(*run_wsgi_app(app.wsgi_app, environ, buffered=True))


# Over a socket, since the server in front of Flask has a say in what reaches it


def exchange(running: Running, *lines: str) -> tuple[int, str]:
    """Status and text of an answer to a request as it is written; 0 where the connection is closed without one."""
    with socket.create_connection(("127.0.0.1", urlsplit(running.site).port or 0), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
    return int(answer.split()[1]) if answer else 0, answer


@pytest.fixture(scope="module")
def lived_in(running: Running) -> Person:
    with database.application(running.settings, site_url=running.site) as app:
        return sign_up(app, running.browser())


REQUESTS = {
    "an absolute target of another site": ["GET http://evil.example{path} HTTP/1.1", "Host: {host}"],
    "an absolute target of a workspace": ["GET http://{workspace}{path} HTTP/1.1", "Host: {host}"],
    "an absolute target of the site on a workspace": ["GET http://{host}{path} HTTP/1.1", "Host: {workspace}"],
    "two hosts": ["GET {path} HTTP/1.1", "Host: {host}", "Host: evil.example"],
    "two hosts, the other first": ["GET {path} HTTP/1.1", "Host: evil.example", "Host: {host}"],
    "no host": ["GET {path} HTTP/1.1"],
    "no host, long ago": ["GET {path} HTTP/1.0"],
    "an empty host": ["GET {path} HTTP/1.1", "Host:"],
    "a host and a NUL": ["GET {path} HTTP/1.1", "Host: {host}\0.evil.example"],
    "a host on two lines": ["GET {path} HTTP/1.1", "Host: {host}", " evil.example"],
    "a host with a tab": ["GET {path} HTTP/1.1", "Host: evil.example\t{host}"],
    "a look-alike that is no punycode": ["GET {path} HTTP/1.1", "Host: xn--shop-1.{host}"],
    "a host with user and password": ["GET {path} HTTP/1.1", "Host: evil.example:x@{host}"],
}


@pytest.mark.parametrize("form", REQUESTS)
@pytest.mark.parametrize("path", ["/forgot", "/home", "/workspaces"])
def test_a_request_with_an_odd_host_is_answered_without_it(running: Running, form: str, path: str) -> None:
    host = urlsplit(running.site).netloc
    lines = [line.format(path=path, host=host, workspace=f"shop-nowhere.{host}") for line in REQUESTS[form]]
    status, answer = exchange(running, *lines)
    assert status < 500, answer
    assert "//evil.example" not in answer
    assert f"//shop-nowhere.{host}" not in answer


def test_an_absolute_target_does_not_take_a_key_to_another_host(running: Running, lived_in: Person) -> None:
    """Which of the two words the server believes is its own; a key works by what it says, on its own hosts only."""
    other = f"shop-nowhere.{urlsplit(running.site).netloc}"
    own = urlsplit(lived_in.home).netloc
    key = f"Authorization: Bearer {lived_in.key()}"
    for target, host in ((own, other), (other, own), (other, other)):
        status, answer = exchange(running, f"GET http://{target}/api/v1/collections HTTP/1.1", f"Host: {host}", key)
        assert status in {200, 400, 401}, answer
        assert status != 200 or own in (target, host)
    status, answer = exchange(running, f"GET http://{own}/api/v1/collections HTTP/1.1", f"Host: {own}", key)
    assert status == 200, answer  # the control


# Tenants who are not served. There is no state `closing` yet: a tenant is there, suspended, being prepared, or gone.


def test_a_suspended_workspace_says_so_to_each_in_their_form(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    owner.define("products", title="text")
    key = {"Authorization": f"Bearer {owner.key()}"}
    with context(app), transaction():
        suspension.suspend(owner.tenant, text="An invoice is open.", reason="tests", actor="tests")
    api = f"{owner.home}/api/v1/collections"
    for method, url, headers in (
        ("GET", f"{owner.home}/home", {}),
        ("GET", f"{owner.home}/collections/products", {}),
        ("POST", f"{owner.home}/collections/products/records", {}),
        ("GET", api, key),
        ("POST", f"{api}/products/records", key),
        ("GET", api.replace(owner.home, owner.browser.site), key),
    ):
        answer = owner.browser.request(method, url, headers=headers)
        assert answer.status_code == 403, f"{method} {url}: {answer.text}"
        program = "/api/" in url
        assert answer.headers["Content-Type"].startswith("application/problem+json" if program else "text/html")
        title = answer.json()["title"] if program else heading(Page("", answer))
        assert (title, "An invoice is open." in answer.text) == ("This workspace is suspended", True)
    with context(app), transaction():
        suspension.resume(owner.tenant, reason="tests", actor="tests")
    assert owner.api("GET", "/collections").json()["data"][0]["name"] == "products"  # the control: nothing is lost


def test_a_key_of_a_tenant_that_never_was_is_no_different_from_a_wrong_one(app: Flask, regular: Person) -> None:
    mine = regular.key()
    forms = [f"fh_test_{'a' * 16}{mine[24:]}", mine[:25] + "A" * 43, "fh_test_" + "a" * 16, mine.upper()]
    answers = [get(app, host, "/api/v1/collections", Authorization=f"Bearer {text}") for text in forms
               for host in ("localhost:8000", f"{regular.address}.localhost:8000")]  # fmt: skip
    assert {answer.status_code for answer in answers} == {401}
    told = {answer.get_data(as_text=True).replace(answer.headers["X-Request-ID"], "") for answer in answers}
    assert len(told) == 1
