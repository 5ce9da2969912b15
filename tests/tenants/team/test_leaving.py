"""Roles change, people leave and are removed: at once, completely, and never the last owner."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from saas.accounts import sessions
from saas.core.database import db
from saas.core.errors import PlatformError
from tenants.backend.keys import service as keys
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.models import Role
from tenants.members.permissions import Permission
from tenants.team import service
from tests.support.contexts import context
from tests.support.database import left, more, sql, waits
from tests.support.live import eventually
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person, join, sign_in
from tests.support.threads import meeting_at, together
from tests.tenants.team.conftest import Join, actions, id_of, invited, post, role_of, used_seats

NOT_A_MEMBER = (403, "You are not a member of this workspace")


def api(person: Person, key: str) -> int:
    return person.browser.request(
        "GET", f"{person.browser.site}/api/v1/collections", headers={"Authorization": f"Bearer {key}"}
    ).status_code


def sessions_of(app: Flask, person: Person) -> list[str | None]:
    """The workspaces, by id, that somebody has sessions of; None is the bare host's."""
    rows = sql(app, "SELECT tenant FROM platform.sessions WHERE user_id = :id", id=id_of(app, person))
    return sorted((row.tenant for row in rows), key=str)


def test_whoever_is_removed_is_out_at_once_with_sessions_keys_and_seat(
    app: Flask, boss: Person, joined: Join, make_browser: MakeBrowser
) -> None:
    mate = joined(Role.DEVELOPER)
    second = make_browser()
    sign_in(second, mate.email)
    assert second.open(f"{boss.home}/home").status == 200
    key, own = mate.key(), boss.key()
    assert (api(mate, key), api(boss, own)) == (200, 200)
    assert sessions_of(app, mate) == [None, None, boss.tenant, boss.tenant]
    page = boss.browser.send(boss.open(f"/team/{id_of(app, mate)}"), "/remove")
    assert "They are out" in words(page)
    assert mate.email not in words(page)
    assert sessions_of(app, mate) == [None, None]  # still signed in on the bare host
    for browser in (mate.browser, second):
        page = browser.open(f"{boss.home}/home")
        assert (page.status, heading(page)) == NOT_A_MEMBER
    assert (api(mate, key), api(boss, own)) == (401, 200)
    assert used_seats(app, boss.tenant) == 1
    assert sorted(actions(app, boss.tenant)[-2:]) == ["key.revoked", "member.removed"]  # of one millisecond, maybe


@pytest.mark.parametrize(
    ("where", "name"),
    [(sessions, "end_in"), (keys, "revoke_of"), (members, "remove")],
    ids=["sessions", "keys", "member"],
)
def test_control_with_one_ending_switched_off_it_is_noticed(
    app: Flask, boss: Person, joined: Join, make_browser: MakeBrowser, monkeypatch: pytest.MonkeyPatch,
    where: object, name: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(where, name, lambda *_arguments, **_named: None)
    with pytest.raises(AssertionError):
        test_whoever_is_removed_is_out_at_once_with_sessions_keys_and_seat(app, boss, joined, make_browser)


def test_whoever_leaves_is_out_and_keeps_their_other_workspaces(
    app: Flask, boss: Person, stranger: Person, make_browser: MakeBrowser
) -> None:
    guest_id = id_of(app, stranger)
    with app.app_context():
        members.add(boss.tenant, guest_id, Role.DEVELOPER)
        db.session.commit()
    guest = Person(stranger.browser, stranger.email, boss.address, boss.tenant)
    key, own = guest.key(), stranger.key()
    page = guest.browser.send(guest.open("/team"), "/team/leave")
    assert (heading(page), page.url) == ("Workspaces", f"{boss.browser.site}/workspaces?all=1")
    assert boss.address not in words(page)
    assert stranger.address in words(page)
    page = guest.open("/home")
    assert (page.status, heading(page)) == NOT_A_MEMBER
    assert (api(guest, key), api(stranger, own)) == (401, 200)
    assert stranger.open("/home").status == 200
    assert sorted(actions(app, boss.tenant)[-2:]) == ["key.revoked", "member.left"]


def test_removing_oneself_is_leaving(app: Flask, boss: Person, joined: Join) -> None:
    admin = joined(Role.ADMIN)
    page = post(admin, f"/team/{id_of(app, admin)}/remove")
    assert page.url == f"{boss.browser.site}/workspaces?all=1"
    assert actions(app, boss.tenant)[-1] == "member.left"


def test_a_pass_on_its_way_is_worthless_to_whoever_has_left(app: Flask, boss: Person, joined: Join) -> None:
    mate = joined(Role.EDITOR)
    asked = mate.browser.request("GET", f"{boss.home}/enter")
    entry = mate.browser.request("GET", asked.headers["Location"]).headers["Location"]
    post(boss, f"/team/{id_of(app, mate)}/remove")
    before = left(app)
    assert mate.browser.open(entry).status == 404
    assert more(before, left(app)) == {}


@pytest.mark.parametrize("role", list(Role))
def test_a_new_role_counts_from_the_next_request(app: Flask, boss: Person, joined: Join, role: Role) -> None:
    admin = joined(Role.ADMIN)
    assert admin.open("/keys").status == 200
    page = boss.browser.send(boss.open(f"/team/{id_of(app, admin)}"), "/role", role=role.value)
    assert page.status == 200
    assert role_of(app, admin) == role
    may = role in {Role.OWNER, Role.ADMIN, Role.DEVELOPER}
    assert admin.open("/keys").status == (200 if may else 403)
    assert (">API keys<" in admin.open("/home").text) == may
    assert ("member.role-changed" in actions(app, boss.tenant)) == (role is not Role.ADMIN)  # no change, no row


@pytest.mark.parametrize(
    ("role", "left_over"),
    [
        ("admin", {"viewer", "editor", "developer"}),
        ("editor", {"viewer", "editor"}),
        ("viewer", {"viewer"}),
        ("billing", set()),
    ],
)
def test_a_key_may_not_more_than_whoever_made_it(
    app: Flask, boss: Person, joined: Join, role: str, left_over: set[str]
) -> None:
    mate, made = joined(Role.DEVELOPER), {}
    actor = f"user:{id_of(app, mate)}"
    for of in keys.ROLES:
        with context(app, boss.tenant) as session:
            made[of.value] = keys.create(of.value, actor=actor, role=of)
            session.commit()
    own = boss.key()
    post(boss, f"/team/{id_of(app, mate)}/role", role=role)
    assert {of for of, key in made.items() if api(mate, key) == 200} == left_over
    assert api(boss, own) == 200


@pytest.mark.parametrize("to", ["", "member", "root"])
def test_what_is_no_role_is_refused(app: Flask, boss: Person, teammate: Person, to: str) -> None:
    before = left(app)
    page = post(boss, f"/team/{id_of(app, teammate)}/role", role=to)
    assert (page.status, "Choose one of the roles." in words(page)) == (422, True)
    assert more(before, left(app)) == {}
    assert role_of(app, teammate) == "developer"


def test_an_admin_touches_no_owner_and_makes_none(app: Flask, boss: Person, joined: Join) -> None:
    admin, mate = joined(Role.ADMIN), joined(Role.EDITOR)
    assert f"/team/{id_of(app, boss)}" not in admin.open("/team").text
    assert f"/team/{id_of(app, mate)}" in admin.open("/team").text
    assert "Change role" not in admin.open(f"/team/{id_of(app, boss)}").text
    before = left(app)
    for path, values in (
        (f"/team/{id_of(app, boss)}/role", {"role": "viewer"}),
        (f"/team/{id_of(app, boss)}/remove", {}),
        (f"/team/{id_of(app, mate)}/role", {"role": "owner"}),
        (f"/team/{id_of(app, admin)}/role", {"role": "owner"}),
    ):
        page = post(admin, path, **values)
        assert (page.status, heading(page)) == (403, "Only an owner may do this"), path
    assert more(before, left(app)) == {}
    assert [role_of(app, person) for person in (boss, admin, mate)] == ["owner", "admin", "editor"]


def test_nobody_gives_themselves_what_they_do_not_have(app: Flask, boss: Person, joined: Join) -> None:
    admin = joined(Role.ADMIN)
    page = post(admin, f"/team/{id_of(app, admin)}/role", role="billing")
    assert (page.status, heading(page)) == (403, "You can't give yourself more than you have")
    assert role_of(app, admin) == "admin"
    assert post(admin, f"/team/{id_of(app, admin)}/role", role="editor").status == 200  # less is fine
    assert role_of(app, admin) == "editor"


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.OWNER, Role.ADMIN}])
def test_others_can_not_raise_themselves_at_all(app: Flask, boss: Person, joined: Join, role: Role) -> None:
    person = joined(role)
    for to in Role:
        assert post(person, f"/team/{id_of(app, person)}/role", role=to).status == 403
    assert role_of(app, person) == role


def test_the_last_owner_stays(app: Flask, boss: Person, joined: Join) -> None:
    joined(Role.ADMIN)
    before = left(app)
    for path, values in (
        ("/team/leave", {}),
        (f"/team/{id_of(app, boss)}/remove", {}),
        (f"/team/{id_of(app, boss)}/role", {"role": "admin"}),
    ):
        page = post(boss, path, **values)
        assert (page.status, heading(page)) == (422, "A workspace needs an owner")
        assert "Make somebody else an owner first." in words(page)
    assert more(before, left(app)) == {}
    assert boss.open("/home").status == 200
    second = joined(Role.OWNER)
    assert post(boss, "/team/leave").url == f"{boss.browser.site}/workspaces?all=1"  # the control
    assert post(second, "/team/leave").status == 422


def depart(app: Flask, person: Person) -> str:
    who = id_of(app, person)
    with app.app_context():
        try:
            service.leave(person.tenant, who)
            db.session.commit()
        except service.LastOwner:
            db.session.rollback()
            return "stays"
        return "left"


def demote(app: Flask, by: Person, whom: Person) -> str:
    one, two = id_of(app, by), id_of(app, whom)
    with app.app_context():
        try:
            service.change_role(by.tenant, two, Role.EDITOR, by=one)
            db.session.commit()
        except PlatformError as error:
            db.session.rollback()
            return type(error).__name__
        return "done"


@pytest.fixture
def pair(app: Flask, boss: Person, joined: Join) -> tuple[Person, Person]:
    """Two owners."""
    return boss, joined(Role.OWNER)


def test_of_two_owners_who_leave_at_the_same_moment_one_stays(app: Flask, pair: tuple[Person, Person]) -> None:
    with meeting_at(app, "SELECT platform.tenants.id"):  # the lock's statement: both stand right before it
        done = together(*[lambda person=person: depart(app, person) for person in pair])
    assert sorted(done) == ["left", "stays"]
    assert sorted(str(role_of(app, person)) for person in pair) == ["None", "owner"]
    assert used_seats(app, pair[0].tenant) == 1


def test_control_without_the_lock_both_owners_leave(
    app: Flask, pair: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "lock", lambda _tenant: None)
    with meeting_at(app, "UPDATE platform.invitations"):  # both have counted two owners
        done = together(*[lambda person=person: depart(app, person) for person in pair])
    assert done == ["left", "left"]


def test_of_two_owners_who_demote_each_other_one_stays(app: Flask, pair: tuple[Person, Person]) -> None:
    one, two = pair
    with meeting_at(app, "SELECT platform.tenants.id"):
        done = together(lambda: demote(app, one, two), lambda: demote(app, two, one))
    assert sorted(done) == ["NotPermitted", "done"]
    assert sorted(str(role_of(app, person)) for person in pair) == ["editor", "owner"]


def test_control_without_the_lock_both_are_demoted(
    app: Flask, pair: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    monkeypatch.setattr(members, "lock", lambda _tenant: None)
    with meeting_at(app, "UPDATE platform.invitations"):
        done = together(lambda: demote(app, one, two), lambda: demote(app, two, one))
    assert done == ["done", "done"]


def test_two_who_remove_the_same_person_free_one_seat(app: Flask, boss: Person, joined: Join) -> None:
    admin, mate = joined(Role.ADMIN), joined(Role.EDITOR)
    path = f"/team/{id_of(app, mate)}/remove"
    pages = together(lambda: post(boss, path), lambda: post(admin, path))
    assert sorted(page.status for page in pages) == [200, 404]
    assert used_seats(app, boss.tenant) == 2


def test_a_removed_admin_can_not_finish_what_they_had_begun(app: Flask, boss: Person, joined: Join) -> None:
    """Their request was let in before; under the lock their role is looked at anew."""
    admin, mate = joined(Role.ADMIN), joined(Role.EDITOR)
    by, whom = id_of(app, admin), id_of(app, mate)
    sql(app, "DELETE FROM platform.memberships WHERE user_id = :id", id=by)
    with context(app), pytest.raises(service.permissions.NotPermitted):
        service.remove(boss.tenant, whom, by=by)


def test_a_key_that_a_removed_colleague_is_just_making_is_not_made(app: Flask, boss: Person, joined: Join) -> None:
    """Else it would outlive them: it comes after their keys were revoked."""
    mate = joined(Role.DEVELOPER)
    page = mate.open("/keys")
    by, whom = id_of(app, boss), id_of(app, mate)
    with ThreadPoolExecutor() as pool, context(app) as session:
        service.remove(boss.tenant, whom, by=by)
        making = pool.submit(lambda: mate.browser.send(page, "", "label", label="Mine for ever"))
        eventually(lambda: waits(app))
        session.commit()
        assert making.result(20).status == 403
    with context(app, boss.tenant):
        assert [key.label for key in keys.every()] == []


def test_a_key_is_made_with_no_more_than_its_maker_may(
    app: Flask, joined: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is when a module gives developers what admins do not have."""
    admin = joined(Role.ADMIN)
    theirs = Permission("tests.theirs", "do it", frozenset({Role.OWNER, Role.DEVELOPER}))
    with monkeypatch.context() as patch:
        patch.setitem(permissions._table, theirs.name, theirs)
        page = admin.browser.send(admin.open("/keys"), "", "label", label="More", role="developer")
        assert (page.status, "may not do more than you" in words(page)) == (422, True)
    assert admin.browser.send(page, "", "label", label="More", role="developer").status == 200  # the control


def test_whoever_was_removed_may_be_invited_again(
    app: Flask, boss: Person, joined: Join, make_browser: MakeBrowser
) -> None:
    mate = joined(Role.EDITOR)
    post(boss, f"/team/{id_of(app, mate)}/remove")
    _email, link = invited(app, boss, "viewer", mate.email)
    page = mate.browser.open(link)
    assert mate.browser.send(page, link.partition("8000")[2]).url == f"{boss.home}/home"
    assert role_of(app, mate) == "viewer"


def test_the_home_page_and_the_team_show_ones_own_team_only(
    app: Flask, boss: Person, stranger: Person, make_browser: MakeBrowser
) -> None:
    mate = join(app, boss, make_browser(), Role.BILLING)
    email, _link = invited(app, boss)
    for path in ("/home", "/team"):
        assert mate.email in words(boss.open(path))
        assert mate.email not in stranger.open(path).text
    assert email in words(mate.open("/team"))  # everybody in the team sees who is invited
    assert email not in stranger.open("/team").text
