"""Inviting, sending again, revoking: by whom, to whom, how many."""

import pytest
from flask import Flask

from tenants.members.models import Role
from tests.support.database import left, mail, mailed_link, more, skip_at_the_end_of_the_hour, sql
from tests.support.pages import error_at, heading, words
from tests.support.people import Person, allow, unique
from tests.tenants.team.conftest import (
    SUBJECT,
    Join,
    actions,
    confirm,
    invitation,
    invite,
    invited,
    post,
)

MANAGERS = {Role.OWNER, Role.ADMIN}


def test_an_invitation_is_a_mail_with_a_link_of_which_only_the_digest_is_kept(app: Flask, boss: Person) -> None:
    email, link = invited(app, boss, "editor", f"New-{unique()}@Example.COM".lower())
    text = mail(app, email, SUBJECT)
    assert boss.email in text
    assert "Owner & Sons" in text
    assert "as an editor" in text
    assert link.startswith(f"{boss.browser.site}/invitations/")
    secret = link.rpartition("/")[2]
    (row,) = sql(app, "SELECT i::text FROM platform.invitations i WHERE email = :email", email=email)
    assert secret not in row[0]
    assert secret.encode().hex() not in row[0]
    assert email in words(boss.open("/team"))
    assert actions(app, boss.tenant)[-1] == "invitation.sent"


def test_an_address_is_normalised_before_it_is_looked_for(app: Flask, boss: Person) -> None:
    mark = unique()
    assert invite(boss, f" New-{mark}@Example.COM ").status == 200
    page = invite(boss, f"nEw-{mark}@example.com")
    assert (page.status, error_at(page, "email")[:43]) == (422, f"new-{mark}@example.com is invited already"[:43])


@pytest.mark.parametrize("bad", ["", "nobody", "a@b", "a@b@c.com", "x" * 250 + "@example.com", "a\x00@example.com"])
def test_what_is_no_address_is_not_invited(app: Flask, boss: Person, bad: str) -> None:
    page = boss.browser.send(boss.open("/team"), "/team", "email", email="x", role="editor")
    before = left(app)
    page = boss.browser.send(page, "/team", "email", email=bad, role="editor")
    assert (page.status, heading(page)) == (422, "Team")
    assert error_at(page, "email")
    assert boss.email in words(page)  # the page is whole
    assert more(before, left(app)) == {}


@pytest.mark.parametrize("bad", ["", "member", "Owner", "root"])
def test_what_is_no_role_is_not_given(app: Flask, boss: Person, bad: str) -> None:
    before = left(app)
    page = invite(boss, role=bad)
    assert page.status == 422
    assert more(before, left(app)) == {}


def test_a_member_is_not_invited(app: Flask, boss: Person, teammate: Person) -> None:
    for person in (boss, teammate):
        page = invite(boss, person.email)
        assert (page.status, error_at(page, "email")) == (422, f"{person.email} belongs to this workspace already.")


def test_without_a_confirmed_email_nobody_is_invited(app: Flask, owner: Person) -> None:
    before = left(app)
    page = invite(owner)
    assert (page.status, heading(page)) == (403, "Confirm your email first")
    assert owner.email in words(page)
    assert f'href="{owner.browser.site}/workspaces?all=1"' in page.text
    assert more(before, left(app)) == {}
    confirm(app, owner)
    assert invite(owner).status == 200


@pytest.mark.parametrize("role", list(Role))
def test_who_may_manage_the_team(app: Flask, boss: Person, joined: Join, role: Role) -> None:
    """Each of the team's actions by each role: the server refuses what the page does not show."""
    email, _link = invited(app, boss)
    mate, person = joined(Role.VIEWER), joined(role)
    page = person.open("/team")
    assert page.status == 200
    assert (">Invite<" in page.text) == (role in MANAGERS)
    assert ("Send again" in page.text) == (role in MANAGERS)
    id_ = invitation(app, email).id
    mate_id = sql(app, "SELECT id FROM platform.users WHERE email = :e", e=mate.email)[0].id
    before = left(app)
    tries = [
        ("/team", {"email": f"x-{unique()}@example.com", "role": "viewer"}),
        (f"/team/invitations/{id_}/resend", {}),
        (f"/team/invitations/{id_}/revoke", {}),
        (f"/team/{mate_id}/role", {"role": "editor"}),
        (f"/team/{mate_id}/remove", {}),
    ]
    found = {path: post(person, path, **values).status for path, values in tries}
    assert set(found.values()) == ({200} if role in MANAGERS else {403}), found
    assert person.open(f"/team/{mate_id}").status == (404 if role in MANAGERS else 403)
    if role not in MANAGERS:
        assert more(before, left(app)) == {}


def test_only_an_owner_invites_owners(app: Flask, boss: Person, joined: Join) -> None:
    admin = joined(Role.ADMIN)
    assert "Owner: everything" not in admin.open("/team").text
    before = left(app)
    page = post(admin, "/team", email="x@example.com", role="owner")
    assert (page.status, heading(page)) == (403, "Only an owner may do this")
    assert more(before, left(app)) == {}
    email, _link = invited(app, boss, "owner")
    id_ = invitation(app, email).id
    for verb in ("resend", "revoke"):
        page = post(admin, f"/team/invitations/{id_}/{verb}")
        assert (page.status, heading(page)) == (403, "Only an owner may do this")
        assert post(boss, f"/team/invitations/{id_}/{verb}").status == 200


def test_sent_again_it_has_a_new_link_and_the_old_one_is_dead(app: Flask, boss: Person, browser: object) -> None:
    email, old = invited(app, boss)
    id_ = invitation(app, email).id
    page = boss.browser.send(boss.open("/team"), f"/{id_}/resend")
    assert f"A new link is on its way to {email}." in words(page)
    new = mailed_link(app, email, SUBJECT)
    assert new != old
    other = boss.browser.__class__(boss.browser.site)
    other.session.mount("http://", boss.browser.session.get_adapter("http://x"))
    assert other.open(old).status == 404
    assert heading(other.open(new)) == "Join Owner & Sons"
    assert actions(app, boss.tenant)[-1] == "invitation.resent"


def test_sending_again_makes_an_expired_one_good(app: Flask, boss: Person, stranger: Person) -> None:
    email, _link = invited(app, boss)
    expire(app, email)
    assert "Expired" in words(boss.open("/team"))
    boss.browser.send(boss.open("/team"), f"/{invitation(app, email).id}/resend")
    assert "Expired" not in words(boss.open("/team"))


def test_an_expired_one_does_not_stand_in_the_way_of_a_new_one(app: Flask, boss: Person) -> None:
    email, _link = invited(app, boss)
    expire(app, email)
    assert invite(boss, email, "viewer").status == 200
    rows = sql(app, "SELECT role FROM platform.invitations WHERE email = :e AND revoked_at IS NULL", e=email)
    assert [row.role for row in rows] == ["viewer"]


def test_a_revoked_one_is_off_the_page_and_dead(app: Flask, boss: Person) -> None:
    email, _link = invited(app, boss)
    id_ = invitation(app, email).id
    page = boss.browser.send(boss.open("/team"), f"/{id_}/revoke")
    assert f"The invitation of {email} is revoked." in words(page)
    assert email not in words(boss.open("/team"))
    assert actions(app, boss.tenant)[-1] == "invitation.revoked"
    before = left(app)
    for verb in ("resend", "revoke"):
        page = post(boss, f"/team/invitations/{id_}/{verb}")
        assert (page.status, heading(page)) == (404, "There is no such open invitation")
    assert more(before, left(app)) == {}


def test_what_a_colleague_has_sent_ends_with_their_right_to_send_it(app: Flask, boss: Person, joined: Join) -> None:
    """Else somebody who sees their removal coming leaves a door open."""
    second, admin = joined(Role.OWNER), joined(Role.ADMIN)
    for_owner, _ = invited(app, second, "owner")
    for_editor, _ = invited(app, second, "editor")
    of_admin, _ = invited(app, admin, "editor")
    post(boss, f"/team/{member_id(app, second)}/role", role="admin")
    assert [invitation(app, email).revoked_at is None for email in (for_owner, for_editor)] == [False, True]
    post(boss, f"/team/{member_id(app, admin)}/remove")
    assert invitation(app, of_admin).revoked_at is not None
    post(boss, f"/team/{member_id(app, second)}/role", role="developer")
    assert invitation(app, for_editor).revoked_at is not None


def test_beyond_the_seats_nobody_is_invited(app: Flask, boss: Person) -> None:
    allow(app, boss.tenant, seats=3)
    first, _ = invited(app, boss)
    invited(app, boss)
    assert "3 of 3 seats taken, 2 by open invitations." in words(boss.open("/team"))
    before = left(app)
    page = invite(boss)
    assert (page.status, heading(page)) == (402, "Team")
    assert "Every seat is taken, so nobody was invited." in words(page)
    assert "3 of 3 seats taken, 2 by open invitations. Choose a larger plan to invite more people." in words(page)
    assert "/billing/seats" not in page.text  # since Free has no more of them
    assert more(before, left(app)) == {}
    assert boss.browser.send(boss.open("/team"), f"/{invitation(app, first).id}/resend").status == 200  # has its seat
    boss.browser.send(boss.open("/team"), f"/{invitation(app, first).id}/revoke")
    assert invite(boss).status == 200


def test_an_expired_one_keeps_no_seat(app: Flask, boss: Person) -> None:
    allow(app, boss.tenant, seats=2)
    email, _ = invited(app, boss)
    assert invite(boss).status == 402
    expire(app, email)
    assert invite(boss).status == 200
    assert post(boss, f"/team/invitations/{invitation(app, email).id}/resend").status == 402


def test_invitations_of_a_workspace_are_limited(app: Flask, boss: Person) -> None:
    skip_at_the_end_of_the_hour(app)
    sql(
        app,
        "INSERT INTO platform.attempts (key, \"window\", count, until) VALUES ('invite:' || :tenant,"
        " floor(extract(epoch FROM clock_timestamp()) / 3600), 29, now() + interval '1 hour')",
        tenant=boss.tenant,
    )
    assert invite(boss).status == 200
    before = left(app)
    page = invite(boss)
    assert (page.status, heading(page)) == (429, "Too many attempts")
    assert more(before, left(app)) == {}


def test_nobodys_mailbox_is_filled_from_many_workspaces(app: Flask, boss: Person, stranger: Person) -> None:
    skip_at_the_end_of_the_hour(app)  # which the day's is, too
    confirm(app, stranger)
    email = f"new-{unique()}@example.com"
    sql(
        app,
        "INSERT INTO platform.attempts (key, \"window\", count, until) VALUES ('invite-mail:' || :email,"
        " floor(extract(epoch FROM clock_timestamp()) / 86400), 9, now() + interval '1 day')",
        email=email,
    )
    assert invite(stranger, email).status == 200
    assert invite(boss, email).status == 429
    before = left(app)
    assert post(stranger, f"/team/invitations/{invitation(app, email).id}/resend").status == 429
    assert more(before, left(app)) == {}  # no mail either


def test_a_stranger_can_do_nothing_with_anothers_invitation_or_member(
    app: Flask, boss: Person, stranger: Person, teammate: Person
) -> None:
    confirm(app, stranger)
    email, link = invited(app, boss)
    id_, mate = invitation(app, email).id, member_id(app, teammate)
    before = left(app)
    tries = {
        f"/team/invitations/{id_}/resend": {},
        f"/team/invitations/{id_}/revoke": {},
        f"/team/{mate}/role": {"role": "viewer"},
        f"/team/{mate}/remove": {},
    }
    for path, values in tries.items():
        page = post(stranger, path, **values)
        assert page.status == 404, path
        assert email not in page.text
        assert teammate.email not in page.text
    assert stranger.open(f"/team/{mate}").status == 404
    assert email not in stranger.open("/team").text
    assert more(before, left(app)) == {}
    assert mailed_link(app, email, SUBJECT) == link
    for path, values in list(tries.items())[:1] + list(tries.items())[2:]:
        assert post(boss, path, **values).status == 200, path  # the control


def member_id(app: Flask, person: Person) -> str:
    return str(sql(app, "SELECT id FROM platform.users WHERE email = :e", e=person.email)[0].id)


def expire(app: Flask, email: str) -> None:
    sql(app, "UPDATE platform.invitations SET expires_at = now() WHERE email = :email", email=email)
