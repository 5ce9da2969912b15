"""A team whose owner may invite, and what a person does with an invitation."""

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.accounts.models import User
from saas.core.database import db
from saas.devstack.browser import Page
from tenants.members.models import Role
from tests.support.database import mailed_link, sql
from tests.support.people import MakeBrowser, Person, join, unique

SUBJECT = "Join Owner & Sons"

Join = Callable[[Role], Person]


@pytest.fixture
def boss(app: Flask, owner: Person) -> Person:
    """The owner, with a confirmed email."""
    confirm(app, owner)
    return owner


@pytest.fixture
def joined(app: Flask, boss: Person, make_browser: MakeBrowser) -> Join:
    """Makes a confirmed colleague of a role."""

    def make(role: Role) -> Person:
        person = join(app, boss, make_browser(), role)
        confirm(app, person)
        return person

    return make


def confirm(app: Flask, person: Person) -> None:
    sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :email", email=person.email)


def invite(person: Person, email: str = "", role: str = "developer") -> Page:
    """On the team's page; to a new address unless one is given."""
    return person.browser.send(
        person.open("/team"), "/team", "email", email=email or f"new-{unique()}@example.com", role=role
    )


def invited(app: Flask, person: Person, role: str = "developer", email: str = "") -> tuple[str, str]:
    """An address that has an invitation, and its link."""
    email = email or f"new-{unique()}@example.com"
    page = invite(person, email, role)
    assert page.status == 200, page.text
    return email, mailed_link(app, email, SUBJECT)


def post(person: Person, path: str, /, **values: str) -> Page:
    """Send a form of the workspace's to a path that no page may have shown; with a good form token."""
    token = person.open("/team").form("/team/leave").fields["csrf_token"]
    return person.browser._follow("POST", person.home + path, {"data": {"csrf_token": token, **values}})


def id_of(app: Flask, person: Person) -> UUID:
    with app.app_context():
        return db.session.scalars(sa.select(User.id).where(User.email == person.email)).one()


def role_of(app: Flask, person: Person) -> str | None:
    rows = sql(
        app, "SELECT role FROM platform.memberships WHERE tenant = :tenant AND user_id = :id",
        tenant=person.tenant, id=id_of(app, person),
    )  # fmt: skip
    return rows[0].role if rows else None


def invitation(app: Flask, email: str) -> sa.Row[tuple[object, ...]]:
    """The newest one to an address."""
    query = "SELECT * FROM platform.invitations WHERE email = :email ORDER BY id DESC LIMIT 1"
    (row,) = sql(app, query, email=email)
    found: sa.Row[tuple[object, ...]] = row
    return found


def actions(app: Flask, tenant: str) -> list[str]:
    """What the audit says was done in a tenant, the oldest first."""
    rows = sql(app, "SELECT action FROM platform.audit WHERE tenant = :tenant ORDER BY id", tenant=tenant)
    return [row.action for row in rows]


def used_seats(app: Flask, tenant: str) -> int:
    (row,) = sql(app, "SELECT used FROM platform.usage WHERE tenant = :t AND resource = 'seats'", t=tenant)
    return int(row.used)
