"""An invitation is accepted: once, in time, by the invited address."""

from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import Flask

from saas.devstack.browser import Browser, Page
from tenants.errors import Suspended
from tenants.members.models import Role
from tenants.team import acceptance
from tests.support.database import left, mailed_link, more, sql
from tests.support.pages import error_at, heading, words
from tests.support.people import PASSWORD, MakeBrowser, Person, allow, join, sign_in, unique
from tests.support.threads import meeting_at, together
from tests.tenants.team.conftest import actions, confirm, invitation, invited, post, used_seats
from tests.tenants.team.test_invitations import expire

DEAD = "This link no longer works"


def register(browser: Browser, link: str, name: str = "New Colleague", password: str = PASSWORD) -> Page:
    return browser.send(browser.open(link), "/register", "password", name=name, password=password)


def later(browser: Browser, link: str) -> Callable[[], Page]:
    """The same with the page opened already, which has no form any more when somebody else was quicker."""
    page = browser.open(link)
    return lambda: browser.send(page, "/register", "password", name="New Colleague", password=PASSWORD)


def test_somebody_new_joins_with_name_and_password(app: Flask, boss: Person, browser: Browser) -> None:
    email, link = invited(app, boss, "editor")
    page = browser.open(link)
    assert heading(page) == "Join Owner & Sons"
    assert f"{boss.email} invites you to this workspace as an editor" in words(page)
    assert f'value="{email}"' in page.text
    page = register(browser, link, "  Ada   Byron ")
    assert (page.status, page.url) == (200, f"{boss.home}/home")
    (row,) = sql(
        app, "SELECT name, confirmed_at IS NOT NULL AS confirmed FROM platform.users WHERE email = :e", e=email
    )
    assert row == ("Ada Byron", True)
    assert "Confirm your email" not in words(page)
    team = words(boss.open("/team"))
    assert "Ada Byron Editor" in team
    assert "Open invitations" not in team
    assert used_seats(app, boss.tenant) == 2
    assert actions(app, boss.tenant)[-1] == "invitation.accepted"


def test_the_address_is_the_invitations_whatever_the_form_says(app: Flask, boss: Person, browser: Browser) -> None:
    email, link = invited(app, boss)
    other = f"other-{unique()}@example.com"
    page = browser.send(browser.open(link), "/register", "password", name="X", password=PASSWORD, email=other)
    assert page.status == 200
    assert sql(app, "SELECT 1 FROM platform.users WHERE email = :e", e=other) == []
    assert email in words(boss.open("/team"))


@pytest.mark.parametrize(
    ("name", "password", "field"),
    [("", PASSWORD, "name"), ("x" * 201, PASSWORD, "name"), ("a\x01b", PASSWORD, "name"), ("Ada", "short", "password")],
)
def test_bad_values_are_told_at_their_field_and_nothing_is_made(
    app: Flask, boss: Person, browser: Browser, name: str, password: str, field: str
) -> None:
    _email, link = invited(app, boss)
    before = left(app)
    page = register(browser, link, name, password)
    assert (page.status, heading(page)) == (422, "Join Owner & Sons")
    assert error_at(page, field)
    assert more(before, left(app)) == {}
    assert register(browser, link).status == 200


def test_who_has_an_account_signs_in_and_comes_back(
    app: Flask, boss: Person, stranger: Person, browser: Browser
) -> None:
    _email, link = invited(app, boss, "viewer", stranger.email)
    page = browser.open(link)
    assert not [form for form in page.forms if "name" in form.fields]  # nothing to register
    wrong = browser.send(page, "/sign-in", "next", password="a wrong password")
    assert (wrong.status, heading(wrong)) == (422, "Sign in")
    page = browser.send(wrong, "", "next", password=PASSWORD)
    assert (heading(page), page.url) == ("Join Owner & Sons", link)
    page = browser.send(page, urlsplit(link).path)
    assert (page.status, page.url) == (200, f"{boss.home}/home")
    assert "Viewer" in words(browser.open("/workspaces?all=1"))
    (row,) = sql(app, "SELECT confirmed_at FROM platform.users WHERE email = :e", e=stranger.email)
    assert row.confirmed_at is not None  # the link has proved the address


def test_somebody_else_learns_nothing_and_may_sign_out_and_come_back(
    app: Flask, boss: Person, stranger: Person
) -> None:
    email, link = invited(app, boss)
    before = left(app)
    page = stranger.browser.open(link)
    assert heading(page) == "This invitation is for somebody else"
    for secret in (email, boss.email, "Owner & Sons", boss.address):
        assert secret not in words(page)
        assert secret not in page.text
    path = urlsplit(link).path
    token = page.form("/sign-out").fields["csrf_token"]
    for forced, status in ((path, 403), (f"{path}/register", 422)):
        data = {"csrf_token": token, "name": "X", "password": PASSWORD}
        answer = stranger.browser._follow("POST", forced, {"data": data})
        assert answer.status == status
        assert email not in answer.text
        assert boss.address not in answer.text
    assert more(before, left(app)) == {}
    page = stranger.browser.send(page, "/sign-out", "next")
    assert (heading(page), page.url) == ("Join Owner & Sons", link)
    assert register(stranger.browser, link).url == f"{boss.home}/home"


@pytest.mark.parametrize("why", ["expired", "revoked", "replaced", "used", "forged", "cut", "empty"])
def test_a_link_that_is_no_good_says_why_and_changes_nothing(
    app: Flask, boss: Person, stranger: Person, make_browser: MakeBrowser, why: str
) -> None:
    email, link = invited(app, boss, "viewer", stranger.email)
    open_page = stranger.browser.open(link)  # while it is good
    sentence = "It is incomplete, or a newer mail has replaced it."
    if why == "expired":
        expire(app, email)
        sentence = "It has expired."
    elif why == "revoked":
        post(boss, f"/team/invitations/{invitation(app, email).id}/revoke")
        sentence = "Whoever invited you has taken it back."
    elif why == "replaced":
        post(boss, f"/team/invitations/{invitation(app, email).id}/resend")
    elif why == "used":
        stranger.browser.send(open_page, urlsplit(link).path)
        sentence = "It was accepted already."
    else:
        path = {"forged": "A" * 43, "cut": link.rpartition("/")[2][:-1], "empty": "%20"}[why]
        link = link.rpartition("/")[0] + "/" + path
    before = left(app)
    for browser in (stranger.browser, make_browser()):
        page = browser.open(link)
        assert (page.status, heading(page)) == (404, DEAD)
        assert sentence in words(page)
    if why not in {"used", "forged", "cut", "empty"}:
        page = stranger.browser.send(open_page, urlsplit(link).path)
        assert (page.status, heading(page)) == (404, DEAD)
    assert more(before, left(app)) == {}


def test_nobody_joins_a_workspace_while_it_is_suspended(app: Flask, boss: Person, browser: Browser) -> None:
    email, link = invited(app, boss)
    page = browser.open(link)
    close = "UPDATE platform.tenants SET suspended_at = now(), suspended_reason = :text WHERE id = :t"
    sql(app, close, t=boss.tenant, text="Closed for spam.")
    before = left(app)
    refused = browser.open(link)
    assert (refused.status, heading(refused)) == (403, "This workspace is suspended")
    assert "Closed for spam." in words(refused)
    assert boss.email not in refused.text
    assert browser.send(page, "/register", "password", name="Ada", password=PASSWORD).status == 403
    assert more(before, left(app)) == {}
    with app.app_context(), pytest.raises(Suspended):
        acceptance.accept(link.rpartition("/")[2], uuid4(), email)
    sql(app, "UPDATE platform.tenants SET suspended_at = NULL, suspended_reason = NULL WHERE id = :t", t=boss.tenant)
    assert register(browser, link).url == f"{boss.home}/home"  # the control


def test_a_second_click_finds_it_done(app: Flask, boss: Person, stranger: Person) -> None:
    _email, link = invited(app, boss, "viewer", stranger.email)
    page = stranger.browser.open(link)
    for _ in range(2):
        assert stranger.browser.send(page, urlsplit(link).path).url == f"{boss.home}/home"
    assert used_seats(app, boss.tenant) == 2
    assert actions(app, boss.tenant).count("invitation.accepted") == 1


def test_of_two_clicks_at_once_one_joins_and_both_arrive(app: Flask, boss: Person, stranger: Person) -> None:
    _email, link = invited(app, boss, "viewer", stranger.email)
    allow(app, boss.tenant, seats=2)
    page = stranger.browser.open(link)
    before = left(app)
    answers = together(*[lambda: click(app, stranger, page, link)] * 4)
    assert answers == [(303, f"{boss.home}/home")] * 4
    assert actions(app, boss.tenant).count("invitation.accepted") == 1
    assert more(before, left(app)) == {"memberships": 1, "audit": 2}  # confirmed as well
    assert used_seats(app, boss.tenant) == 2


def test_control_without_the_lock_both_clicks_accept(
    app: Flask, boss: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    _email, link = invited(app, boss, "viewer", stranger.email)
    allow(app, boss.tenant, seats=2)
    page = stranger.browser.open(link)
    find = acceptance._find
    monkeypatch.setattr(acceptance, "_find", lambda secret, **_lock: find(secret))
    with meeting_at(app, "UPDATE platform.invitations"):
        together(*[lambda: click(app, stranger, page, link)] * 2)
    assert actions(app, boss.tenant).count("invitation.accepted") == 2


def test_of_two_who_register_at_once_one_account_is_made(app: Flask, boss: Person, make_browser: MakeBrowser) -> None:
    email, link = invited(app, boss)
    pages = together(*(later(make_browser(), link) for _ in range(2)))
    assert sorted(page.status for page in pages) == [200, 404]
    assert len(sql(app, "SELECT 1 FROM platform.users WHERE email = :e", e=email)) == 1
    assert used_seats(app, boss.tenant) == 2


def test_an_account_made_meanwhile_is_for_signing_in(app: Flask, boss: Person, browser: Browser) -> None:
    email, link = invited(app, boss)
    page = browser.open(link)
    sql(app, "INSERT INTO platform.users (id, email, operator) VALUES (gen_random_uuid(), :e, false)", e=email)
    before = left(app)
    page = browser.send(page, "/register", "password", name="Ada", password=PASSWORD)
    assert (page.status, heading(page)) == (422, "You have an account already")
    assert urlsplit(link).path in page.text
    assert more(before, left(app)) == {}


def test_when_the_seat_is_gone_the_invitation_stays_good(
    app: Flask, boss: Person, stranger: Person, browser: Browser
) -> None:
    new, new_link = invited(app, boss)
    _email, link = invited(app, boss, "viewer", stranger.email)
    allow(app, boss.tenant, seats=1)
    before = left(app)
    page = stranger.browser.send(stranger.browser.open(link), urlsplit(link).path)
    assert (page.status, heading(page)) == (409, "There is no seat for you yet")
    assert "plan" not in words(page)
    assert register(browser, new_link).status == 409
    assert more(before, left(app)) == {}
    assert sql(app, "SELECT 1 FROM platform.users WHERE email = :e", e=new) == []
    allow(app, boss.tenant, seats=3)
    assert stranger.browser.send(stranger.browser.open(link), urlsplit(link).path).url == f"{boss.home}/home"
    assert register(browser, new_link).url == f"{boss.home}/home"


def test_of_two_who_want_the_last_seat_one_joins(app: Flask, boss: Person, make_browser: MakeBrowser) -> None:
    links = [invited(app, boss)[1] for _ in range(2)]
    allow(app, boss.tenant, seats=2)
    pages = together(*(later(make_browser(), link) for link in links))
    assert sorted(page.status for page in pages) == [200, 409]
    assert used_seats(app, boss.tenant) == 2


def test_looking_at_a_link_does_not_use_it(app: Flask, boss: Person, make_browser: MakeBrowser) -> None:
    """Mail scanners open what they find."""
    _email, link = invited(app, boss)
    before = left(app)
    for _ in range(3):
        assert make_browser().open(link).status == 200
    assert more(before, left(app)) == {}


def test_a_visitor_who_is_not_signed_in_can_not_accept(app: Flask, boss: Person, stranger: Person) -> None:
    _email, link = invited(app, boss, "viewer", stranger.email)
    page = stranger.browser.open(link)
    sql(app, "DELETE FROM platform.sessions WHERE user_id = (SELECT id FROM platform.users WHERE email = :e)",
        e=stranger.email)  # fmt: skip
    before = left(app)
    assert stranger.browser.send(page, urlsplit(link).path).status == 401
    assert more(before, left(app)) == {}


def test_no_log_shows_an_invitations_secret(
    app: Flask, boss: Person, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    _email, link = invited(app, boss)
    register(browser, link)
    browser.open(link)
    text = capsys.readouterr().out
    assert "path=/invitations/…" in text
    assert link.rpartition("/")[2] not in text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_signing_out_leads_to_no_other_site(stranger: Person, target: str) -> None:
    page = stranger.browser.open("/workspaces?all=1")
    form = page.form("/sign-out").fields | {"next": target}
    answer = stranger.browser.request("POST", "/sign-out", data=form, headers={"Origin": stranger.browser.site})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_an_invitation_to_another_workspace_opens_only_that_one(
    app: Flask, boss: Person, stranger: Person, make_browser: MakeBrowser
) -> None:
    confirm(app, stranger)
    guest = join(app, boss, make_browser(), Role.VIEWER)
    page = stranger.browser.send(stranger.open("/team"), "/team", "email", email=guest.email, role="admin")
    assert page.status == 200
    link = mailed_link(app, guest.email, "Join Stranger & Sons")
    sign_in(guest.browser, guest.email)
    guest.browser.send(guest.browser.open(link), urlsplit(link).path)
    assert guest.browser.open(f"{stranger.home}/home").status == 200
    assert "Viewer" in words(guest.open("/team")).partition(guest.email)[2]
    assert ">Invite<" not in guest.open("/team").text


def click(app: Flask, person: Person, page: Page, link: str) -> tuple[int, str]:
    """Accept with a client of its own, so that clicks can be made at once."""
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}"
        for cookie in person.browser.session.cookies
        if cookie.domain.startswith("localhost")
    )
    form = page.form(urlsplit(link).path)
    client = app.test_client(use_cookies=False)
    answer = client.post(
        urlsplit(link).path, base_url=person.browser.site, data=form.fields, headers={"Cookie": cookies}
    )
    return answer.status_code, answer.headers.get("Location", "")
