"""Second factors: who is asked, which codes work, and that each works once."""

import pyotp
import pytest
from flask import Flask

from saas.accounts import service
from saas.accounts.second_factor import service as second_factor
from saas.accounts.second_factor import totp
from saas.core.database import transaction
from saas.devstack.browser import Browser, Page
from tests.support.database import skip_at_the_end_of_the_hour, sql
from tests.support.operators import code, enrol, newcomer, operator, recovery_codes_on, secret_on
from tests.support.pages import error_at, heading, words
from tests.support.people import MakeBrowser, Person, sign_in
from tests.support.threads import meeting_at, together

DOOR, SET_UP = "Your second factor", "Set up your second factor"


@pytest.fixture
def person(app: Flask, browser: Browser) -> Person:
    return newcomer(app, browser)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> int:
    """Time stands still for the codes, so that a step can't end within a test."""
    step = totp.now()
    monkeypatch.setattr(totp, "now", lambda: step)
    return step


def at(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)


def give(browser: Browser, given: str) -> Page:
    return browser.send(browser.open("/console/second-factor"), "/second-factor", "code", code=given)


def again(make_browser: MakeBrowser, person: Person) -> Browser:
    """The same person in another browser, signed in by password alone."""
    browser = make_browser()
    sign_in(browser, person.email)
    return browser


# Setting up


def test_the_first_visit_leads_to_setting_up_and_then_back(person: Person) -> None:
    page = person.browser.open("/console?q=x")
    assert heading(page) == SET_UP
    codes = person.browser.send(page, "/set-up", "code", code=code(secret_on(page)))
    assert len(set(recovery_codes_on(codes))) == 10
    assert 'href="/console?q=x"' in codes.text
    assert heading(person.browser.open("/console?q=x")) == "Workspaces"


def test_the_picture_is_drawn_without_styles(person: Person) -> None:
    page = person.browser.open("/console/second-factor/set-up")
    assert "<svg" in page.text
    assert "style=" not in page.text
    assert "data:image" not in page.text


def test_a_wrong_code_sets_nothing_up_and_keeps_the_secret(app: Flask, person: Person) -> None:
    page = person.browser.open("/console/second-factor/set-up")
    wrong = person.browser.send(page, "/set-up", "code", code="000000")
    assert wrong.status == 422
    assert "does not work" in error_at(wrong, "code")
    assert secret_on(wrong) == secret_on(page)
    assert sql(app, "SELECT 1 FROM platform.second_factors f JOIN platform.users u ON u.id = f.user_id"
               " WHERE email = :email", email=person.email) == []  # fmt: skip
    assert person.browser.send(wrong, "/set-up", "code", code=code(secret_on(page))).status == 200


def test_a_second_one_cannot_be_set_up_beside_the_first(person: Person, make_browser: MakeBrowser) -> None:
    """Or a password alone would be enough to get in."""
    thief = again(make_browser, person)
    early = thief.open("/console/second-factor/set-up")  # kept open until the owner has theirs
    enrol(person.browser)
    assert heading(thief.open("/console/second-factor/set-up")) == DOOR
    late = thief.send(early, "/set-up", "code", code=code(secret_on(early)))
    assert late.status == 422
    assert heading(late) == "There is a second factor already"
    assert heading(thief.open("/console")) == DOOR


def test_a_form_made_for_another_session_sets_nothing_up(person: Person, make_browser: MakeBrowser) -> None:
    """A thief can't put a secret they know into the form of the one who owns the account."""
    thief = again(make_browser, person)
    prepared = thief.open("/console/second-factor/set-up")
    page = person.browser.open("/console/second-factor/set-up")
    form = page.form("/set-up")
    form.fields["sealed"] = prepared.form("/set-up").fields["sealed"]
    done = person.browser.send(page, "/set-up", "code", code=code(secret_on(prepared)))
    assert done.status == 422
    assert "made for another session" in words(done)
    form.fields["sealed"] = "x"
    assert person.browser.send(page, "/set-up", "code", code="000000").status == 422


def test_of_two_who_set_up_at_the_same_moment_one_does(app: Flask, person: Person, make_browser: MakeBrowser) -> None:
    browsers = [person.browser, again(make_browser, person)]
    pages = [browser.open("/console/second-factor/set-up") for browser in browsers]
    with meeting_at(app, "INSERT INTO platform.second_factors"):
        done = together(
            *(
                lambda b=b, p=p: b.send(p, "/set-up", "code", code=code(secret_on(p)))
                for b, p in zip(browsers, pages, strict=True)
            )
        )
    assert sorted(page.status for page in done) == [200, 422]


# What is stored


def test_neither_the_secret_nor_a_recovery_code_is_stored_as_it_is(app: Flask, person: Person) -> None:
    secret, codes = enrol(person.browser)
    rows = [
        row[0]
        for table in ("second_factors", "recovery_codes", "sessions", "audit", "attempts")
        for row in sql(app, f"SELECT x::text FROM platform.{table} x")
    ]
    assert rows
    for hidden in (secret, *codes, *(one.replace("-", "") for one in codes)):
        assert not [row for row in rows if hidden in row or hidden.encode().hex() in row]


def test_a_secret_in_another_persons_row_is_unreadable(app: Flask, person: Person, make_browser: MakeBrowser) -> None:
    secret, _ = enrol(person.browser)
    other = operator(app, make_browser())
    sql(
        app,
        "UPDATE platform.second_factors SET secret = (SELECT secret FROM platform.second_factors f JOIN platform.users"
        " u ON u.id = f.user_id WHERE email = :mine), last_step = 0 WHERE user_id ="
        " (SELECT id FROM platform.users WHERE email = :theirs)",
        mine=person.email,
        theirs=other.email,
    )
    thief = again(make_browser, other)
    page = give(thief, code(secret))
    assert page.status == 503
    assert "reset-second-factor" in words(page)


# Codes


def test_a_password_alone_does_not_open_the_console(person: Person, make_browser: MakeBrowser) -> None:
    secret, _ = enrol(person.browser)
    browser = again(make_browser, person)
    assert heading(browser.open("/console/audit?action=tenant")) == DOOR
    page = give(browser, code(secret, 1))
    assert (page.status, heading(page)) == (200, "Workspaces")


def test_after_the_code_one_is_where_one_wanted_to_be(person: Person, make_browser: MakeBrowser) -> None:
    secret, _ = enrol(person.browser)
    browser = again(make_browser, person)
    asked = browser.open("/console/audit?action=tenant")
    page = browser.send(asked, "/second-factor", "code", code=code(secret, 1))
    assert page.url.endswith("/console/audit?action=tenant")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_the_way_back_never_leads_to_another_site(person: Person, make_browser: MakeBrowser, elsewhere: str) -> None:
    secret, _ = enrol(person.browser)
    browser = again(make_browser, person)
    page = browser.open("/console/second-factor", params={"next": elsewhere})
    done = browser.send(page, "/second-factor", "code", code=code(secret, 1))
    assert done.url == f"{browser.site}/console"


def test_a_code_works_once(app: Flask, person: Person, make_browser: MakeBrowser, clock: int) -> None:
    secret, _ = enrol(person.browser)
    first, second = again(make_browser, person), again(make_browser, person)
    given = at(secret, clock + 1)
    assert heading(give(first, given)) == "Workspaces"
    replayed = give(second, given)
    assert replayed.status == 422
    assert "does not work" in error_at(replayed, "code")
    assert give(second, at(secret, clock)).status == 422, "nor one that is older than the last that was used"
    forget = "UPDATE platform.second_factors SET last_step = 0 WHERE user_id = (SELECT id FROM platform.users"
    sql(app, f"{forget} WHERE email = :email)", email=person.email)
    assert heading(give(second, given)) == "Workspaces", "the control: without the step that is kept it would work"


def test_the_code_that_set_it_up_is_used_too(person: Person, make_browser: MakeBrowser, clock: int) -> None:
    secret, _ = enrol(person.browser)
    browser = again(make_browser, person)
    assert give(browser, at(secret, clock)).status == 422
    assert heading(give(browser, at(secret, clock + 1))) == "Workspaces"


def test_of_two_with_the_same_code_at_the_same_moment_one_gets_in(
    app: Flask, person: Person, make_browser: MakeBrowser
) -> None:
    secret, _ = enrol(person.browser)
    browsers = [again(make_browser, person) for _ in range(2)]
    given = code(secret, 1)
    with meeting_at(app, "UPDATE platform.second_factors"):
        done = together(*(lambda b=b: give(b, given) for b in browsers))
    assert sorted(page.status for page in done) == [200, 422]


@pytest.mark.parametrize(("off", "works"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(
    app: Flask, person: Person, make_browser: MakeBrowser, clock: int, off: int, works: bool
) -> None:
    secret, _ = enrol(person.browser)
    sql(
        app,
        "UPDATE platform.second_factors SET last_step = 0 WHERE user_id = (SELECT id FROM platform.users"
        " WHERE email = :email)",
        email=person.email,
    )
    page = give(again(make_browser, person), at(secret, clock + off))
    assert (page.status == 200) is works


@pytest.mark.parametrize(
    "wrong", ["", "0", "00000000", "\uff11\uff12\uff13\uff14\uff15\uff16", "x" * 41, "abcd-efgh-ijkl-mnop", "' OR 1=1"]
)
def test_what_is_no_code_is_refused(person: Person, make_browser: MakeBrowser, wrong: str) -> None:
    enrol(person.browser)
    browser = again(make_browser, person)
    page = give(browser, wrong)
    assert page.status == 422
    assert error_at(page, "code")
    assert heading(browser.open("/console")) == DOOR


def test_a_code_is_read_with_the_spaces_apps_show(person: Person, make_browser: MakeBrowser) -> None:
    secret, _ = enrol(person.browser)
    given = code(secret, 1)
    assert heading(give(again(make_browser, person), f" {given[:3]} {given[3:]} ")) == "Workspaces"


def test_guessing_is_limited_for_each_person(app: Flask, person: Person, make_browser: MakeBrowser) -> None:
    skip_at_the_end_of_the_hour(app)
    secret, _ = enrol(person.browser)
    browsers = [again(make_browser, person) for _ in range(2)]  # of networks of their own
    statuses = [give(browsers[n % 2], "000000").status for n in range(11)]
    assert statuses == [422] * 10 + [429]
    assert give(browsers[0], code(secret, 1)).status == 429, "a right one is not looked at either"


def test_another_persons_code_does_not_work(app: Flask, person: Person, make_browser: MakeBrowser) -> None:
    _, _ = enrol(person.browser)
    other = newcomer(app, make_browser())
    secret, codes = enrol(other.browser)
    thief = again(make_browser, person)
    assert give(thief, code(secret, 1)).status == 422
    assert give(thief, codes[0]).status == 422
    assert heading(give(again(make_browser, other), codes[0])) == "Workspaces"  # the control


# Recovery codes


def test_a_recovery_code_works_once(person: Person, make_browser: MakeBrowser) -> None:
    _, codes = enrol(person.browser)
    first = give(again(make_browser, person), codes[0].upper())
    assert heading(first) == "Workspaces"
    assert "9 are left" in words(first)
    assert give(again(make_browser, person), codes[0]).status == 422
    assert heading(give(again(make_browser, person), codes[1].replace("-", " "))) == "Workspaces"


def test_of_two_with_the_same_recovery_code_one_gets_in(app: Flask, person: Person, make_browser: MakeBrowser) -> None:
    _, codes = enrol(person.browser)
    browsers = [again(make_browser, person) for _ in range(2)]
    with meeting_at(app, "DELETE FROM platform.recovery_codes"):
        done = together(*(lambda b=b: give(b, codes[0]) for b in browsers))
    assert sorted(page.status for page in done) == [200, 422]


def test_new_recovery_codes_replace_the_old(person: Person, make_browser: MakeBrowser) -> None:
    _, old = enrol(person.browser)
    page = person.browser.open("/console/second-factor/codes")
    assert "10 recovery codes are left" in words(page)
    new = recovery_codes_on(person.browser.send(page, "/codes"))
    assert len(set(new) - set(old)) == 10
    browser = again(make_browser, person)
    assert give(browser, old[0]).status == 422
    assert heading(give(browser, new[0])) == "Workspaces"


# How long it holds


def test_after_twelve_hours_it_is_asked_again(app: Flask, person: Person) -> None:
    enrol(person.browser)
    age(app, person, "11 hours 59 minutes")
    assert heading(person.browser.open("/console")) == "Workspaces"
    age(app, person, "12 hours")
    assert heading(person.browser.open("/console")) == DOOR


def test_a_form_sent_without_it_does_nothing_and_says_so(app: Flask, person: Person, stranger: Person) -> None:
    enrol(person.browser)
    page = person.browser.open(f"/console/tenants/{stranger.tenant}")
    age(app, person, "12 hours")
    done = person.browser.send(page, "/notes", "text", text="Called them.")
    assert (done.status, heading(done)) == (403, "Your second factor is needed again")
    assert sql(app, "SELECT 1 FROM platform.notes WHERE tenant = :id", id=stranger.tenant) == []


def test_a_session_cookie_stolen_before_does_not_rise_with_it(person: Person) -> None:
    """The browser that gave the code holds a second cookie; the session's alone opens nothing."""
    stolen = f"fh-session={cookie(person, 'fh-session')}"
    enrol(person.browser)
    assert status_with(person, stolen) == 302
    assert status_with(person, f"{stolen}; fh-factor=forged") == 302
    assert status_with(person, f"{stolen}; fh-factor={cookie(person, 'fh-factor')}") == 200


def test_the_cookie_of_one_session_is_worth_nothing_in_another(person: Person, make_browser: MakeBrowser) -> None:
    enrol(person.browser)
    other = again(make_browser, person)
    session = next(one.value for one in other.session.cookies if one.name == "fh-session")
    assert status_with(person, f"fh-session={session}; fh-factor={cookie(person, 'fh-factor')}") == 302


def test_signing_out_ends_it(person: Person) -> None:
    secret, _ = enrol(person.browser)
    person.browser.send(person.browser.open("/workspaces?all=1"), "/sign-out")
    assert heading(person.browser.open("/console")) == "Sign in"
    sign_in(person.browser, person.email)
    assert heading(person.browser.open("/console")) == DOOR
    assert heading(give(person.browser, code(secret, 1))) == "Workspaces"


def test_a_reset_on_the_command_line_asks_for_a_new_one(app: Flask, person: Person) -> None:
    _, codes = enrol(person.browser)
    with app.app_context(), transaction():
        assert second_factor.reset(service.by_email(person.email), "system")
    assert heading(person.browser.open("/console")) == "Sign in"  # whoever holds an old session gets no further
    sign_in(person.browser, person.email)
    assert heading(person.browser.open("/console")) == SET_UP
    secret, _ = enrol(person.browser)
    assert secret
    assert sql(app, "SELECT 1 FROM platform.audit WHERE action = 'user.second-factor-reset'")
    assert codes[0] not in person.browser.open("/console").text


def age(app: Flask, person: Person, interval: str) -> None:
    sql(
        app,
        "UPDATE platform.sessions SET second_factor_at = now() - CAST(:age AS interval) WHERE user_id ="
        " (SELECT id FROM platform.users WHERE email = :email) AND tenant IS NULL",
        age=interval,
        email=person.email,
    )


def cookie(person: Person, name: str) -> str:
    return next(one.value or "" for one in person.browser.session.cookies if one.name == name)


def status_with(person: Person, cookies: str) -> int:
    """What a browser with these cookies and no others is answered."""
    return person.browser.request("GET", "/console", headers={"Cookie": cookies}).status_code
