"""A business signs up, or is told at the field what is wrong."""

import html
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask import Flask

from saas.devstack.browser import Browser, Page
from tests.support.database import left, mail, more, schema_and_role, sql, whole
from tests.support.pages import error_at, heading
from tests.support.people import Person, unique
from tests.support.people import sign_in as sign_in_as

SignUp = Callable[..., Page]

# What one sign-up leaves. The sessions are those of the bare host and of the workspace; the code is in the mail.
ONE = {
    "users": 1,
    "sessions": 2,
    "codes": 1,
    "memberships": 1,
    "active": 1,
    "jobs": 3,  # two mails and the pool
    "mails": 2,
    "audit": 1,
}

WELCOME = "Your workspace is ready"
REMOVE = "Remove the characters that can't be shown"
SHAPE = "Use letters a to z, digits, and single hyphens between them."
LENGTH = "Use 3 to 40 characters."

REFUSED = {
    "no business": ("business", "", "Fill in the business name."),
    "a business of spaces": ("business", " \t\n ", "Fill in the business name."),
    "a business too long": ("business", "x" * 121, "Use at most 120 characters."),
    "a business with NUL": ("business", "Ba\0kery", REMOVE),
    "a business with an escape": ("business", "Ba\x1b[31mkery", REMOVE),
    "no address": ("address", "", "Choose the address of your workspace."),
    "an address too short": ("address", "ab", LENGTH),
    "an address too long": ("address", "a" * 41, LENGTH),
    "an address with a dot": ("address", "shop.example", SHAPE),
    "an address with an underscore": ("address", "my_shop", SHAPE),
    "an address with a space": ("address", "my shop", SHAPE),
    "a leading hyphen": ("address", "-shop", SHAPE),
    "a trailing hyphen": ("address", "shop-", SHAPE),
    "two hyphens": ("address", "my--shop", SHAPE),
    "punycode": ("address", "xn--80ak6aa92e", SHAPE),
    "a homograph": ("address", "\N{CYRILLIC SMALL LETTER A}pple", SHAPE),
    "an accent": ("address", "café-berlin", SHAPE),
    "a zero width space": ("address", "sh\u200bop", SHAPE),
    "an upper case letter that becomes two": ("address", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}stanbul", SHAPE),
    "an address with NUL": ("address", "sho\0p", SHAPE),
    "SQL as an address": ("address", "x'; DROP TABLE platform.users; --", SHAPE),
    "HTML as an address": ("address", "<b>shop</b>", SHAPE),
    "a reserved address": ("address", "admin", "admin is reserved for the platform."),
    "a reserved address in capitals": ("address", "WWW", "www is reserved for the platform."),
    "no email": ("email", "", "Fill in your email address."),
    "an email without @": ("email", "somebody.example.com", "That is not an email address"),
    "an email without a domain": ("email", "somebody@", "That is not an email address"),
    "an email at an IP address": ("email", "somebody@[127.0.0.1]", "That is not an email address"),
    "an email too long": ("email", "x" * 250 + "@example.com", "That is not an email address"),
    "an email with a second header": ("email", "a@example.com\r\nBcc: b@example.com", "That is not an email address"),
    "an email with NUL": ("email", "a\0@example.com", REMOVE),
    "HTML as an email": ("email", "<script>@example.com", "That is not an email address"),
    "SQL as an email": ("email", "' OR 1=1 --@example.com", "That is not an email address"),
    "no password": ("password", "", "Choose a password."),
    "a password too short": ("password", "x" * 9, "Use 10 to 200 characters"),
    "a password too long": ("password", "x" * 201, "Use 10 to 200 characters"),
}


def test_a_business_signs_up_and_lands_in_its_workspace(app: Flask, sign_up: SignUp) -> None:
    before = left(app)
    mark = unique()
    page = sign_up(business="Müller & Co", address=f"mueller-{mark}", email=f"{mark}@example.com")
    assert (page.status, page.url) == (200, f"http://mueller-{mark}.localhost:8000/home")
    assert more(before, left(app)) == ONE
    (tenant,) = sql(
        app, "SELECT id, name, state, revision FROM platform.tenants WHERE address = :a", a=f"mueller-{mark}"
    )
    assert (tenant.name, tenant.state) == ("Müller & Co", "active")
    assert schema_and_role(app, tenant.id) == whole(app)
    assert f"http://mueller-{mark}.localhost:8000" in mail(app, f"{mark}@example.com", WELCOME)
    assert "/confirm/" in mail(app, f"{mark}@example.com", "Confirm your email")


@pytest.mark.parametrize(("field", "value", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_at_its_field_and_leaves_nothing(
    app: Flask, sign_up: SignUp, field: str, value: str, message: str
) -> None:
    before = left(app)
    page = sign_up(**{field: value})
    assert page.status == 422
    assert error_at(page, field).startswith(message)
    assert [name for name in ("business", "email", "password") if error_at(page, name)] == [field] * (
        field != "address"
    )
    assert more(before, left(app)) == {}


@pytest.mark.parametrize("field", ["business", "address", "email", "password"])
def test_broken_unicode_in_the_body_is_refused_at_its_field(
    app: Flask, browser: Browser, values: Callable[..., dict[str, str]], field: str
) -> None:
    page = browser.open("/sign-up")
    good = page.form("", "business").fields | values()
    body = urlencode({**good, field: "BROKEN"}).replace("BROKEN", "long-enough-%C3%28-%FF")
    before = left(app)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    page = Page(page.url, browser.request("POST", "/sign-up", data=body, headers=headers))
    assert page.status == 422
    assert error_at(page, field).startswith(SHAPE if field == "address" else REMOVE)
    assert more(before, left(app)) == {}


def test_a_taken_email_is_said_at_the_field_however_it_is_written(app: Flask, owner: Person, sign_up: SignUp) -> None:
    before = left(app)
    page = sign_up(email=f"  {owner.email.upper()} ")
    assert page.status == 422
    assert error_at(page, "email") == "This email already has an account. Sign in, or reset its password."
    assert more(before, left(app)) == {}


def test_a_taken_address_is_said_at_the_field(app: Flask, owner: Person, sign_up: SignUp) -> None:
    before = left(app)
    page = sign_up(address=owner.address.upper())
    assert page.status == 422
    assert error_at(page, "address") == f"{owner.address} is taken. Choose another address."
    assert more(before, left(app)) == {}


def test_a_refused_form_keeps_what_was_typed_but_not_the_password(sign_up: SignUp) -> None:
    page = sign_up(business="Kept & Sons", address="admin", email="kept@example.com", password="never to be seen")
    kept = page.form("", "business").fields
    assert {name: kept[name] for name in ("business", "address", "email")} == {
        "business": "Kept & Sons",
        "address": "admin",
        "email": "kept@example.com",
    }
    assert not kept["password"]
    assert "never to be seen" not in page.text


def test_an_address_in_capitals_becomes_small(sign_up: SignUp) -> None:
    mark = unique()
    assert sign_up(address=f" SHOP-{mark.upper()} ").url == f"http://shop-{mark}.localhost:8000/home"


@pytest.mark.parametrize(
    "business",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "Robert'); DROP TABLE platform.users; --",
        "{{ 7 * 7 }} ${7 * 7} %s %(id)s",
        "\N{RIGHT-TO-LEFT OVERRIDE}moc \N{PILE OF POO} 100 %",
    ],
)
def test_sql_and_html_in_a_name_are_text_everywhere(
    app: Flask, browser: Browser, sign_up: SignUp, business: str
) -> None:
    mark = unique()
    home = sign_up(business=business, address=f"shop-{mark}", email=f"{mark}@example.com")
    assert sql(app, "SELECT name FROM platform.tenants WHERE address = :a", a=f"shop-{mark}") == [(business,)]
    assert business not in mail(app, f"{mark}@example.com", WELCOME)  # mail filters judge what a stranger wrote
    for page in (home, browser.open("/workspaces?all=1")):
        assert page.status == 200
        assert business in html.unescape(page.text)
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


def test_a_password_may_hold_anything(app: Flask, browser: Browser, sign_up: SignUp) -> None:
    password = "'; DROP TABLE platform.users; -- <b>\N{PILE OF POO}</b> %s"
    email = f"o'hara+{{{{7*7}}}}{unique()}@example.com"
    assert sign_up(email=email, password=password).status == 200
    browser.session.cookies.clear()
    assert heading(sign_in_as(browser, email, password)) == "Home"


def test_signing_up_on_a_workspaces_host_leads_to_the_bare_one(owner: Person) -> None:
    assert owner.open("/sign-up").url == f"{owner.browser.site}/sign-up"
