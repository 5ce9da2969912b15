"""Confirming an email address, and links that open signed in."""

import pytest
from flask import Flask

from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.core.database import transaction
from saas.devstack.browser import Browser
from tests.accounts.test_sign_in import ELSEWHERE
from tests.support.database import left, mail, mailed_link, more, sql
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person

SUBJECT = "Confirm your email"


def test_opening_the_link_confirms_nothing_and_a_click_does(app: Flask, owner: Person, browser: Browser) -> None:
    link = mailed_link(app, owner.email, SUBJECT)
    for _scanner in range(3):
        page = browser.open(link)
        assert (heading(page), owner.email in words(page)) == ("Confirm your email", True)
    assert not confirmed(app, owner)
    assert "Confirm your email." in words(owner.open("/home"))
    assert heading(browser.send(page, link.partition(":8000")[2])) == "Email confirmed"
    assert confirmed(app, owner)
    assert "Confirm your email." not in words(owner.open("/home"))


def test_a_second_click_is_told_that_the_link_is_used(app: Flask, owner: Person, browser: Browser) -> None:
    link = mailed_link(app, owner.email, SUBJECT)
    form = browser.open(link)
    browser.send(form, link.partition(":8000")[2])
    before = left(app)
    for page in (browser.send(form, link.partition(":8000")[2]), browser.open(link)):
        assert (page.status, heading(page)) == (404, "This link no longer works")
        assert "It was used already, so your email is confirmed, or it is older than 72 hours" in words(page)
    assert more(before, left(app)) == {}
    assert confirmed(app, owner)


def test_an_expired_link_confirms_nothing(app: Flask, owner: Person, browser: Browser) -> None:
    link = mailed_link(app, owner.email, SUBJECT)
    form = browser.open(link)
    sql(
        app,
        "UPDATE platform.codes SET expires_at = now() WHERE user_id = (SELECT id FROM platform.users WHERE email = :e)",
        e=owner.email,
    )
    assert browser.send(form, link.partition(":8000")[2]).status == 404
    assert not confirmed(app, owner)


@pytest.mark.parametrize("token", ["x", "B" * 43, "%F0%9F%92%A9", "x" * 4000])
def test_a_forged_link_is_refused(browser: Browser, token: str) -> None:
    assert browser.open(f"/confirm/{token}").status == 404


def test_a_new_link_is_sent_on_request_and_the_old_one_ends(app: Flask, owner: Person, browser: Browser) -> None:
    old = mailed_link(app, owner.email, SUBJECT)
    page = owner.browser.send(owner.browser.open("/workspaces?all=1"), "/confirm")
    assert heading(page) == "Look in your mail"
    assert f"A link to confirm {owner.email} is on its way." in words(page)
    new = mailed_link(app, owner.email, SUBJECT)
    assert new != old
    assert browser.open(old).status == 404
    assert browser.open(new).status == 200
    assert "72 hours" in mail(app, owner.email, SUBJECT)


def test_whoever_has_signed_out_meanwhile_is_asked_to_sign_in(owner: Person, browser: Browser) -> None:
    page = owner.browser.open("/workspaces?all=1")
    for name in ("fh-session", "fh-workspace"):
        for cookie in [one for one in owner.browser.session.cookies if one.name == name]:
            owner.browser.session.cookies.clear(cookie.domain, cookie.path, cookie.name)
    answer = owner.browser.send(page, "/confirm")
    assert (answer.status, heading(answer)) == (401, "Sign in first")


def test_a_one_time_link_opens_signed_in_once(
    app: Flask, owner: Person, browser: Browser, make_browser: MakeBrowser
) -> None:
    link = f"/link/{one_time(app, owner)}"
    assert browser.open(f"{link}?next=/workspaces%3Fall=1").url == f"{owner.browser.site}/workspaces?all=1"
    assert browser.open(f"{owner.home}/home").url == f"{owner.home}/home"
    page = make_browser().open(link)
    assert (page.status, heading(page)) == (404, "This link no longer works")


def test_an_expired_one_time_link_opens_nothing(app: Flask, owner: Person, browser: Browser) -> None:
    link = f"/link/{one_time(app, owner)}"
    sql(app, "UPDATE platform.codes SET expires_at = now() WHERE purpose = 'link'")
    assert browser.open(link).status == 404
    assert heading(browser.open("/workspaces")) == "Sign in"


def test_a_one_time_link_never_leads_to_another_site(app: Flask, owner: Person, browser: Browser) -> None:
    targets = [target for target in ELSEWHERE if "\0" not in target]
    answers = [
        browser.request("GET", f"/link/{one_time(app, owner)}", params={"next": target}).headers["Location"]
        for target in targets
    ]
    assert answers == ["/workspaces"] * len(targets)


def one_time(app: Flask, person: Person) -> str:
    """A link's secret, as `saas users link` makes it."""
    with app.app_context(), transaction():
        return codes.issue(Purpose.LINK, service.by_email(person.email).id)


def confirmed(app: Flask, person: Person) -> bool:
    ((at,),) = sql(app, "SELECT confirmed_at FROM platform.users WHERE email = :email", email=person.email)
    return at is not None
