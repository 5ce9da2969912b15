"""Who asks, as frozen values: the result of a request's first step, before a tenant is bound."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote
from uuid import UUID

from flask import Flask, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin
from flask_login import login_required as _login_required

from saas.core import hosts
from saas.core.errors import NotFound, SignInNeeded


@dataclass(frozen=True)
class Person(UserMixin):
    """A signed-in user, as Flask-Login's `current_user` and the templates' `person`."""

    id: UUID
    email: str
    name: str | None
    confirmed: bool
    operator: bool
    session_id: UUID
    parent_session_id: UUID | None


@dataclass(frozen=True)
class Workspace:
    """The tenant that a request is for, as it was when the request began."""

    id: str
    name: str
    address: str
    state: str
    opened_at: datetime | None
    plan: str  # its code in billing's catalogue
    standing: str  # with billing: one of tenants.models.Standing
    suspended_reason: str | None  # None: it is open
    standing_until: datetime | None = None  # when the standing becomes the next worse one; None: it stays
    # What its plan allows, and how much it has of each stock; as in `tenants.limits` and `usage`, and as read-only.
    limits: Mapping[str, int | None] = field(default_factory=dict, hash=False)
    used: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def url(self) -> str:
        return hosts.workspace_url(self.address)


@dataclass(frozen=True)
class Identity:
    person: Person | None = None
    tenant: Workspace | None = None
    role: str | None = None  # of the person in the tenant, as it holds for this request
    unseated: str | None = None  # the role that they would have, if the plan had a seat for them
    on_site: bool = True  # whether the request came to the bare host


View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    """Flask-Login takes its user from the identity; it keeps no session of its own."""
    manager = LoginManager(app)
    manager.request_loader(lambda _request: current().person)
    manager.unauthorized_handler(_unauthorized)


def login_required(view: View) -> View:
    """Flask-Login's decorator, with the view's own type."""
    return cast("View", _login_required(view))


def current() -> Identity:
    identity: Identity = g.get("identity") or Identity()
    return identity


def person() -> Person:
    """The signed-in person. Raises SignInNeeded."""
    if (found := current().person) is None:
        raise SignInNeeded
    return found


def tenant() -> Workspace:
    """The workspace asked for. Raises NotFound on the bare host."""
    if (found := current().tenant) is None:
        raise NotFound("Workspaces have an address of their own.", action=("Your workspaces", "/workspaces"))
    return found


def only_on_site() -> ResponseReturnValue | None:
    """For blueprints of the bare host: a visitor who asks a workspace for one of their pages is sent there."""
    if current().on_site:
        return None
    if request.method != "GET":
        raise NotFound
    return redirect(hosts.site_url(request.full_path.rstrip("?")))


def _unauthorized() -> ResponseReturnValue:
    """Send a visitor to the sign-in page, and from there back to where they were going."""
    if request.method != "GET":
        raise SignInNeeded("Your session has ended. Sign in and send the form again.", action=("Sign in", "/sign-in"))
    wanted = request.full_path.rstrip("?")
    return redirect(hosts.site_url("/sign-in?next=" + quote(wanted)))
