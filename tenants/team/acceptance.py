"""Somebody who was invited joins. On the bare host, so as the application; the secret in the link says which tenant."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from saas.accounts import service as accounts
from saas.accounts.errors import EmailTaken, UnusableCode
from saas.accounts.models import User
from saas.core import audit, tokens
from saas.core.database import db
from tenants.errors import LimitReached, Suspended
from tenants.members import service as members
from tenants.members.models import Invitation
from tenants.models import Standing, Tenant
from tenants.team.errors import AccountExists, AnothersInvitation, NoSeatForYou, TakesNobody

_AGAIN = "Ask whoever invited you to send it again."


@dataclass(frozen=True)
class Offer:
    """What an invitation's page says to whoever holds its link."""

    email: str
    workspace: str
    role: str
    inviter: str
    inviter_email: str
    has_account: bool


@dataclass(frozen=True)
class Joined:
    user_id: UUID
    address: str  # of the workspace


def offer(secret: str) -> Offer:
    """Raises UnusableCode, Suspended and TakesNobody."""
    row = _find(secret)
    _check(row)
    found: Invitation = row.Invitation
    return Offer(
        found.email, row.workspace, found.role.value, row.name or row.email, row.email, accounts.exists(found.email)
    )


def accept(secret: str, user_id: UUID, email: str) -> Joined:
    """Make a signed-in person a member. A second click finds it done.

    Raises UnusableCode, Suspended, TakesNobody, AnothersInvitation and NoSeatForYou; the invitation then stays as it
    was.
    """
    row = _find(secret, lock=True)
    found: Invitation = row.Invitation
    mine = found.email == email
    if mine and found.accepted_at and members.role_of(found.tenant, user_id):
        return Joined(user_id, row.address)
    _check(row)
    if not mine:
        raise AnothersInvitation
    _join(found, user_id)
    return Joined(user_id, row.address)


def register(secret: str, name: str, password: str) -> Joined:
    """Open an account for the invited address and join with it.

    Raises UnusableCode, Suspended, TakesNobody, AccountExists and NoSeatForYou.
    """
    row = _find(secret, lock=True)
    _check(row)
    found: Invitation = row.Invitation
    try:
        user = accounts.register(found.email, password, name=name)
    except EmailTaken:
        raise AccountExists(f"/invitations/{secret}") from None
    _join(found, user.id)
    return Joined(user.id, row.address)


def _join(found: Invitation, user_id: UUID) -> None:
    found.accepted_at = sa.func.now()
    if members.role_of(found.tenant, user_id) is None:
        try:
            members.add(found.tenant, user_id, found.role)
        except LimitReached:
            raise NoSeatForYou from None
    accounts.proved(user_id)
    audit.record(
        "invitation.accepted", actor=f"user:{user_id}", tenant=found.tenant, invitation=str(found.id),
        role=found.role.value,
    )  # fmt: skip
    db.session.flush()


def _find(secret: str, *, lock: bool = False) -> Any:
    """With the lock, of two clicks the second waits for what the first has made of it."""
    query = (
        sa.select(Invitation, Tenant.name.label("workspace"), Tenant.address, User.name, User.email)
        .add_columns(Tenant.suspended_reason, Tenant.standing)
        .join(Tenant, Tenant.id == Invitation.tenant)
        .join(User, User.id == Invitation.invited_by)
        .where(Invitation.secret_digest == tokens.digest(secret))
        .add_columns((Invitation.expires_at <= sa.func.now()).label("expired"))
    )
    if lock:
        query = query.with_for_update(of=Invitation).execution_options(populate_existing=True)
    if row := db.session.execute(query).one_or_none():
        return row
    raise UnusableCode(f"It is incomplete, or a newer mail has replaced it. Open the newest one. {_AGAIN}")


def _check(row: Any) -> None:
    found: Invitation = row.Invitation
    if found.accepted_at:
        raise UnusableCode("It was accepted already. Sign in, and you find the workspace among yours.",
                           action=("Your workspaces", "/workspaces"))  # fmt: skip
    if found.revoked_at:
        raise UnusableCode("Whoever invited you has taken it back. Ask them if that was meant.")
    if row.expired:
        raise UnusableCode(f"It has expired. {_AGAIN}")
    if row.suspended_reason is not None:
        raise Suspended(row.suspended_reason)
    if row.standing in {Standing.READ_ONLY, Standing.SUSPENDED}:
        raise TakesNobody
