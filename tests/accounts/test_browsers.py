"""The page of the browsers that somebody is signed in with: what it says, and ending them."""

import pytest
from flask import Flask

from saas.accounts import browsers, sessions
from saas.accounts.agents import in_words
from saas.devstack.browser import Browser, Page
from tests.support.database import left, more, sql
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person, sign_in
from tests.support.threads import statements

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def with_agent(browser: Browser, agent: str) -> Browser:
    browser.headers["User-Agent"] = agent
    return browser


@pytest.fixture
def second(owner: Person, make_browser: MakeBrowser) -> Browser:
    """Another browser of the owner's, with the workspace open."""
    browser = with_agent(make_browser(), FIREFOX)
    sign_in(browser, owner.email)
    assert browser.open(f"{owner.home}/home").status == 200
    return browser


def ids(app: Flask, person: Person) -> list[str]:
    """Of the bare host's sessions, the oldest first."""
    rows = sql(
        app,
        "SELECT s.id FROM platform.sessions s JOIN platform.users u ON u.id = user_id"
        " WHERE email = :email AND tenant IS NULL ORDER BY s.id",
        email=person.email,
    )
    return [str(row.id) for row in rows]


def test_each_browser_is_listed_with_its_name_network_and_workspaces(owner: Person, second: Browser) -> None:
    page = owner.browser.open("/account/sessions")
    assert heading(page) == "Where you are signed in"
    assert page.text.count("<tr>") == 3
    assert "Firefox on Linux" in words(page)
    assert second.headers["X-Forwarded-For"] in words(page)
    assert owner.browser.headers["X-Forwarded-For"] in words(page)
    assert words(page).count("Owner & Sons") == 2
    assert words(page).count("This browser") == 1


def test_a_browser_that_is_signed_out_is_out_at_its_next_request_and_its_workspaces_too(
    app: Flask, owner: Person, second: Browser
) -> None:
    assert len(workspaces(app, owner)) == 2
    page = owner.browser.send(owner.browser.open("/account/sessions"), f"/{ids(app, owner)[1]}/end")
    assert "That browser is signed out, of its workspaces as well." in words(page)
    assert "Firefox" not in words(page)
    assert heading(second.open("/workspaces?all=1")) == "Sign in"
    assert heading(second.open(f"{owner.home}/home")) == "Sign in"
    assert len(workspaces(app, owner)) == 1
    assert owner.open("/home").status == 200
    assert last_action(app) == "session.ended"


def test_control_when_ending_does_nothing_it_is_noticed(
    app: Flask, owner: Person, second: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsers, "_end", lambda *_which: 1)
    with pytest.raises(AssertionError):
        test_a_browser_that_is_signed_out_is_out_at_its_next_request_and_its_workspaces_too(app, owner, second)


def test_all_others_are_signed_out_at_once(
    app: Flask, owner: Person, second: Browser, teammate: Person, make_browser: MakeBrowser
) -> None:
    third = make_browser()
    sign_in(third, owner.email)
    page = owner.browser.send(owner.browser.open("/account/sessions"), "/end-others")
    assert page.text.count("<tr>") == 2
    for browser in (second, third):
        assert heading(browser.open("/workspaces?all=1")) == "Sign in"
        assert heading(browser.open(f"{owner.home}/home")) == "Sign in"
    assert owner.open("/home").status == 200
    assert teammate.open("/home").status == 200  # somebody else's stay
    assert last_action(app) == "sessions.ended"


def test_nobody_ends_anothers(app: Flask, owner: Person, stranger: Person) -> None:
    theirs = ids(app, owner)[0]
    before = left(app)
    page = end(stranger, theirs)
    assert (page.status, heading(page)) == (404, "There is no such session")
    child = workspaces(app, owner)[0]
    assert end(owner, child).status == 404  # a workspace's ends with the one that opened it
    assert more(before, left(app)) == {}
    assert owner.open("/home").status == 200
    assert end(owner, theirs).url.startswith(f"{owner.browser.site}/sign-in")  # the control: one's own, and so oneself


def test_nobody_sees_anothers(owner: Person, stranger: Person, teammate: Person) -> None:
    for person in (stranger, teammate):
        page = person.browser.open("/account/sessions")
        assert owner.browser.headers["X-Forwarded-For"] not in words(page)
        assert page.text.count("<tr>") == 2


def test_the_pages_ask_for_a_sign_in(browser: Browser, owner: Person) -> None:
    for path in ("/account", "/account/sessions"):
        page = browser.open(path)
        assert (heading(page), page.url) == ("Sign in", f"{browser.site}/sign-in?next={path.replace('/', '/')}")
    assert owner.open("/account").url == f"{browser.site}/account"  # of the bare host, from a workspace too


def test_when_a_session_was_seen_is_written_once_in_minutes(app: Flask, owner: Person) -> None:
    def written(path: str) -> int:
        with statements(app) as seen:
            assert owner.open(path).status == 200
        return sum("UPDATE platform.sessions" in statement for statement in seen)

    assert [written("/home"), written("/home")] == [0, 0]
    owner.browser.headers["X-Forwarded-For"] = "10.9.8.7"
    age(app, owner, "4 minutes")
    assert written("/home") == 0
    age(app, owner, "6 minutes")
    assert [written("/home"), written("/home")] == [1, 0]
    assert owner.browser.open("/account").status == 200
    rows = sql(
        app,
        "SELECT network, now() - seen_at < interval '1 minute' AS fresh FROM platform.sessions s"
        " JOIN platform.users u ON u.id = user_id WHERE email = :email",
        email=owner.email,
    )
    assert {tuple(row) for row in rows} == {("10.9.8.7", True)}


def test_two_requests_of_an_old_session_do_not_wait_for_each_other(app: Flask, owner: Person) -> None:
    age(app, owner, "1 hour")
    (row,) = sql(app, "SELECT id FROM platform.sessions WHERE id = :id", id=workspaces(app, owner)[0])
    with app.test_request_context():
        sessions.see(row.id)
        sessions.db.session.flush()  # holds the row
        assert owner.open("/home").status == 200


def test_a_command_opens_a_session_without_a_browser(app: Flask, owner: Person) -> None:
    (user,) = sql(app, "SELECT id FROM platform.users WHERE email = :email", email=owner.email)
    with app.app_context():
        sessions.open_session(user.id)
        sessions.db.session.commit()
    assert "An unknown browser" in words(owner.browser.open("/account/sessions"))


@pytest.mark.parametrize(
    "agent", ["", "x" * 5000, "<script>alert(1)</script>", "\x7f\x80\xff", "'; DROP TABLE platform.sessions; --"]
)
def test_any_user_agent_signs_in(owner: Person, make_browser: MakeBrowser, agent: str) -> None:
    browser = with_agent(make_browser(), agent)
    assert sign_in(browser, owner.email).status == 200
    page = browser.open("/account/sessions")
    assert page.status == 200
    assert "<script>alert" not in page.text


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/141.0.0.0", "Edge on Windows"),
        (f"{CHROME} OPR/121.0.0.0", "Opera on Windows"),
        (f"{IPHONE} Version/18.6 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/141.0.0.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"{IPHONE} Mobile/15E148", "A browser on iPhone"),
        (CHROME.replace("Windows NT 10.0; Win64; x64", "Linux; Android 10; K"), "Chrome on Android"),
        (CHROME.replace("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"), "Chrome on macOS"),
        ("curl/8.14.1", "curl"),
        ("python-requests/2.34", "python-requests"),
        ("nonsense", "An unknown browser"),
        ("", "An unknown browser"),
        (None, "An unknown browser"),
    ],
)
def test_a_browser_in_words(agent: str | None, said: str) -> None:
    assert in_words(agent) == said


@pytest.mark.parametrize("name", ["Ada Byron", "x" * 200, "Zoë 李"])
def test_a_name_is_changed_and_colleagues_see_it(app: Flask, owner: Person, teammate: Person, name: str) -> None:
    page = owner.browser.open("/account")
    assert heading(page) == "Your account"
    page = owner.browser.send(page, "/account", "name", name=f" {name} ")
    assert "Your name is changed." in words(page)
    assert name in words(teammate.open("/team"))
    assert last_action(app) == "user.renamed"


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b", "a\x1bb"])
def test_what_is_no_name_is_told_at_the_field(app: Flask, owner: Person, name: str) -> None:
    before = left(app)
    page = owner.browser.send(owner.browser.open("/account"), "/account", "name", name=name)
    assert page.status == 422
    assert 'id="name-error"' in page.text
    assert more(before, left(app)) == {}


def end(person: Person, session_id: str) -> Page:
    token = person.browser.open("/account").form("/account").fields["csrf_token"]
    return person.browser._follow("POST", f"/account/sessions/{session_id}/end", {"data": {"csrf_token": token}})


def workspaces(app: Flask, person: Person) -> list[str]:
    """The sessions of the person's workspace."""
    rows = sql(app, "SELECT id FROM platform.sessions WHERE tenant = :t ORDER BY id", t=person.tenant)
    return [str(row.id) for row in rows]


def age(app: Flask, person: Person, by: str) -> None:
    sql(
        app,
        f"UPDATE platform.sessions SET seen_at = now() - interval '{by}'"
        " WHERE user_id = (SELECT id FROM platform.users WHERE email = :email)",
        email=person.email,
    )


def last_action(app: Flask) -> str:
    (row,) = sql(app, "SELECT action FROM platform.audit ORDER BY id DESC LIMIT 1")
    return str(row.action)


def test_a_browser_that_signs_in_once_more_has_one_session(app: Flask, owner: Person, stranger: Person) -> None:
    assert len(ids(app, owner)) == 1
    sign_in(owner.browser, owner.email)
    assert len(ids(app, owner)) == 1
    sign_in(owner.browser, stranger.email)
    assert ids(app, owner) == []
    assert workspaces(app, owner) == []  # else the last one's workspace would stay open to the next
