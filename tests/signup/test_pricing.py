"""The pricing page, and the choice that is carried through sign-up."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from saas.devstack.browser import Browser
from tests.signup.conftest import Values
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.people import Person, unique


def link(page: str, label: str) -> str:
    found = re.search(rf'<a class="button[^"]*" href="([^"]+)"[^>]*>{label}</a>', page)
    assert found, page
    return found[1].replace("&amp;", "&")


def test_the_page_shows_each_plan_by_the_month_and_by_the_year(browser: Browser) -> None:
    month, year = browser.open("/pricing"), browser.open("/pricing?interval=year")
    for text in ("Free", "$0", "Starter", "$19 a month", "Growth", "$79 a month", "Scale", "$299 a month"):
        assert text in words(month)
    for text in ("$190 a year", "$790 a year", "$2,990 a year", "14 days free to begin with"):
        assert text in words(year)
    assert "5,000,000 records" in words(month)
    assert "Unlimited collections" in words(month)
    assert "<script>" not in month.text
    assert month.text.count('aria-current="page"') == year.text.count('aria-current="page"') == 1


def test_the_choice_survives_sign_up_and_leads_to_its_confirmation(
    app: Flask, browser: Browser, values: Values
) -> None:
    year = browser.open("/pricing?interval=year")
    page = browser.open(link(year.text, "Start with Growth"))
    assert "You chose Growth, paid by the year" in words(page)
    page = browser.send(page, "", "business", **values(address="admin", password="x"))  # with errors, twice
    page = browser.send(page, "", "business", **values(email="nobody"))
    assert (page.status, "You chose Growth, paid by the year" in words(page)) == (422, True)
    mine = values()
    done = browser.send(page, "", "business", **mine)
    assert (done.status, heading(done)) == (200, "Choose Growth")
    parts = urlsplit(done.url)
    assert (parts.netloc, parts.path) == (f"{mine['address']}.localhost:8000", "/billing/choose")
    assert parse_qs(parts.query) == {"plan": ["growth"], "interval": ["year"]}
    assert "$790.00 a year" in words(done)
    assert sql(app, "SELECT plan FROM platform.tenants WHERE address = :a", a=mine["address"]) == [("free",)]


def test_the_free_plan_leads_to_the_first_page(browser: Browser, values: Values) -> None:
    page = browser.open(link(browser.open("/pricing").text, "Start with Free"))
    assert browser.send(page, "", "business", **values()).url.endswith("/home")


@pytest.mark.parametrize(
    "query", ["plan=gold", "plan=growth&interval=week", "plan=%3Cscript%3E", "plan=%00", "plan=a&plan=b"]
)
def test_an_unknown_plan_in_the_link_is_said_and_signing_up_is_possible(
    browser: Browser, values: Values, query: str
) -> None:
    page = browser.open(f"/sign-up?{query}")
    if "%00" in query:
        assert page.status == 400
        return
    assert page.status == 200
    assert "There is no" in words(page)
    assert "<script>alert" not in page.text
    done = browser.send(page, "", "business", **values())
    assert done.url.endswith("/home")


def test_a_form_with_an_unknown_plan_is_refused_once_and_then_taken(
    app: Flask, browser: Browser, values: Values
) -> None:
    mine = values()
    page = browser.send(browser.open("/sign-up?plan=growth"), "", "business", **mine, plan="gold")
    assert (page.status, "There is no plan 'gold'." in words(page)) == (422, True)
    assert sql(app, "SELECT 1 FROM platform.tenants WHERE address = :a", a=mine["address"]) == []
    assert browser.send(page, "", "business", **mine).url.endswith("/home")


def test_a_second_workspace_takes_its_choice_along(app: Flask, owner: Person) -> None:
    sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :email", email=owner.email)
    page = owner.browser.open("/sign-up?plan=starter&interval=month")
    done = owner.browser.send(page, "", "business", business="Second", address=f"second-{unique()}")
    assert (heading(done), "/billing/choose?plan=starter" in done.url) == ("Choose Starter", True)


def test_the_pricing_page_of_a_workspace_is_the_sites(owner: Person) -> None:
    assert owner.open("/pricing?interval=year").url == f"{owner.browser.site}/pricing?interval=year"
