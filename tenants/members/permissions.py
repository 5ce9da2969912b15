"""Who may do what in a workspace: the one table that pages, API and `docs/permissions.md` are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app, request

from tenants.errors import NotPermitted
from tenants.members.models import Role

_MARK = "freehold_permission"  # the attribute of a view function
_REMOVES = "freehold_removes"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Permission:
    name: str  # "records.read"
    sentence: str  # continues "may …"
    roles: frozenset[Role]
    writes: bool = True  # whether it adds or changes something, which a workspace that is read-only can't
    always: bool = False  # whether it is open to a workspace that is suspended for not paying


_table: dict[str, Permission] = {}


def define(name: str, sentence: str, *roles: Role, writes: bool = True, always: bool = False) -> Permission:
    """Add a line to the table; an owner may do everything. A module calls this for its own, as its module loads."""
    made = Permission(name, sentence, frozenset({Role.OWNER, *roles}), writes, always)
    if _table.setdefault(name, made) != made:
        raise ValueError(f"two permissions are called {name}")
    return made


_EVERYONE = tuple(Role)

_READERS = (Role.ADMIN, Role.DEVELOPER, Role.EDITOR, Role.VIEWER)

WORKSPACE_OPEN = define("workspace.open", "open the workspace", *_EVERYONE, writes=False)
USAGE_READ = define("usage.read", "see usage against the plan's limits", *_EVERYONE, writes=False, always=True)
TEAM_READ = define("team.read", "see who belongs to the workspace", *_EVERYONE, writes=False)
TEAM_LEAVE = define("team.leave", "leave the workspace", *_EVERYONE, writes=False)
TEAM_MANAGE = define("team.manage", "invite and remove people and change their roles", Role.ADMIN)
TEAM_OWN = define("team.own", "invite, make, change and remove owners")
RECORDS_READ = define("records.read", "read records", *_READERS, writes=False)
RECORDS_WRITE = define("records.write", "add, change and delete records", Role.ADMIN, Role.DEVELOPER, Role.EDITOR)
COLLECTIONS_DESIGN = define("collections.design", "create and drop collections", Role.ADMIN, Role.DEVELOPER)
JOBS_READ = define("jobs.read", "see the workspace's jobs and how far they are", *_READERS, writes=False)
KEYS_MANAGE = define("keys.manage", "see, create and revoke API keys", Role.ADMIN, Role.DEVELOPER)
BILLING_READ = define(
    "billing.read", "see the plan, invoices and payments", Role.ADMIN, Role.BILLING, writes=False, always=True
)
BILLING_MANAGE = define("billing.manage", "choose the plan and pay", Role.BILLING, writes=False, always=True)


def every() -> list[Permission]:
    return list(_table.values())


def needs(permission: Permission, *, removes: bool = False) -> Callable[[View], View]:
    """Say what a view of a workspace or of the API asks for. One that says nothing is refused to all.

    One that only `removes` something stays open while the workspace is read-only.
    """

    def mark(view: View) -> View:
        setattr(view, _MARK, permission)
        setattr(view, _REMOVES, removes)
        return view

    return mark


def of_endpoint(endpoint: str) -> Permission | None:
    """What the view behind an endpoint asks for."""
    return getattr(current_app.view_functions.get(endpoint), _MARK, None)


def removes(endpoint: str) -> bool:
    """Whether the view behind an endpoint does nothing but take something away."""
    return getattr(current_app.view_functions.get(endpoint), _REMOVES, False)


def may(role: str | None, permission: Permission | str) -> bool:
    """Whether a role (None: not a member) has a permission, given itself or by its name."""
    found = _table[permission] if isinstance(permission, str) else permission
    return role in found.roles


def within(role: Role, other: Role | None) -> bool:
    """Whether a role may do nothing that the other may not."""
    return all(may(other, permission) for permission in every() if may(role, permission))


def manages(role: str | None, other: str) -> bool:
    """Whether a role may invite people into another, change and remove them."""
    return may(role, TEAM_OWN if other == Role.OWNER else TEAM_MANAGE)


def refuse(role: str | None, permission: Permission) -> None:
    """Raises NotPermitted unless the role has the permission."""
    if not may(role, permission):
        raise NotPermitted(role or "", permission.sentence, _who(permission))


def wanted() -> Permission:
    """What the view of this request asks for."""
    permission = of_endpoint(request.endpoint or "")
    if permission is None:
        raise LookupError(f"{request.endpoint} does not say which permission it needs")
    return permission


def _who(permission: Permission) -> str:
    names = [role.value for role in Role if role in permission.roles]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
