"""A business that has an account of its own sees nothing of another one's, by whatever address it asks.

Routes are taken from the application's own map (tests/support/scene.py), so a new one is tried unaided.
"""

import secrets
from collections.abc import Iterator
from itertools import chain

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from saas.accounts import codes
from saas.accounts.models import Purpose, User
from saas.core.database import transaction
from saas.devstack.browser import Browser
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.keys import service as keys
from tenants.members import service as members
from tenants.members.models import Membership, Role
from tenants.routing import enter
from tests.support import database, modules
from tests.support.contexts import context
from tests.support.people import Person, sign_up
from tests.support.scene import ELSEWHERE, SENDS, SHOWS_NOTHING_STORED, Scene, Target, Try, without_name

COOKIE = "fh-workspace"


@pytest.fixture(scope="module")
def scene(app: Flask) -> Iterator[Scene]:
    """With room for the things of each try, of which there is one for each route."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keys, "MOST_KEYS", 1_000)
        yield Scene(app, sign_up(app, database.browser(app)), sign_up(app, database.browser(app)))


@pytest.fixture(autouse=True)
def _form_tokens_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a stranger's forms would end at the missing token, and nothing be said of what comes after it."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)


def cookie_of(person: Person, name: str, host: str) -> str:
    """The value of a person's cookie on a host."""
    domain = host.partition("://")[2].partition(":")[0]
    found = [
        cookie.value
        for cookie in person.browser.session.cookies
        if cookie.name == name
        and cookie.domain.removesuffix(".local") == domain  # as the jar files a host without dots
    ]
    assert len(found) == 1, found
    return str(found[0])


def request(browser: Browser, host: str, attempt: Try, **headers: str) -> requests.Response:
    return browser.request(attempt.method, host + attempt.path, headers=headers, **attempt.options)


# The workspace's pages


def workspace_rooms(app: Flask) -> list[str]:
    """The blueprints that let in members only; those of added modules have a test of their own."""
    theirs = modules.blueprints(app)
    return [str(name) for name, checks in app.before_request_funcs.items() if enter in checks and name not in theirs]


def intrusions(scene: Scene, attempt: Try) -> Iterator[tuple[str, requests.Response]]:
    """All that a stranger can do with their own account, with the owner's addresses and ids."""
    owner, stranger, nobody = scene.owner, scene.stranger, database.browser(scene.app)
    theirs = f"{COOKIE}={cookie_of(stranger, COOKIE, stranger.home)}"
    site = f"{COOKIE}={cookie_of(stranger, 'fh-session', stranger.browser.site)}"
    by_path = f"/w/{owner.address}"
    yield "on the owner's host", request(stranger.browser, owner.home, attempt)
    yield "with a workspace cookie of their own", request(nobody, owner.home, attempt, Cookie=theirs)
    yield "with the bare host's cookie as the workspace's", request(nobody, owner.home, attempt, Cookie=site)
    yield "with a forged cookie", request(nobody, owner.home, attempt, Cookie=f"{COOKIE}={'A' * 43}")
    yield "with no cookie", request(nobody, owner.home, attempt)
    yield "by path on the bare host", request(stranger.browser, stranger.browser.site + by_path, attempt, Cookie=theirs)
    yield "by path on their own host", request(stranger.browser, stranger.home + by_path, attempt)
    capitals = owner.home.replace(owner.address, owner.address.upper())
    yield "with the host in capitals", request(nobody, capitals, attempt, Cookie=theirs)
    dot = owner.home.replace("localhost", "localhost.")
    yield "with a dot behind the host", request(nobody, dot, attempt, Cookie=theirs)
    bearer = {"Cookie": theirs, "Authorization": f"Bearer {stranger.key()}"}
    yield "with a key of their own", request(nobody, owner.home, attempt, **bearer)
    yield "on the bare host", request(stranger.browser, stranger.browser.site, attempt)
    yield "with the owner's ids in their own workspace", request(stranger.browser, stranger.home, attempt)


def test_no_page_of_a_workspace_shows_a_stranger_anything_or_lets_them_change_it(scene: Scene) -> None:
    tried = set()
    for attempt, target in scene.tries(*workspace_rooms(scene.app)):
        before = scene.holdings()
        for way, answer in chain.from_iterable(intrusions(scene, asked) for asked in attempt.with_head()):
            told = scene.told(answer, target)
            assert not told, f"{attempt} {way} ({answer.status_code}) tells {told}"
            at_home = way.endswith("in their own workspace")
            assert at_home or answer.status_code in {302, 303, 401, 403, 404, 405}, (
                f"{attempt} {way}: {answer.status_code}"
            )
        assert scene.holdings() == before, f"{attempt} has changed something of the owner's"
        expect_owner_succeeds(scene, attempt, target, before)
        tried.add((attempt.endpoint, attempt.method))
    assert tried >= {sent for sent in SENDS if not sent[0].startswith("api.")} | {("workspace.home", "GET")}


def expect_owner_succeeds(scene: Scene, attempt: Try, target: Target, before: list[str]) -> None:
    """The control: the same request by the owner, shows the marks or changes something."""
    if attempt.endpoint in ELSEWHERE:
        return
    answer = request(scene.owner.browser, scene.owner.home, attempt)
    assert answer.status_code in {200, 303}, f"{attempt} by the owner: {answer.status_code} {answer.text[:300]}"
    if attempt.method == "GET":
        mark = scene.owner.email if attempt.endpoint in SHOWS_NOTHING_STORED else target.mark
        assert mark in without_name(answer.text, target), (
            f"{attempt} does not show its owner what a stranger may not see"
        )
    else:
        assert scene.holdings() != before, f"{attempt} changes nothing for its owner"


def test_a_stranger_is_led_to_the_door_and_told_that_they_do_not_belong(scene: Scene) -> None:
    for path in ("/home", "/collections", "/keys", "/collections/new"):
        page = scene.stranger.browser.open(scene.owner.home + path)
        assert page.status == 403
        assert page.url.startswith(f"{scene.owner.browser.site}/pass"), page.url
        assert scene.owner.browser.open(scene.owner.home + path).status == 200


def test_the_owners_workspace_cookie_is_good_on_the_owners_host_only(scene: Scene) -> None:
    theft = f"{COOKIE}={cookie_of(scene.owner, COOKIE, scene.owner.home)}"
    nobody = database.browser(scene.app)
    for host in (scene.stranger.home, f"{scene.owner.browser.site}/w/{scene.stranger.address}"):
        answer = nobody.request("GET", f"{host}/home", headers={"Cookie": theft})
        assert answer.status_code == 302
        assert "/enter" in answer.headers["Location"]
    as_site = theft.replace(COOKIE, "fh-session")
    answer = nobody.request("GET", "/workspaces?all=1", headers={"Cookie": as_site})
    assert "/sign-in" in answer.headers["Location"]
    answer = nobody.request("GET", f"{scene.owner.home}/home", headers={"Cookie": theft})  # the control
    assert answer.status_code == 200
    assert scene.owner.email in answer.text


def test_the_list_of_workspaces_holds_ones_own(scene: Scene) -> None:
    page = scene.stranger.browser.open("/workspaces?all=1")
    assert scene.stranger.address in page.text
    assert scene.owner.address not in page.text
    assert scene.owner.address in scene.owner.browser.open("/workspaces?all=1").text


def test_a_member_who_is_removed_is_out_at_once(app: Flask, scene: Scene) -> None:
    """Though still signed in, and still the owner of another workspace."""
    guest, target = sign_up(app, database.browser(app)), scene.target()
    with context(app) as session, transaction():
        user = session.scalars(sa.select(User.id).where(User.email == guest.email)).one()
        members.add(scene.owner.tenant, user, Role.DEVELOPER)
    paths = ("/home", "/collections", f"/collections/{target.collection}", "/keys")
    pages = [guest.browser.open(scene.owner.home + path) for path in paths]
    assert all(page.status == 200 and target.mark in without_name(page.text, target) for page in pages)  # the control
    with context(app) as session, transaction():
        there = (Membership.user_id == user, Membership.tenant == scene.owner.tenant)
        session.execute(sa.delete(Membership).where(*there))
    for path in paths:
        page = guest.browser.open(scene.owner.home + path)
        assert page.status == 403
        assert target.mark not in without_name(page.text, target)
    assert guest.open("/home").status == 200


# The API


def api_intrusions(scene: Scene, attempt: Try, target: Target) -> Iterator[tuple[str, requests.Response]]:
    owner, stranger, browser = scene.owner, scene.stranger, database.browser(scene.app)
    site, theirs = owner.browser.site, stranger.key()
    mixed = f"{target.key[:25]}{theirs[25:]}", f"{theirs[:25]}{target.key[25:]}"
    cookie = f"{COOKIE}={cookie_of(owner, COOKIE, owner.home)}"

    def ask(host: str, key: str, **headers: str) -> requests.Response:
        return request(browser, host, attempt, Authorization=f"Bearer {key}", **headers)

    yield "a stranger's key on the owner's host", ask(owner.home, theirs)
    yield "a stranger's key on the bare host", ask(site, theirs)
    yield "a stranger's key on their own host", ask(stranger.home, theirs)
    yield "a stranger's key by path", ask(f"{site}/w/{owner.address}", theirs)
    yield "the owner's key on a stranger's host", ask(stranger.home, target.key)
    yield "the owner's key on a stranger's host by path", ask(f"{site}/w/{stranger.address}", target.key)
    for host in (owner.home, site, stranger.home):
        yield f"the owner's id with a stranger's secret on {host}", ask(host, mixed[0])
        yield f"a stranger's id with the owner's secret on {host}", ask(host, mixed[1])
    yield "a forged secret", ask(site, target.key[:25] + "A" * 43)
    yield "a key with a tail", ask(site, target.key + "A")
    yield "a key of another kind", ask(site, target.key.replace("fh_test_", "fh_root_"))
    yield "the key's secret alone", ask(site, target.key[25:])
    yield "no key", request(browser, owner.home, attempt)
    yield "the owner's cookie and no key", request(browser, owner.home, attempt, Cookie=cookie)
    yield "the owner's cookie and a stranger's key", ask(owner.home, theirs, Cookie=cookie)
    yield "Basic instead of Bearer", request(browser, site, attempt, Authorization=f"Basic {target.key}")


def test_no_address_of_the_api_serves_a_stranger(scene: Scene) -> None:
    tried = set()
    for attempt, target in scene.tries("api"):
        before = scene.holdings()
        for way, answer in chain.from_iterable(api_intrusions(scene, asked, target) for asked in attempt.with_head()):
            told = scene.told(answer, target)
            assert not told, f"{attempt} {way} ({answer.status_code}) tells {told}"
            own = way in {"a stranger's key on the bare host", "a stranger's key on their own host"}
            by_id = target.record in attempt.path
            assert answer.status_code == 401 or (own and (not by_id or answer.status_code == 404)), (
                f"{attempt} {way}: {answer.status_code}"
            )
        assert scene.holdings() == before, f"{attempt} has changed something of the owner's"
        expect_key_succeeds(scene, attempt, target, before)
        tried.add((attempt.endpoint, attempt.method))
    assert tried >= {sent for sent in SENDS if sent[0].startswith("api.")} | {("api.list_records", "GET")}


def expect_key_succeeds(scene: Scene, attempt: Try, target: Target, before: list[str]) -> None:
    """The control: with the owner's key, on the owner's host or the bare one."""
    host = secrets.choice([scene.owner.home, scene.owner.browser.site])
    answer = request(database.browser(scene.app), host, attempt, Authorization=f"Bearer {target.key}")
    assert answer.status_code in {200, 201, 204}, f"{attempt} by the owner: {answer.status_code} {answer.text[:300]}"
    if attempt.method == "GET":
        assert target.mark in without_name(answer.text, target)
    else:
        assert scene.holdings() != before


def test_a_revoked_key_is_worthless_everywhere(app: Flask, scene: Scene) -> None:
    target = scene.target()
    path = f"/api/v1/collections/{target.collection}/records"
    header = {"Authorization": f"Bearer {target.key}"}
    browser = database.browser(app)
    hosts = (scene.owner.home, scene.owner.browser.site)
    assert [browser.request("GET", host + path, headers=header).status_code for host in hosts] == [200, 200]
    scene.owner.browser.request("POST", f"{scene.owner.home}/keys/{target.key_id}/revoke")
    assert [browser.request("GET", host + path, headers=header).status_code for host in hosts] == [401, 401]


def test_a_stranger_can_not_page_on_from_the_owners_cursor(scene: Scene) -> None:
    target = scene.target()
    path = f"/collections/{target.collection}/records?after={'0' * 8}-0000-0000-0000-{'0' * 12}"
    assert [row["title"] for row in scene.stranger.api("GET", path).json()["data"]] == ["mine"]
    assert [row["title"] for row in scene.owner.api("GET", path).json()["data"]] == [f"title-{target.mark}"]
    path = f"/collections/{target.collection}/records?after={target.record}"
    assert scene.owner.email not in scene.stranger.api("GET", path).text
    assert target.mark not in scene.stranger.api("GET", path).text


# Passes between the bare host and a workspace


def ask_for_nonce(browser: Browser, home: str) -> tuple[str, str]:
    """Where a workspace sends this browser, and the nonce that it leaves with it."""
    answer = browser.request("GET", f"{home}/enter")
    return answer.headers["Location"], answer.cookies["fh-nonce"]


def test_a_stranger_is_given_no_pass_to_the_owners_workspace(app: Flask, scene: Scene) -> None:
    where, _nonce = ask_for_nonce(scene.stranger.browser, scene.owner.home)
    issued = "SELECT count(*) AS n FROM platform.codes WHERE purpose = 'pass' AND tenant = :id"
    before = database.sql(app, issued, id=scene.owner.tenant)
    assert scene.stranger.browser.request("GET", where).status_code == 403
    assert database.sql(app, issued, id=scene.owner.tenant) == before
    where, nonce = ask_for_nonce(scene.owner.browser, scene.owner.home)  # the control
    answer = scene.owner.browser.request("GET", where)
    assert answer.status_code == 302
    assert lets_in(scene.owner.browser, answer.headers["Location"], nonce)


def test_the_owners_pass_lets_in_nobody_else(scene: Scene) -> None:
    nobody = database.browser(scene.app)
    where, nonce = ask_for_nonce(scene.owner.browser, scene.owner.home)
    entry = scene.owner.browser.request("GET", where).headers["Location"]
    _where, own_nonce = ask_for_nonce(nobody, scene.owner.home)
    for wrong in ("", own_nonce, "A" * 43, nonce[:-1], nonce + "A"):
        assert not lets_in(nobody, entry, wrong)
    for elsewhere in (
        entry.replace(scene.owner.address, scene.stranger.address),
        entry.replace(f"{scene.owner.address}.localhost:8000", f"localhost:8000/w/{scene.stranger.address}"),
        entry.replace(f"{scene.owner.address}.", ""),
    ):
        assert not lets_in(nobody, elsewhere, nonce)
    assert lets_in(nobody, entry, nonce)  # the control: it was good all the time, and a thief of both gets in
    assert not lets_in(scene.owner.browser, entry, nonce)  # once


def test_a_strangers_pass_opens_nothing_but_their_own_workspace(scene: Scene) -> None:
    where, nonce = ask_for_nonce(scene.stranger.browser, scene.stranger.home)
    entry = scene.stranger.browser.request("GET", where).headers["Location"]
    nobody = database.browser(scene.app)
    assert not lets_in(nobody, entry.replace(scene.stranger.address, scene.owner.address), nonce)
    assert lets_in(nobody, entry, nonce)


def test_an_expired_pass_lets_nobody_in(app: Flask, scene: Scene) -> None:
    nobody = database.browser(app)
    for age, good in (("1 second", False), ("-20 seconds", True)):
        where, nonce = ask_for_nonce(scene.owner.browser, scene.owner.home)
        entry = scene.owner.browser.request("GET", where).headers["Location"]
        expire = (
            f"UPDATE platform.codes SET expires_at = now() - interval '{age}' WHERE purpose = 'pass' AND tenant = :id"
        )
        database.sql(app, expire, id=scene.owner.tenant)
        assert lets_in(nobody, entry, nonce) is good


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_code_made_for_something_else_is_no_pass(app: Flask, scene: Scene, purpose: Purpose) -> None:
    """Even if it named the tenant and the browser."""
    browser = database.browser(app)
    where, nonce = ask_for_nonce(browser, scene.owner.home)
    digest = bytes.fromhex(where.partition("nonce=")[2].partition("&")[0])
    with context(app) as session, transaction():
        user = session.scalars(sa.select(User.id).where(User.email == scene.owner.email)).one()
        code = codes.issue(purpose, user, tenant=scene.owner.tenant, nonce_digest=digest)
    assert lets_in(browser, f"{scene.owner.home}/enter/{code}", nonce) is (purpose is Purpose.PASS)


def lets_in(browser: Browser, entry: str, nonce: str) -> bool:
    """Whether the pass gives a cookie with which the owner's or stranger's first page opens."""
    answer = browser.request("GET", entry, headers={"Cookie": f"fh-nonce={nonce}"})
    cookie = answer.cookies.get(COOKIE)
    if cookie is None:
        assert answer.status_code in {401, 403, 404}, answer.status_code
        return False
    home = entry.partition("/enter/")[0]
    return browser.request("GET", f"{home}/home", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 200


def test_control_what_the_owner_holds_is_known_to_these_tests(scene: Scene) -> None:
    """`holdings` is how the tests above know that nothing has changed."""
    target = scene.target()
    before = scene.holdings()
    assert sum(target.mark in row for row in before) >= 3  # the collection, its record, the key
    with context(scene.app, scene.owner.tenant), transaction():
        records.create(collections.get(target.collection), {"title": "one more"})
    assert len(scene.holdings()) == len(before) + 1
