"""Entering a workspace from the bare host."""

from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from flask import Flask

from saas.devstack.browser import Browser
from tests.accounts.test_sign_in import ELSEWHERE
from tests.support.database import left, more, sql
from tests.support.pages import heading, words
from tests.support.people import PASSWORD, MakeBrowser, Person, sign_in
from tests.support.threads import together


def test_a_visitor_is_led_over_the_sign_in_to_the_page_that_was_wanted(owner: Person, browser: Browser) -> None:
    page = browser.open(f"{owner.home}/collections/new?x=1&y=%C3%BC")
    assert (heading(page), page.url.partition("?")[0]) == ("Sign in", f"{owner.browser.site}/sign-in")
    page = browser.send(page, "", "password", email=owner.email, password=PASSWORD)
    assert (heading(page), page.url) == ("New collection", f"{owner.home}/collections/new?x=1&y=%C3%BC")


def test_a_workspace_opens_at_its_first_page(owner: Person) -> None:
    assert owner.open("/").url == f"{owner.home}/home"


def test_a_pass_lets_in_once(app: Flask, owner: Person, browser: Browser) -> None:
    entry = ask_for_pass(owner, browser)
    assert browser.request("GET", entry.url).headers["Location"] == "/home"
    before = left(app)
    answer = browser.request("GET", entry.url, headers={"Cookie": f"fh-nonce={entry.nonce}"})
    assert (answer.status_code, "This link no longer works" in answer.text) == (404, True)
    assert more(before, left(app)) == {}


def test_of_two_with_one_pass_at_the_same_moment_one_gets_in(app: Flask, owner: Person, browser: Browser) -> None:
    entry = ask_for_pass(owner, browser)
    before = left(app)

    def enter() -> int:
        site = urlsplit(entry.url)
        client = app.test_client(use_cookies=False)
        cookie = {"Cookie": f"fh-nonce={entry.nonce}"}
        return client.get(site.path, base_url=f"http://{site.netloc}", headers=cookie).status_code

    assert sorted(together(*[enter] * 4)) == [302, 404, 404, 404]
    assert more(before, left(app)) == {"codes": -1, "sessions": 1}


def test_a_pass_is_worthless_without_the_browser_that_asked(
    app: Flask, owner: Person, browser: Browser, make_browser: MakeBrowser
) -> None:
    entry = ask_for_pass(owner, browser)
    before = left(app)
    for cookie in ("", "fh-nonce=", "fh-nonce=forged", "fh-nonce=" + "A" * 43):
        page = make_browser().open(entry.url, headers={"Cookie": cookie})
        assert (page.status, heading(page)) == (404, "This link no longer works")
    assert more(before, left(app)) == {}
    assert browser.open(entry.url).url == f"{owner.home}/home"  # the control: here it is good, still


def test_a_pass_for_one_workspace_opens_no_other(app: Flask, owner: Person, stranger: Person, browser: Browser) -> None:
    entry = ask_for_pass(owner, browser)
    before = left(app)
    elsewhere = entry.url.replace(owner.address, stranger.address)
    answer = browser.request("GET", elsewhere, headers={"Cookie": f"fh-nonce={entry.nonce}"})
    assert answer.status_code == 404
    assert more(before, left(app)) == {}
    assert browser.open(entry.url).url == f"{owner.home}/home"


def test_a_pass_lasts_for_seconds(app: Flask, owner: Person, browser: Browser) -> None:
    entry = ask_for_pass(owner, browser)
    rows = sql(app, "SELECT expires_at - now() AS rest FROM platform.codes WHERE tenant = :id", id=owner.tenant)
    assert [row.rest.total_seconds() <= 30 for row in rows] == [True]
    sql(app, "UPDATE platform.codes SET expires_at = now() WHERE tenant = :id", id=owner.tenant)
    page = browser.open(entry.url)
    assert (page.status, "Passing the sign-in on took too long." in words(page)) == (404, True)


def test_a_pass_ends_with_the_session_that_gave_it(app: Flask, owner: Person, browser: Browser) -> None:
    entry = ask_for_pass(owner, browser)
    browser.send(browser.open("/workspaces?all=1"), "/sign-out")
    assert browser.open(entry.url).status == 404


def test_a_pass_for_a_bad_nonce_opens_nothing(owner: Person) -> None:
    for nonce in ("", "zz", "ab", "x" * 5000, "%FF", "'"):
        page = owner.browser.open(f"/pass?to={owner.address}&nonce={nonce}")
        assert (page.status, heading(page)) == (404, "This link no longer works"), nonce


def test_whoever_is_no_member_is_told_so_and_gets_no_pass(app: Flask, owner: Person, stranger: Person) -> None:
    before = left(app)
    page = stranger.browser.open(f"{owner.home}/home")
    assert (page.status, heading(page)) == (403, "You are not a member of this workspace")
    assert f"{stranger.email} does not belong to the workspace at {owner.address}." in words(page)
    assert "Owner & Sons" not in words(page)
    assert "Your workspaces" in words(page)
    assert more(before, left(app)) == {}


def test_a_member_who_is_removed_is_out_at_once(app: Flask, owner: Person, teammate: Person) -> None:
    assert teammate.open("/collections").status == 200
    sql(
        app,
        "DELETE FROM platform.memberships WHERE tenant = :id AND role = 'developer'",
        id=owner.tenant,
    )
    for path in ("/home", "/collections", "/keys"):
        page = teammate.open(path)
        assert (page.status, heading(page)) == (403, "You are not a member of this workspace")
    assert owner.open("/home").status == 200


def test_entering_never_leads_to_another_site(owner: Person) -> None:
    for target in ELSEWHERE:
        if "\0" not in target:
            leave_workspace(owner.browser)
            page = owner.browser.open(f"{owner.home}/enter?next={quote(target)}")
            assert page.url == f"{owner.home}/home", target
    leave_workspace(owner.browser)
    page = owner.browser.open(f"{owner.home}/enter?next=/keys")  # the control: a page of its own is found
    assert page.url == f"{owner.home}/keys"


def test_an_unknown_workspace_is_told_before_and_after_the_sign_in(owner: Person, browser: Browser) -> None:
    for url in ("http://nobody-here.localhost:8000/home", "http://nobody-here.localhost:8000/enter"):
        page = browser.open(url)
        assert (page.status, heading(page)) == (404, "There is no workspace at this address")
    page = owner.browser.open("/pass?to=nobody-here&nonce=aa")
    assert (page.status, heading(page)) == (404, "There is no workspace at this address")


def test_the_list_of_workspaces_shows_only_ones_own(owner: Person, teammate: Person, stranger: Person) -> None:
    for person, sees, not_seen in ((owner, owner, stranger), (teammate, owner, stranger), (stranger, stranger, owner)):
        page = person.browser.open("/workspaces?all=1")
        assert sees.address in words(page)
        assert not_seen.address not in words(page)
    assert "Developer" in words(teammate.browser.open("/workspaces?all=1"))


@dataclass
class Entry:
    url: str  # of the workspace, with the code in it
    nonce: str  # the cookie that has to come with it


def ask_for_pass(person: Person, browser: Browser) -> Entry:
    """Signs a person in with another browser and stops right before the workspace takes the pass."""
    assert sign_in(browser, person.email).status == 200
    leave_workspace(browser)
    asked = browser.request("GET", f"{person.home}/enter")
    passed = browser.request("GET", asked.headers["Location"])
    assert parse_qs(urlsplit(asked.headers["Location"]).query)["to"] == [person.address]
    (nonce,) = (cookie.value for cookie in browser.session.cookies if cookie.name == "fh-nonce")
    return Entry(passed.headers["Location"], nonce or "")


def leave_workspace(browser: Browser) -> None:
    """Forget the workspace's cookie and keep the bare host's."""
    for cookie in [one for one in browser.session.cookies if one.name == "fh-workspace"]:
        browser.session.cookies.clear(cookie.domain, cookie.path, cookie.name)
