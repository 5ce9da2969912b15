"""A team changes: somebody's role, a removal, a colleague leaves.

What a bound tenant may only read is changed as the application, before the tenant is bound; so each statement names its
tenant. The roles of those concerned are read under the team's lock: what they were as the request began may be over.
"""

from uuid import UUID

from saas.accounts import codes, sessions
from saas.core import audit
from saas.core.database import db
from tenants import isolation
from tenants.backend.keys import service as keys
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.models import Role
from tenants.team import invitations
from tenants.team.errors import LastOwner, OwnersOnly, RaisesItself, UnknownMember


def change_role(tenant: str, user: UUID, role: Role, *, by: UUID) -> None:
    """Raises UnknownMember, NotPermitted, OwnersOnly, RaisesItself and LastOwner. Binds the tenant."""
    members.lock(tenant)
    before = _member(tenant, user)
    _check_touches(members.role_of(tenant, by), before, role)
    if user == by and not permissions.within(role, before):
        raise RaisesItself
    if before == role:
        return
    _check_an_owner_stays(tenant, before, role)
    invitations.withdraw_of(tenant, user, now=role)
    members.change(tenant, user, role)
    changed = {"user": str(user), "before": before.value, "after": role.value}
    audit.record("member.role-changed", actor=f"user:{by}", tenant=tenant, **changed)
    _revoke_keys(tenant, user, by, now=role)


def remove(tenant: str, user: UUID, *, by: UUID) -> None:
    """Raises UnknownMember, NotPermitted, OwnersOnly and LastOwner. Binds the tenant."""
    members.lock(tenant)
    role = _member(tenant, user)
    if user != by:
        _check_touches(members.role_of(tenant, by), role)
    _depart(tenant, user, role, by)


def leave(tenant: str, user: UUID) -> None:
    """Raises LastOwner. Binds the tenant."""
    remove(tenant, user, by=user)


def _depart(tenant: str, user: UUID, role: Role, by: UUID) -> None:
    """The seat is free, and whatever the person could come in with, or let others in by, is over."""
    _check_an_owner_stays(tenant, role, None)
    invitations.withdraw_of(tenant, user, now=None)
    members.remove(tenant, user)
    sessions.end_in(tenant, user)
    codes.withdraw_passes(tenant, user)
    action = "member.left" if user == by else "member.removed"
    audit.record(action, actor=f"user:{by}", tenant=tenant, user=str(user), role=role.value)
    _revoke_keys(tenant, user, by, now=None)


def _revoke_keys(tenant: str, user: UUID, by: UUID, *, now: Role | None) -> None:
    db.session.flush()  # as the application, still
    isolation.bind(tenant)
    keys.revoke_of(user, actor=f"user:{by}", now=now)


def _member(tenant: str, user: UUID) -> Role:
    role = members.role_of(tenant, user)
    if role is None:
        raise UnknownMember
    return role


def _check_touches(acting: Role | None, *roles: Role) -> None:
    """Whether somebody may manage people of these roles."""
    permissions.refuse(acting, permissions.TEAM_MANAGE)
    if not all(permissions.manages(acting, role) for role in roles):
        raise OwnersOnly


def _check_an_owner_stays(tenant: str, before: Role, after: Role | None) -> None:
    if before is Role.OWNER and after is not Role.OWNER and members.owners(tenant) < 2:
        raise LastOwner
