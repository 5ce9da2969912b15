"""A forgotten password."""

import pytest
from flask import Flask

from saas.devstack.browser import Browser
from tests.support.database import left, mail, mailed_link, more, sql
from tests.support.pages import error_at, heading, words
from tests.support.people import PASSWORD, MakeBrowser, Person, sign_in, unique
from tests.support.threads import together

SUBJECT = "Set a new password"
NEW = "another horse battery"


def test_a_link_in_the_mail_sets_a_new_password_and_signs_in(app: Flask, owner: Person, browser: Browser) -> None:
    link = ask(app, browser, owner.email)
    assert "The link works once and for one hour." in mail(app, owner.email, SUBJECT)
    page = browser.open(link)
    assert heading(page) == "Choose a new password"
    assert heading(browser.send(page, "", "password", password=NEW)) == "Home"
    browser.session.cookies.clear()
    assert sign_in(browser, owner.email, PASSWORD).status == 422
    assert heading(sign_in(browser, owner.email, NEW)) == "Home"


def test_a_new_password_ends_all_other_sessions_and_confirms_the_email(
    app: Flask, owner: Person, browser: Browser
) -> None:
    browser.send(browser.open(ask(app, browser, owner.email)), "", "password", password=NEW)
    assert heading(owner.open("/home")) == "Sign in"
    assert heading(owner.browser.open("/workspaces")) == "Sign in"
    ((confirmed,),) = sql(app, "SELECT confirmed_at FROM platform.users WHERE email = :email", email=owner.email)
    assert confirmed is not None


def test_a_reset_link_works_once(app: Flask, owner: Person, browser: Browser, make_browser: MakeBrowser) -> None:
    link = ask(app, browser, owner.email)
    form = browser.open(link)
    other = make_browser()
    same_form = other.open(link)
    assert browser.send(form, "", "password", password=NEW).status == 200
    before = left(app)
    for page in (other.open(link), other.send(same_form, "", "password", password="the thief's password")):
        assert (page.status, heading(page)) == (404, "This link no longer works")
        assert "Ask for a new link" in words(page)
    assert more(before, left(app)) == {}
    assert heading(sign_in(make_browser(), owner.email, NEW)) == "Home"


def test_of_two_at_the_same_moment_one_sets_the_password(app: Flask, owner: Person, make_browser: MakeBrowser) -> None:
    browsers = [make_browser(), make_browser()]
    link = ask(app, browsers[0], owner.email)
    forms = [one.open(link) for one in browsers]
    pages = together(
        *(
            lambda one=one, form=form, n=n: one.send(form, "", "password", password=f"password number {n}")
            for n, (one, form) in enumerate(zip(browsers, forms, strict=True))
        )
    )
    assert sorted(page.status for page in pages) == [200, 404]
    winner = [page.status for page in pages].index(200)
    assert sign_in(make_browser(), owner.email, f"password number {winner}").status == 200


def test_an_expired_link_is_refused(app: Flask, owner: Person, browser: Browser) -> None:
    link = ask(app, browser, owner.email)
    form = browser.open(link)
    sql(
        app,
        "UPDATE platform.codes SET expires_at = now() - interval '1 second' WHERE purpose = 'reset'"
        " AND user_id = (SELECT id FROM platform.users WHERE email = :email)",
        email=owner.email,
    )
    for page in (browser.open(link), browser.send(form, "", "password", password=NEW)):
        assert (page.status, heading(page)) == (404, "This link no longer works")
    assert heading(sign_in(browser, owner.email, PASSWORD)) == "Home"


def test_a_newer_link_takes_the_place_of_the_one_before(app: Flask, owner: Person, browser: Browser) -> None:
    first = ask(app, browser, owner.email)
    second = ask(app, browser, owner.email)
    assert first != second
    assert browser.open(first).status == 404
    assert browser.open(second).status == 200


@pytest.mark.parametrize("token", ["x", "A" * 43, "../../etc/passwd", "'; DROP TABLE platform.codes; --", "%00", "%ff"])
def test_a_forged_link_is_refused(browser: Browser, token: str) -> None:
    page = browser.open(f"/reset/{token}")
    assert page.status in {400, 404}


def test_a_link_for_another_purpose_sets_no_password(app: Flask, owner: Person, browser: Browser) -> None:
    confirm = mailed_link(app, owner.email, "Confirm your email")
    assert browser.open(confirm).status == 200  # the control: it is a good link
    assert browser.open(confirm.replace("/confirm/", "/reset/")).status == 404


def test_a_bad_new_password_is_said_and_the_link_stays_good(app: Flask, owner: Person, browser: Browser) -> None:
    messages = {
        "": "Choose a password.",
        "x" * 9: "Use 10 to 200",
        "x" * 201: "Use 10 to 200",
        "x" * 9 + "\0": "Remove the characters",
    }
    page = browser.open(ask(app, browser, owner.email))
    for password, message in messages.items():
        page = browser.send(page, "", "password", password=password)
        assert (page.status, error_at(page, "password")[: len(message)]) == (422, message)
    assert browser.send(page, "", "password", password=NEW).status == 200


def test_asking_for_an_unknown_email_looks_the_same_and_writes_nothing(
    app: Flask, owner: Person, browser: Browser
) -> None:
    nobody = f"nobody-{unique()}@example.com"
    known = browser.send(browser.open("/forgot"), "", "email", email=owner.email)
    before = left(app)
    unknown = browser.send(browser.open("/forgot"), "", "email", email=nobody)
    assert (known.status, words(known)) == (unknown.status, words(unknown).replace(nobody, owner.email))
    assert more(before, left(app)) == {}


def ask(app: Flask, browser: Browser, email: str) -> str:
    """Ask for a new password on the page; returns the link out of the mail."""
    page = browser.send(browser.open("/forgot"), "", "email", email=email)
    assert heading(page) == "Look in your mail"
    return mailed_link(app, email, SUBJECT)
