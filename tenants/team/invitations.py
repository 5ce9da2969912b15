"""Invitations: a secret link to one address, good for days, once.

Written as the application: a tenant's own role reads them, without the links' digests, and changes none.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from saas.accounts.models import User
from saas.core import audit, hosts, mail, tokens
from saas.core.database import db
from saas.core.identity import Person, Workspace
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.models import Invitation, Role
from tenants.team.errors import AlreadyInvited, AlreadyMember, OwnersOnly, SeatsTaken, UnconfirmedInviter
from tenants.team.errors import UnknownInvitation as Unknown
from tenants.usage import service as usage
from tenants.usage import stocks
from tenants.usage.limits import SEATS

LIFETIME = timedelta(days=7)

_OPEN = (Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
_GOOD = Invitation.expires_at > sa.func.now()


@dataclass(frozen=True)
class Open:
    """One that is neither accepted nor revoked, as the team's page shows it."""

    id: UUID
    email: str
    role: str
    sent_at: datetime
    expires_at: datetime
    expired: bool
    inviter: str | None  # None: who invited is no member any more


@dataclass(frozen=True)
class Seats:
    members: int
    invited: int
    allowed: int | None  # None: no limit

    @property
    def full(self) -> bool:
        return self.allowed is not None and self.members + self.invited >= self.allowed


def invite(workspace: Workspace, email: str, role: Role, *, by: Person) -> None:
    """Raises UnconfirmedInviter, NotPermitted, OwnersOnly, AlreadyMember, AlreadyInvited and SeatsTaken."""
    _check_inviter(workspace.id, role, by)
    if members.belongs(workspace.id, email):
        raise AlreadyMember(email)
    _retire_expired(workspace.id, email)
    secret = tokens.new()
    new = insert(Invitation).values(tenant=workspace.id, email=email, role=role, **_fresh(secret, by))
    first = new.on_conflict_do_nothing(index_elements=["tenant", "email"], index_where=sa.and_(*_OPEN))
    made = db.session.scalar(first.returning(Invitation.id))
    if made is None:
        raise AlreadyInvited(email)
    _check_seats(workspace.id)
    _send(workspace, email, role, secret, by)
    _record("sent", workspace.id, by, made, email=email, role=role.value)


def resend(workspace: Workspace, invitation: UUID, *, by: Person) -> str:
    """With a new link; the old one stops working. Returns the address.

    Raises UnknownInvitation, UnconfirmedInviter, NotPermitted, OwnersOnly and SeatsTaken.
    """
    found = _lock(workspace.id, invitation)
    _check_inviter(workspace.id, found.role, by)
    secret = tokens.new()
    db.session.execute(sa.update(Invitation).where(Invitation.id == invitation).values(**_fresh(secret, by)))
    _check_seats(workspace.id)
    _send(workspace, found.email, found.role, secret, by)
    _record("resent", workspace.id, by, invitation, email=found.email, role=found.role.value)
    return found.email


def revoke(workspace: Workspace, invitation: UUID, *, by: Person) -> str:
    """Returns the address. Raises UnknownInvitation, NotPermitted and OwnersOnly."""
    found = _lock(workspace.id, invitation)
    _check_role(workspace.id, found.role, by)
    _withdraw(Invitation.id == invitation)
    _record("revoked", workspace.id, by, invitation, email=found.email, role=found.role.value)
    return found.email


def withdraw_of(tenant: str, inviter: UUID, *, now: Role | None) -> None:
    """Revoke what somebody has sent and, with the role that they have now, may not send any more."""
    beyond = {role for role in Role if not permissions.manages(now, role)}
    mine = (Invitation.tenant == tenant, Invitation.invited_by == inviter, Invitation.role.in_(beyond), *_OPEN)
    for id_, email in _withdraw(*mine):
        audit.record("invitation.revoked", actor="system", tenant=tenant, invitation=str(id_), email=email)


def open_ones() -> list[Open]:
    """The bound tenant's; row security leaves out all others'."""
    expired = (~_GOOD).label("expired")
    query = (
        sa.select(
            Invitation.id, Invitation.email, Invitation.role, Invitation.sent_at, Invitation.expires_at, expired,
            sa.func.coalesce(User.name, User.email),
        )
        .outerjoin(User, User.id == Invitation.invited_by)
        .where(*_OPEN)
        .order_by(Invitation.created_at, Invitation.id)
    )  # fmt: skip
    return [Open(row[0], row[1], row[2].value, *row[3:]) for row in db.session.execute(query)]


def seats(tenant: str) -> Seats:
    """How many there are and who takes them, bound or not."""
    query = sa.select(sa.func.count()).where(Invitation.tenant == tenant, _GOOD, *_OPEN)
    (taken,) = (meter for meter in usage.meters(tenant) if meter.limit == SEATS)
    return Seats(taken.used, db.session.scalar(query) or 0, taken.allowed)


def people(tenants: Collection[str]) -> dict[str, int]:
    """Members and those who are invited, of each tenant, bound or not."""
    query = sa.select(Invitation.tenant, sa.func.count()).where(Invitation.tenant.in_(tenants), _GOOD, *_OPEN)
    invited = dict(db.session.execute(query.group_by(Invitation.tenant)).all())
    members_ = stocks.used_by(SEATS, tenants)
    return {tenant: members_.get(tenant, 0) + invited.get(tenant, 0) for tenant in tenants}


def _check_inviter(tenant: str, role: Role, by: Person) -> None:
    if not by.confirmed:
        raise UnconfirmedInviter(by.email, hosts.site_url("/workspaces?all=1"))
    members.lock(tenant)
    _check_role(tenant, role, by)


def _check_role(tenant: str, role: Role, by: Person) -> None:
    acting = members.role_of(tenant, by.id)
    permissions.refuse(acting, permissions.TEAM_MANAGE)
    if not permissions.manages(acting, role):
        raise OwnersOnly


def _check_seats(tenant: str) -> None:
    """With the new invitation counted; the team's lock keeps a second one from taking the same seat."""
    now = seats(tenant)
    if now.allowed is not None and now.members + now.invited > now.allowed:
        raise SeatsTaken(now.allowed, now.members, now.invited - 1)


def _lock(tenant: str, invitation: UUID) -> Invitation:
    members.lock(tenant)
    mine = (Invitation.id == invitation, Invitation.tenant == tenant, *_OPEN)
    if found := db.session.scalar(sa.select(Invitation).where(*mine).with_for_update()):
        return found
    raise Unknown


def _fresh(secret: str, by: Person) -> dict[str, object]:
    digest = tokens.digest(secret)
    now = sa.func.now()
    return {"secret_digest": digest, "invited_by": by.id, "sent_at": now, "expires_at": now + LIFETIME}


def _retire_expired(tenant: str, email: str) -> None:
    """An old one does not stand in the way of a new one."""
    _withdraw(Invitation.tenant == tenant, Invitation.email == email, ~_GOOD, *_OPEN)


def _withdraw(*which: sa.ColumnElement[bool]) -> list[tuple[UUID, str]]:
    statement = sa.update(Invitation).where(*which).values(revoked_at=sa.func.now())
    rows = db.session.execute(statement.returning(Invitation.id, Invitation.email))
    return [(id_, email) for id_, email in rows]


def _send(workspace: Workspace, email: str, role: Role, secret: str, by: Person) -> None:
    mail.send(
        "invitation",
        to=email,
        inviter=by.name or by.email,
        inviter_email=by.email,
        workspace=workspace.name,
        role=role.value,
        days=LIFETIME.days,
        url=hosts.site_url(f"/invitations/{secret}"),
    )


def _record(what: str, tenant: str, by: Person, invitation: UUID, **detail: str) -> None:
    audit.record(f"invitation.{what}", actor=f"user:{by.id}", tenant=tenant, invitation=str(invitation), **detail)
