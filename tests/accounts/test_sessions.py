"""Sessions and their cookies."""

from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tests.support.database import application, sql
from tests.support.pages import heading
from tests.support.people import PASSWORD, Person, sign_in

HTTPS = "https://freehold.example"


def test_a_session_past_its_end_is_none(app: Flask, owner: Person) -> None:
    assert heading(owner.open("/home")) == "Home"
    sql(
        app,
        "UPDATE platform.sessions SET expires_at = now() WHERE user_id ="
        " (SELECT id FROM platform.users WHERE email = :email)",
        email=owner.email,
    )
    assert heading(owner.open("/home")) == "Sign in"
    assert heading(owner.browser.open("/workspaces")) == "Sign in"


@pytest.mark.parametrize("forged", ["x", "A" * 43, "'; DROP TABLE platform.sessions; --", '"\\377"'])
def test_a_forged_cookie_is_nobody(owner: Person, browser: Browser, forged: str) -> None:
    cookies = f"fh-session={forged}; fh-workspace={forged}"
    for url in ("/workspaces", f"{owner.home}/home"):
        answer = browser.request("GET", url, headers={"Cookie": cookies})
        assert answer.is_redirect


def test_the_bare_hosts_cookie_opens_no_workspace_and_the_reverse(owner: Person, browser: Browser) -> None:
    secrets = {cookie.name: cookie.value for cookie in owner.browser.session.cookies}
    site, workspace = secrets["fh-session"], secrets["fh-workspace"]
    swapped = {"Cookie": f"fh-session={workspace}; fh-workspace={site}"}
    right = {"Cookie": f"fh-session={site}; fh-workspace={workspace}"}
    for url in ("/workspaces?all=1", f"{owner.home}/home"):
        assert browser.request("GET", url, headers=right).status_code == 200  # the control
        assert browser.request("GET", url, headers=swapped).is_redirect


def test_only_digests_of_secrets_are_stored(app: Flask, owner: Person) -> None:
    secrets = [
        cookie.value for cookie in owner.browser.session.cookies if cookie.name in {"fh-session", "fh-workspace"}
    ]
    assert len(secrets) == 2
    rows = [row[0] for table in ("sessions", "codes") for row in sql(app, f"SELECT x::text FROM platform.{table} x")]
    assert rows
    assert not [row for row in rows for secret in secrets if secret in row or secret.encode().hex() in row]


def test_cookies_are_out_of_scripts_reach_and_of_one_host(app: Flask, owner: Person) -> None:
    cookies = {cookie.name: cookie for cookie in owner.browser.session.cookies}
    assert set(cookies) == {"fh-form", "fh-session", "fh-workspace"}
    for cookie in cookies.values():
        assert cookie.has_nonstandard_attr("HttpOnly"), cookie
        assert cookie.get_nonstandard_attr("SameSite") == "Lax"
        assert not cookie.domain_specified
        assert cookie.path == "/"
        assert not cookie.secure


def test_a_workspace_under_a_path_keeps_its_cookies_there(owner: Person, browser: Browser) -> None:
    sign_in(browser, owner.email)
    assert browser.open(f"/w/{owner.address}/home").status == 200
    paths = {cookie.path for cookie in browser.session.cookies if cookie.name == "fh-workspace"}
    assert paths == {"/", f"/w/{owner.address}/"}


def test_in_production_cookies_are_secure_and_bound_to_their_host(production: Flask, owner: Person) -> None:
    client = production.test_client()
    form = client.get("/sign-in", base_url=HTTPS)
    answer = client.post(
        "/sign-in",
        base_url=HTTPS,
        headers={"Origin": HTTPS, "Referer": f"{HTTPS}/sign-in"},
        data={"csrf_token": token(form), "email": owner.email, "password": PASSWORD},
    )
    assert answer.status_code == 303, answer.text
    into = client.get("/home", base_url=f"https://{owner.address}.freehold.example")
    entered = client.get(into.location, base_url=f"https://{owner.address}.freehold.example")
    cookies = [*cookies_of(form), *cookies_of(answer), *cookies_of(entered)]
    assert [name for name, _ in cookies] == ["__Host-fh-form", "__Host-fh-session", "__Host-fh-nonce"]
    for _, morsel in cookies:
        assert morsel["secure"]
        assert morsel["httponly"]
        assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Lax", "/", "")


@pytest.fixture
def production(settings: Settings) -> Iterator[Flask]:
    with application(settings, freehold_env="production", site_url=HTTPS) as app:
        yield app


def token(page: TestResponse) -> str:
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


def cookies_of(answer: TestResponse):  # type: ignore[no-untyped-def]  # names and morsels
    found: SimpleCookie = SimpleCookie()
    for header in answer.headers.getlist("Set-Cookie"):
        found.load(header)
    return list(found.items())
