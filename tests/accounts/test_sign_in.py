"""Signing in and out."""

import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask

from saas.accounts import passwords, service
from saas.accounts.errors import BadCredentials
from saas.accounts.views import safe_path
from saas.core.database import transaction
from saas.devstack.browser import Browser
from tests.support.database import left, more, sql
from tests.support.pages import error_at, heading, words
from tests.support.people import PASSWORD, MakeBrowser, Person, sign_in, unique

WRONG = "That email and password don't match. Check both, or reset the password."
_HASHER = passwords._hasher  # the platform's own: this is read before any test runs

# Each would lead away from the site if it were believed.
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/ /evil.example",
    "/\0/evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "evil.example",
    " //evil.example",
    "",
]


@pytest.fixture
def in_earnest(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashing costs what it does outside the tests."""
    monkeypatch.setattr(passwords, "_hasher", _HASHER)
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


def test_a_person_signs_in_and_their_workspace_opens(owner: Person, browser: Browser) -> None:
    page = sign_in(browser, owner.email.upper())
    assert (page.url, heading(page)) == (f"{owner.home}/home", "Home")


def test_signing_out_of_the_bare_host_ends_the_workspace_as_well(app: Flask, owner: Person, browser: Browser) -> None:
    sign_in(browser, owner.email)
    page = browser.send(browser.open("/workspaces?all=1"), "/sign-out")
    assert page.url == f"{owner.browser.site}/"
    assert heading(browser.open(f"{owner.home}/home")) == "Sign in"
    assert owner.open("/home").url == f"{owner.home}/home"  # the same person's other browser stays signed in


def test_signing_out_of_a_workspace_ends_the_bare_host_as_well(owner: Person, browser: Browser) -> None:
    sign_in(browser, owner.email)
    page = browser.send(browser.open(f"{owner.home}/home"), "/leave")
    assert page.url == f"{owner.browser.site}/"
    assert heading(browser.open("/workspaces")) == "Sign in"
    assert owner.open("/home").url == f"{owner.home}/home"


def test_signing_out_removes_the_session_and_its_child(app: Flask, owner: Person) -> None:
    before = left(app)
    owner.browser.send(owner.open("/home"), "/leave")
    assert more(before, left(app)) == {"sessions": -2}


def test_an_unknown_email_and_a_wrong_password_look_the_same(owner: Person, make_browser: MakeBrowser) -> None:
    nobody = f"nobody-{unique()}@example.com"
    known, unknown = (sign_in(make_browser(), email, "a wrong password") for email in (owner.email, nobody))
    assert known.status == unknown.status == 422
    assert WRONG in words(known)
    assert words(known) == words(unknown)
    assert set(known.response.headers) == set(unknown.response.headers)


@pytest.mark.usefixtures("in_earnest")
def test_an_unknown_email_takes_as_long_as_a_wrong_password(app: Flask, owner: Person) -> None:
    def seconds(email: str) -> float:
        start = time.process_time()  # the processor's: by the clock it is also as long as others keep it waiting
        with app.app_context(), transaction(), pytest.raises(BadCredentials):
            service.authenticate(email, "a wrong password")
        return time.process_time() - start

    seconds("nobody@example.com")  # the first has to make the hash that stands for nobody
    pairs = [(seconds("nobody@example.com"), seconds(owner.email)) for _ in range(3)]  # a machine changes its pace
    assert min(unknown for unknown, _ in pairs) > min(known for _, known in pairs) / 4


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"email": ""}, "email", "Fill in your email address."),
        ({"email": "nobody"}, "email", "That is not an email address"),
        ({"email": "a\0b@example.com"}, "email", "Remove the characters"),
        ({"password": ""}, "password", "Fill in your password."),
        ({"password": "x" * 201}, "password", "Use at most 200 characters."),
    ],
)
def test_what_is_missing_is_said_at_its_field(
    browser: Browser, values: dict[str, str], field: str, message: str
) -> None:
    form = {"email": "nobody@example.com", "password": PASSWORD} | values
    page = browser.send(browser.open("/sign-in"), "", "password", **form)
    assert page.status == 422
    assert error_at(page, field).startswith(message)


def test_sql_in_the_password_is_a_wrong_password(owner: Person, browser: Browser) -> None:
    for injected in ("' OR '1'='1", "x'; DROP TABLE platform.users; --", "%' --"):
        assert WRONG in words(sign_in(browser, owner.email, injected))


def test_a_refused_email_is_shown_as_text(browser: Browser) -> None:
    page = sign_in(browser, '"><script>alert(1)</script>@example.com')
    assert page.status == 422
    assert "<script>alert" not in page.text


def test_signing_in_leads_back_to_the_page_that_was_wanted(owner: Person, browser: Browser) -> None:
    asked = browser.open("/workspaces?all=1")
    assert heading(asked) == "Sign in"
    page = browser.send(asked, "", "password", email=owner.email, password=PASSWORD)
    assert page.url == f"{owner.browser.site}/workspaces?all=1"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_path_of_another_site_is_none_of_ours(target: str) -> None:
    assert safe_path(target) == "/workspaces"


@pytest.mark.parametrize("target", ["/", "/console?q=a%20b", "/workspaces?all=1", "/a//b", "/w/shop/home#top", "/ü"])
def test_a_path_of_our_own_is_kept(target: str) -> None:
    assert safe_path(target) == target


def test_signing_in_never_leads_to_another_site(owner: Person, browser: Browser) -> None:
    """What `next` is in the form decides, not what it was in the page's address."""
    form = browser.open("/sign-in").form("", "password").fields
    values = form | {"email": owner.email, "password": PASSWORD, "next": "//evil.example/"}
    answer = browser.request("POST", "/sign-in", data=values)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/workspaces")


@pytest.mark.parametrize("target", ELSEWHERE[:-1])
def test_an_address_that_leads_elsewhere_is_text_on_the_sign_in_page(browser: Browser, target: str) -> None:
    page = browser.open("/sign-in?next=" + quote(target))
    if page.status == 200:
        assert 'href="' + target not in page.text
    else:
        assert (page.status, "\0" in target) == (400, True)


@pytest.mark.usefixtures("in_earnest")
def test_an_old_hash_is_renewed_when_its_owner_signs_in(app: Flask, owner: Person, browser: Browser) -> None:
    weak = passwords.PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    sql(app, "UPDATE platform.users SET password_hash = :weak WHERE email = :email", weak=weak, email=owner.email)
    assert sign_in(browser, owner.email).status == 200
    ((stored,),) = sql(app, "SELECT password_hash FROM platform.users WHERE email = :email", email=owner.email)
    assert stored != weak
    assert passwords.matches(stored, PASSWORD)
    assert not passwords.outdated(stored)


@pytest.mark.usefixtures("in_earnest")
def test_passwords_are_stored_as_argon2id_at_the_cost_of_the_rfc(app: Flask, owner: Person) -> None:
    rows = sql(app, "SELECT u::text FROM platform.users u WHERE email = :email", email=owner.email)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in rows[0][0]
    assert PASSWORD not in rows[0][0]


def test_a_person_without_a_password_cannot_sign_in_by_one(app: Flask, owner: Person, browser: Browser) -> None:
    sql(app, "UPDATE platform.users SET password_hash = NULL WHERE email = :email", email=owner.email)
    assert WRONG in words(sign_in(browser, owner.email, "nobody's password"))
