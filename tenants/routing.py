"""A request's first two steps: identify who asks for which tenant, in one query; then bind.

The third, the work, is the views'.
"""

from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.accounts import sessions
from saas.accounts.models import SignIn, User
from saas.core import hosts, identity
from saas.core.database import db
from saas.core.identity import Identity, Person, Workspace
from tenants import isolation
from tenants.errors import BeingPrepared, NotAMember, UnknownWorkspace
from tenants.members.models import Membership
from tenants.models import State, Tenant

_WITHOUT = {"static", "health.live", "health.ready", "health.metrics"}  # endpoints that are nobody's

_TENANT = (Tenant.id, Tenant.name, Tenant.address, Tenant.state, Tenant.opened_at)
_PERSON = (
    User.id.label("user_id"),
    User.email,
    User.name.label("person_name"),
    User.confirmed_at.is_not(None).label("confirmed"),
    User.operator,
    SignIn.id.label("session_id"),
    SignIn.parent_id,
)


def init_app(app: Flask) -> None:
    app.before_request(identify)


def identify() -> None:
    """Turn host and cookie into `identity.current()`. Raises UnknownHost and UnknownWorkspace.

    Requests to the API are identified by their key, in `tenants/backend/api`.
    """
    if request.endpoint in _WITHOUT or request.path.startswith("/api/"):
        return
    address = hosts.address()
    g.identity = _on_site() if address is None else _in_workspace(address)


def by_id(tenant_id: str) -> Workspace | None:
    """A tenant that can be worked with, by the id that a key names."""
    row = db.session.execute(sa.select(*_TENANT).where(Tenant.id == tenant_id, Tenant.state != State.SPARE)).first()
    return _workspace(row) if row else None


def enter() -> ResponseReturnValue | None:
    """Before each page of a workspace: let its members in and bind its tenant; send others to where they belong."""
    here = identity.current()
    workspace = identity.tenant()
    if here.person is None:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else "/home"
        return redirect(url_for("entry.enter", next=wanted))
    if here.role is None:
        raise NotAMember(
            f"{here.person.email} does not belong to the workspace at {workspace.address}.",
            action=("Your workspaces", hosts.site_url("/workspaces")),
        )
    structlog.contextvars.bind_contextvars(tenant=workspace.id)
    if workspace.state == State.PREPARING:
        return render_template("tenants/preparing.html")
    isolation.bind(workspace.id)
    return None


def bind_by_id(tenant_id: str) -> Workspace:
    """For the API: the tenant of a key, bound. Raises UnknownWorkspace and BeingPrepared."""
    workspace = by_id(tenant_id)
    if workspace is None:
        raise UnknownWorkspace
    structlog.contextvars.bind_contextvars(tenant=workspace.id)
    if workspace.state == State.PREPARING:
        raise BeingPrepared("It will be ready in a few seconds.", retry_after=2)
    isolation.bind(workspace.id)
    return workspace


def _on_site() -> Identity:
    secret = sessions.read_cookie(sessions.SITE)
    if not secret:
        return Identity()
    query = sa.select(*_PERSON).join(SignIn, SignIn.user_id == User.id).where(
        *sessions.good(secret), SignIn.tenant.is_(None)
    )  # fmt: skip
    row = db.session.execute(query).first()
    return Identity(person=_person(row) if row else None)


def _in_workspace(address: str) -> Identity:
    secret = sessions.read_cookie(sessions.WORKSPACE)
    signed_in = sa.and_(*sessions.good(secret), SignIn.tenant == Tenant.id)
    row = db.session.execute(
        sa.select(*_TENANT, *_PERSON, Membership.role)
        .select_from(Tenant)
        .outerjoin(SignIn, signed_in)
        .outerjoin(User, User.id == SignIn.user_id)
        .outerjoin(Membership, sa.and_(Membership.tenant == Tenant.id, Membership.user_id == User.id))
        .where(Tenant.address == address)
    ).first()
    if row is None:
        # No identity: the error page must not look like a workspace's.
        raise UnknownWorkspace(
            "Check the address. A workspace whose email was never confirmed is removed after 72 hours.",
            action=("Your workspaces", hosts.site_url("/workspaces")),
        )
    return Identity(
        person=_person(row) if row.user_id else None,
        tenant=_workspace(row),
        role=row.role.value if row.role else None,
        on_site=False,
    )


def _workspace(row: Any) -> Workspace:
    return Workspace(row.id, row.name, row.address, row.state.value, row.opened_at)


def _person(row: Any) -> Person:
    return Person(
        id=row.user_id,
        email=row.email,
        name=row.person_name,
        confirmed=row.confirmed,
        operator=row.operator,
        session_id=row.session_id,
        parent_session_id=row.parent_id,
    )
