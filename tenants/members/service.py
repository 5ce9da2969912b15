"""Who belongs to which tenant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from saas.accounts.models import User
from saas.core import hosts
from saas.core.database import db
from tenants.members.models import Membership, Role
from tenants.models import Tenant
from tenants.usage import stocks
from tenants.usage.limits import SEATS


@dataclass(frozen=True)
class MyWorkspace:
    name: str
    address: str
    role: str

    @property
    def url(self) -> str:
        return hosts.workspace_url(self.address)


@dataclass(frozen=True)
class Member:
    email: str
    name: str | None
    role: str
    id: UUID
    since: datetime


def add(tenant: str, user: UUID, role: Role) -> None:
    """Raises LimitReached when the plan has no seat left."""
    stocks.add(SEATS, tenant=tenant)
    db.session.add(Membership(tenant=tenant, user_id=user, role=role))


def remove(tenant: str, user: UUID) -> None:
    """Whoever calls this has made sure that they are a member, and holds the team's lock."""
    stocks.take(SEATS, tenant=tenant)
    db.session.execute(sa.delete(Membership).where(*_of(tenant, user)))


def change(tenant: str, user: UUID, role: Role) -> None:
    db.session.execute(sa.update(Membership).where(*_of(tenant, user)).values(role=role))


def lock(tenant: str) -> None:
    """One change of a team at a time: those who come later wait here, and then see what the first has done.

    It comes before all other locks of the team's; new members, who take a seat, and plain reading don't need it.
    """
    db.session.execute(sa.select(Tenant.id).where(Tenant.id == tenant).with_for_update(key_share=True))


def role_of(tenant: str, user: UUID) -> Role | None:
    """What somebody is in a tenant at this moment; None: no member. Runs unbound."""
    return db.session.scalar(sa.select(Membership.role).where(*_of(tenant, user)))


def owners(tenant: str) -> int:
    query = sa.select(sa.func.count()).where(Membership.tenant == tenant, Membership.role == Role.OWNER)
    return db.session.scalar(query) or 0


def belongs(tenant: str, email: str) -> bool:
    """Whether the account with this address is a member. Runs unbound."""
    member = sa.exists().where(Membership.tenant == tenant, Membership.user_id == User.id, User.email == email)
    return bool(db.session.scalar(sa.select(member)))


def workspaces_of(user: UUID) -> list[MyWorkspace]:
    """The workspaces of one person, by name. Runs unbound, on the bare host."""
    query = (
        sa.select(Tenant.name, Tenant.address, Membership.role)
        .join(Membership, Membership.tenant == Tenant.id)
        .where(Membership.user_id == user)
        .order_by(Tenant.name)
    )
    return [MyWorkspace(name or "", address or "", role.value) for name, address, role in db.session.execute(query)]


def names(tenants: Iterable[str]) -> dict[str, str]:
    """The names of workspaces, by their ids. Runs unbound."""
    rows = db.session.execute(sa.select(Tenant.id, Tenant.name).where(Tenant.id.in_(set(tenants))))
    return {id_: name or "" for id_, name in rows}


def members() -> list[Member]:
    """The bound tenant's members; row security leaves out all others."""
    query = (
        sa.select(User.email, User.name, Membership.role, User.id, Membership.created_at)
        .join(Membership, Membership.user_id == User.id)
        .order_by(Membership.created_at, User.id)
    )
    return [Member(email, name, role.value, id_, at) for email, name, role, id_, at in db.session.execute(query)]


def unseated(found: Iterable[Member], seats: int | None) -> set[UUID]:
    """Those of a tenant's members for whom its plan's seats are not enough, as `platform.identify_2` has it.

    Owners have the first seats, then whoever joined first; one owner has a seat in any case.
    """
    if seats is None:
        return set()
    order = sorted(found, key=lambda member: (member.role != Role.OWNER, member.since, member.id))
    return {member.id for member in order[max(seats, 1) :]}


def _of(tenant: str, user: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return (Membership.tenant == tenant, Membership.user_id == user)
