"""API keys."""

import html

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.database import db, transaction
from tenants import isolation
from tenants.backend.keys import service
from tenants.backend.keys.errors import BadKey
from tests.support.database import left, more
from tests.support.pages import error_at, heading, words
from tests.support.people import Person

LIST = "/api/v1/collections"


def test_a_key_is_shown_once(owner: Person) -> None:
    page = owner.browser.send(owner.open("/keys"), "/keys", "label", label="Web shop")
    key = shown(page.text)
    assert heading(page) == "API keys"
    assert page.text.count(key) == 2  # itself, and the line to try it with
    for path in ("/keys", "/home", "/collections"):
        assert key not in owner.open(path).text
    row = words(owner.open("/keys"))
    assert f"Web shop …{key[-4:]} Editor Active" in row


def test_a_key_is_stored_nowhere_but_as_a_digest(app: Flask, owner: Person) -> None:
    key = owner.key()
    secret = key[-43:]
    owner.define("orders", title="text")
    owner.api("GET", "/collections/orders/records")
    everything = rows_as_text(app, owner)
    assert any(secret[-4:] in row for row in everything)  # the control: its last characters are to be found
    assert not [row for row in everything if secret in row or secret[:12] in row or secret.encode().hex() in row]


def test_a_key_works_on_both_hosts(owner: Person) -> None:
    for host in (owner.home, owner.browser.site):
        assert owner.api("GET", "/collections", host=host).status_code == 200


def test_the_scheme_is_taken_however_it_is_written(owner: Person) -> None:
    for scheme in ("Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}  "):
        assert call(owner, scheme.format(owner.key())) == 200


def test_a_call_without_a_key_is_told_how_to_send_one(owner: Person) -> None:
    key = owner.key()
    for header in ("", "Bearer", "Bearer ", key, f"Basic {key}", f"Token {key}"):
        answer = owner.browser.request("GET", owner.home + LIST, headers={"Authorization": header} if header else {})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:freehold:problem:key-needed"
        assert "Authorization: Bearer fh_" in answer.json()["detail"]
    assert owner.browser.request("GET", f"{owner.home}{LIST}?key={key}&access_token={key}").status_code == 401


def test_a_malformed_or_forged_key_is_refused_all_the_same(owner: Person, stranger: Person) -> None:
    key, other = owner.key(), stranger.key()
    tenant, secret = owner.tenant.removeprefix("t_"), key[-43:]
    forged = [
        key[:-1],
        f"{key}x",
        key.replace("test", "prod"),
        key.upper(),
        key.replace("fh_", ""),
        f"fh_test_{tenant}_{'A' * 43}",
        f"fh_test_{'a' * 16}_{secret}",  # no such tenant
        f"fh_test_{tenant}_{other[-43:]}",  # another tenant's secret
        f"fh_test_{stranger.tenant.removeprefix('t_')}_{secret}",  # one's own, for another tenant
        f"fh_test_{tenant}_' OR 1=1 --",
        f'fh_test_"; DROP_{secret}',
        "x" * 5000,
        "fh_test__",
    ]
    answers = [
        owner.browser.request("GET", owner.browser.site + LIST, headers={"Authorization": f"Bearer {one}"})
        for one in forged
    ]
    assert {answer.status_code for answer in answers} == {401}
    bodies = [{name: value for name, value in answer.json().items() if name != "request_id"} for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["type"] == "urn:freehold:problem:bad-key"


def test_a_key_does_not_open_another_workspaces_host(owner: Person, stranger: Person) -> None:
    answer = owner.api("GET", "/collections", host=stranger.home)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:freehold:problem:bad-key")
    assert owner.api("GET", "/collections").status_code == 200


def test_a_revoked_key_is_refused_from_now_on(app: Flask, owner: Person, teammate: Person) -> None:
    key, other = owner.key(), shown(owner.browser.send(owner.open("/keys"), "/keys", "label", label="Other").text)
    page = owner.open("/keys")
    before = left(app)
    revoked = owner.browser.send(page, revoke_path(page.text, key), "csrf_token")
    assert "The key is revoked." in words(revoked)
    assert (call(owner, f"Bearer {key}"), call(owner, f"Bearer {other}")) == (401, 200)
    assert f"…{key[-4:]} Editor Revoked" in words(revoked)
    again = teammate.browser.send(teammate.open("/keys"), revoke_path(page.text, other), "csrf_token")
    assert again.status == 200
    assert call(owner, f"Bearer {other}") == 401
    assert more(before, left(app)) == {"audit": 2}
    twice = owner.browser.send(page, revoke_path(page.text, key), "csrf_token")
    assert twice.status == 200
    assert more(before, left(app)) == {"audit": 2}


def test_another_tenants_key_cannot_be_revoked(owner: Person, stranger: Person) -> None:
    owner.key()
    stranger.key()
    theirs, mine = owner.open("/keys"), stranger.open("/keys")
    form = mine.form("/revoke").fields
    target = stranger.home + revoke_path(theirs.text, owner.key())
    answer = stranger.browser.request("POST", target, data=form)
    assert (answer.status_code, "There is no such key" in answer.text) == (404, True)
    assert "There is nothing at this address." in answer.text
    assert call(owner, f"Bearer {owner.key()}") == 200


def test_the_last_use_is_noted_once_a_minute(app: Flask, owner: Person) -> None:
    key = owner.key()
    assert last_used(app, owner) == [None]
    call(owner, f"Bearer {key}")
    (first,) = last_used(app, owner)
    call(owner, f"Bearer {key}")
    assert last_used(app, owner) == [first]
    with app.app_context(), transaction():
        isolation.bind(owner.tenant)
        db.session.execute(sa.text("UPDATE fh_keys SET last_used_at = now() - interval '61 seconds'"))
    assert last_used(app, owner) < [first]
    call(owner, f"Bearer {key}")
    assert last_used(app, owner) > [first]
    assert "Never" not in words(owner.open("/keys"))


def test_a_refused_call_is_not_a_use(app: Flask, owner: Person) -> None:
    key = owner.key()
    call(owner, f"Bearer {key[:-1]}x")
    assert last_used(app, owner) == [None]


def test_a_bad_label_is_said_at_its_field(app: Flask, owner: Person) -> None:
    messages = {
        "": "Fill in the label.",
        "  ": "Fill in the label.",
        "x" * 81: "Use at most 80 characters.",
        "a\0b": "Remove the characters that can't be shown",
    }
    before = left(app)
    for label, message in messages.items():
        page = owner.browser.send(owner.open("/keys"), "/keys", "label", label=label)
        assert (page.status, error_at(page, "label")[: len(message)]) == (422, message)
    assert more(before, left(app)) == {}
    assert last_used(app, owner) == []


def test_a_label_with_html_is_text(owner: Person) -> None:
    label = "<img src=x onerror=alert(1)> & '\"; DROP TABLE fh_keys; --"
    page = owner.browser.send(owner.open("/keys"), "/keys", "label", label=label)
    assert page.status == 200
    assert label in html.unescape(page.text)
    assert "<img" not in page.text


def test_a_workspace_has_at_most_fifty_keys_that_work(app: Flask, owner: Person) -> None:
    with app.app_context(), transaction():
        isolation.bind(owner.tenant)
        for number in range(service.MOST_KEYS):
            service.create(f"Key {number}", actor="system")
    page = owner.browser.send(owner.open("/keys"), "/keys", "label", label="One more")
    assert (page.status, "Revoke a key first: 50 are the most." in words(page)) == (422, True)
    assert len(last_used(app, owner)) == service.MOST_KEYS
    owner.browser.send(page, "/revoke", "csrf_token")
    assert owner.browser.send(owner.open("/keys"), "/keys", "label", label="One more").status == 200


@pytest.mark.parametrize(
    "text", ["", "fh_", "fh_test_a_b", f"fh_test_{'a' * 16}_{'é' * 43}", f"\nfh_test_{'a' * 16}_{'A' * 43}\n"]
)
def test_only_a_whole_key_can_be_taken_apart(text: str) -> None:
    with pytest.raises(BadKey):
        service.parse(text)
    assert service.parse(f"fh_live_{'a' * 16}_{'A' * 43}") == (f"t_{'a' * 16}", "A" * 43)


def call(person: Person, authorization: str) -> int:
    headers = {"Authorization": authorization}
    return person.browser.request("GET", person.home + LIST, headers=headers).status_code


def shown(text: str) -> str:
    """The key that a page shows."""
    start = text.index("fh_test_")
    return text[start : start + 8 + 16 + 1 + 43]


def revoke_path(text: str, key: str) -> str:
    """Where the form posts that revokes a key, which the page knows by its last characters."""
    dialog = text[: text.index(f"the key ending in {key[-4:]} are refused")]
    return dialog.rpartition('action="')[2].partition('"')[0]


def last_used(app: Flask, person: Person) -> list[object]:
    with app.app_context(), transaction():
        isolation.bind(person.tenant)
        return [row.last_used_at for row in db.session.execute(sa.text("SELECT last_used_at FROM fh_keys"))]


def rows_as_text(app: Flask, person: Person) -> list[str]:
    """Each row of each of the tenant's tables, and of the platform's, as text."""
    found = []
    tables = ["users", "sessions", "codes", "tenants", "memberships", "jobs", "mails", "audit", "attempts"]
    with app.app_context(), transaction():
        for table in tables:
            found += [row[0] for row in db.session.execute(sa.text(f"SELECT x::text FROM platform.{table} x"))]
    with app.app_context(), transaction():
        isolation.bind(person.tenant)
        for table in ("fh_keys", "fh_collections", "orders"):
            found += [row[0] for row in db.session.execute(sa.text(f"SELECT x::text FROM {table} x"))]
    return found
