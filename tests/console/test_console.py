"""The back office."""

import html

import pytest
from flask import Flask

from saas.devstack.browser import Browser
from tests.support.database import browser as browser_of
from tests.support.database import left, more, sql
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person, sign_up, unique

NASTY = "<script>alert('x')</script> & \"quotes\" %_'"


@pytest.fixture(scope="module")
def operator(app: Flask) -> Person:
    """Who only looks."""
    person = sign_up(app, browser_of(app))
    sql(app, "UPDATE platform.users SET operator = true WHERE email = :email", email=person.email)
    return person


def test_an_operator_sees_every_workspace(operator: Person, stranger: Person) -> None:
    page = operator.browser.open("/console")
    assert (page.status, heading(page)) == (200, "Console")
    for person in (operator, stranger):
        row = row_of(page.text, person)
        assert all(part in row for part in (person.address, person.tenant, person.email, "Active", "Unconfirmed"))


def test_to_everyone_else_there_is_no_back_office(app: Flask, owner: Person, teammate: Person) -> None:
    for person in (owner, teammate):
        page = person.browser.open("/console")
        assert (page.status, heading(page)) == (404, "There is nothing here")
        assert "console" not in page.text.lower()


def test_a_visitor_is_asked_to_sign_in(browser: Browser) -> None:
    assert heading(browser.open("/console?q=x")) == "Sign in"


def test_the_back_office_is_not_on_a_workspaces_host(operator: Person) -> None:
    assert operator.open("/console").status == 404


def test_an_operators_right_comes_and_goes_at_once(app: Flask, owner: Person) -> None:
    change = "UPDATE platform.users SET operator = NOT operator WHERE email = :email"
    seen = []
    for _ in range(3):
        seen.append(owner.browser.open("/console").status)
        sql(app, change, email=owner.email)
    assert seen == [404, 200, 404]


@pytest.mark.parametrize("by", ["address", "email", "name"])
def test_the_search_finds_by_name_address_and_email(
    app: Flask, operator: Person, make_browser: MakeBrowser, by: str
) -> None:
    other = sign_up(app, make_browser(), f"Findme {unique()} GmbH")
    ((name,),) = sql(app, "SELECT name FROM platform.tenants WHERE id = :id", id=other.tenant)
    wanted = {"address": other.address, "email": other.email, "name": name}[by].upper()[2:-2]
    page = operator.browser.open("/console", params={"q": wanted})
    assert row_of(page.text, other)
    assert operator.tenant not in page.text
    assert html.escape(wanted) in page.text  # what was searched for stays in the field


@pytest.mark.parametrize("wanted", ["%", "_", "\\", "' OR 1=1 --", "<script>alert(1)</script>", "x" * 5000, "%s"])
def test_a_search_is_text_and_not_a_pattern(operator: Person, wanted: str) -> None:
    page = operator.browser.open("/console", params={"q": wanted})
    assert page.status == 200
    assert operator.tenant not in page.text
    assert "<script>alert" not in page.text


def test_a_search_without_a_match_says_so(operator: Person) -> None:
    assert "Nothing matches." in words(operator.browser.open("/console", params={"q": unique()}))


def test_the_list_can_be_narrowed_to_a_state(app: Flask, operator: Person, stranger: Person) -> None:
    sql(app, "UPDATE platform.tenants SET state = 'preparing', revision = NULL WHERE id = :id", id=stranger.tenant)
    active, preparing, wrong = (
        operator.browser.open("/console", params={"state": state}).text
        for state in ("active", "preparing", "' OR 1=1 --")
    )
    assert (operator.tenant in active, stranger.tenant in active) == (True, False)
    assert (operator.tenant in preparing, stranger.tenant in preparing) == (False, True)
    assert operator.tenant not in wrong
    sql(app, "DELETE FROM platform.tenants WHERE id = :id", id=stranger.tenant)


def test_spare_schemas_are_counted_but_not_listed(app: Flask, operator: Person) -> None:
    ((spare,),) = sql(app, "SELECT id FROM platform.tenants WHERE state = 'spare' LIMIT 1")
    page = operator.browser.open("/console")
    assert spare not in page.text
    assert "Spare schemas" in words(page)
    assert operator.tenant not in operator.browser.open("/console?state=spare").text


def test_names_with_html_are_text(app: Flask, operator: Person, stranger: Person) -> None:
    sql(app, "UPDATE platform.tenants SET name = :name WHERE id = :id", name=NASTY, id=stranger.tenant)
    page = operator.browser.open("/console", params={"q": NASTY})
    assert NASTY in html.unescape(row_of(page.text, stranger))
    assert "<script>alert" not in page.text


def test_looking_changes_nothing(app: Flask, operator: Person) -> None:
    before = left(app)
    operator.browser.open("/console?q=x&state=active")
    assert more(before, left(app)) == {}


def row_of(text: str, person: Person) -> str:
    """The table row with a person's workspace."""
    rows = [row for row in text.split("<tr>") if person.tenant in row]
    assert len(rows) == 1, text
    return rows[0]
