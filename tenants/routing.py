"""A request's first two steps: identify who asks for which tenant, in one query; then bind.

The third, the work, is the views'.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
import structlog
from flask import Flask, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from saas.accounts import sessions
from saas.accounts.models import SignIn, User
from saas.core import hosts, identity
from saas.core.database import db
from saas.core.identity import Identity, Person, Workspace
from tenants import admission, isolation
from tenants.errors import BeingPrepared, NotAMember, Suspended, UnknownWorkspace, Unpaid
from tenants.members import permissions
from tenants.members.models import Membership, Role
from tenants.models import State, Tenant
from tenants.usage import flows, limits, throttle
from tenants.usage.limits import API_CALLS, SEATS
from tenants.usage.models import Usage

_SHORTEST = 0.5  # seconds that a statement may take in any case
_LATER = "freehold_binds_later"  # the attribute of a view function
View = TypeVar("View", bound=Callable[..., Any])

_WITHOUT = {"static", "health.live", "health.ready", "health.metrics"}  # endpoints that are nobody's


def _name(column: Any) -> sa.ColumnElement[str]:
    """A member of an enumeration as the table has it, since an identity holds no more of it."""
    return sa.type_coerce(column, sa.String).label(column.key)


_stock = aliased(Usage)
_USED = sa.select(sa.func.jsonb_object_agg(_stock.resource, _stock.used, type_=JSONB)).where(
    _stock.tenant == Tenant.id, _stock.period == ""
)
_TENANT = (
    Tenant.id,
    Tenant.name,
    Tenant.address,
    _name(Tenant.state),
    Tenant.opened_at,
    Tenant.plan,
    _name(Tenant.standing),
    Tenant.suspended_reason,
    Tenant.standing_until,
    Tenant.limits,
    _USED.correlate(Tenant).scalar_subquery().label("used"),
)
_PERSON = (
    User.id.label("user_id"),
    User.email,
    User.name.label("person_name"),
    User.confirmed_at.is_not(None).label("confirmed"),
    User.operator,
    SignIn.id.label("session_id"),
    SignIn.parent_id,
    sessions.unseen(),
)
# Built once: to build such a query takes as long as to run it.
_ON_SITE = sa.select(*_PERSON).join(SignIn, SignIn.user_id == User.id).where(*sessions.GOOD, SignIn.tenant.is_(None))
# As a query of its own it takes twice as long, most of it for planning (docs/decisions/0012).
_IDENTIFY = sa.func.platform.identify_2(
    sa.bindparam("address", type_=sa.String),
    sa.bindparam("session_digest", type_=sa.LargeBinary),
    sessions.SEEN_EVERY,
    SEATS.default,
)
_IN_WORKSPACE = sa.select(
    _IDENTIFY.table_valued(
        *(
            sa.column(column.name, column.type)
            for column in sa.select(*_TENANT, *_PERSON, _name(Membership.role)).selected_columns
        ),
        sa.column("seated", sa.Boolean),
    )
)
_BY_ID = (
    sa.select(*_TENANT, Usage.used.label("calls"))
    .outerjoin(
        Usage,
        sa.and_(Usage.tenant == Tenant.id, Usage.resource == API_CALLS.name, Usage.period == sa.bindparam("period")),
    )
    .where(Tenant.id == sa.bindparam("tenant"), Tenant.state != State.SPARE)
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


def enter() -> ResponseReturnValue | None:
    """Before each page of a workspace: let in whose role allows it and bind its tenant; send others to their place."""
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
    _refuse_suspended(workspace)
    throttle.enter(workspace.id)
    try:
        admission.admit(workspace, here.role)
    except Unpaid as error:
        if permissions.wanted() is not permissions.WORKSPACE_OPEN:
            raise
        return render_template("tenants/unpaid.html", error=error), error.status.value
    if workspace.state == State.PREPARING:
        return render_template("tenants/preparing.html")
    if not hasattr(current_app.view_functions.get(request.endpoint or ""), _LATER):
        _bind(workspace.id)
    return None


def binds_later(view: View) -> View:
    """For a view that first changes the platform's own rows, which a bound tenant can't, and then calls `bind`."""
    setattr(view, _LATER, True)
    return view


def bind() -> None:
    """Bind the tenant of such a view's request, once what it has changed so far is sent as the application."""
    db.session.flush()
    _bind(identity.tenant().id)


class Bound(NamedTuple):
    """A tenant that the API works with, and how many calls it has left this month; None: as many as it likes."""

    workspace: Workspace
    calls_left: int | None


def bind_by_id(tenant_id: str) -> Bound:
    """For the API: the tenant of a key, bound. Raises UnknownWorkspace, Suspended and BeingPrepared."""
    row = _first(_BY_ID, {"tenant": tenant_id, "period": flows.period()})
    if row is None:
        raise UnknownWorkspace
    workspace = _workspace(row)
    structlog.contextvars.bind_contextvars(tenant=workspace.id)
    _refuse_suspended(workspace)
    if workspace.state == State.PREPARING:
        raise BeingPrepared("It will be ready in a few seconds.", retry_after=2)
    g.identity = Identity(tenant=workspace)  # an error may lead to one of its pages
    _bind(workspace.id)
    return Bound(workspace, _calls_left(row))


def _bind(tenant: str) -> None:
    """No statement may take longer than what the tenant has left as the request begins."""
    isolation.bind(tenant, timeout=max(throttle.left(tenant), _SHORTEST) * 1000)


def _refuse_suspended(workspace: Workspace) -> None:
    if workspace.suspended_reason is not None:
        raise Suspended(workspace.suspended_reason)


def _calls_left(row: Any) -> int | None:
    """By what all processes have written down, and what this one has not yet."""
    most = limits.allowed(row.limits, API_CALLS)
    if most is None:
        return None
    return most - (row.calls or 0) - flows.of(current_app).pending(row.id, API_CALLS)


def _on_site() -> Identity:
    secret = sessions.read_cookie(sessions.SITE)
    if not secret:
        return Identity()
    row = _first(_ON_SITE, sessions.of(secret))
    return Identity(person=_person(row) if row else None)


def _in_workspace(address: str) -> Identity:
    secret = sessions.read_cookie(sessions.WORKSPACE)
    row = _first(_IN_WORKSPACE, {"address": address, **sessions.of(secret)})
    if row is None:
        raise unknown()  # and no identity: the error page must not look like a workspace's
    beyond = row.role is not None and not row.seated
    return Identity(
        person=_person(row) if row.user_id else None,
        tenant=_workspace(row),
        role=_reading(row.role) if beyond else row.role,
        unseated=row.role if beyond else None,
        on_site=False,
    )


def _reading(role: str) -> str:
    """What is left of a role for which the plan has no seat; whoever only pays may go on paying."""
    return Role.VIEWER if permissions.within(Role.VIEWER, Role(role)) else role


def unknown() -> UnknownWorkspace:
    """The answer at an address where there is no workspace, or none any more."""
    return UnknownWorkspace(
        "Check the address. A workspace whose email was never confirmed is removed after 72 hours.",
        action=("Your workspaces", hosts.site_url("/workspaces")),
    )


def _first(query: sa.Executable, values: dict[str, Any]) -> Any:
    """One row of values, for which the session need not set up the loading of objects."""
    return db.session.connection().execute(query, values).first()


def _workspace(row: Any) -> Workspace:
    return Workspace(
        id=row.id,
        name=row.name,
        address=row.address,
        state=row.state,
        opened_at=row.opened_at,
        plan=row.plan,
        standing=row.standing,
        suspended_reason=row.suspended_reason,
        standing_until=row.standing_until,
        limits=MappingProxyType(row.limits),
        used=MappingProxyType(row.used or {}),
    )


def _person(row: Any) -> Person:
    if row.unseen:
        sessions.see(row.session_id)
    return Person(
        id=row.user_id,
        email=row.email,
        name=row.person_name,
        confirmed=row.confirmed,
        operator=row.operator,
        session_id=row.session_id,
        parent_session_id=row.parent_id,
    )
