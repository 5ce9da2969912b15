"""Who belongs to which tenant."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from saas.accounts.models import User
from saas.core import hosts
from saas.core.database import db
from tenants.members.models import Membership, Role
from tenants.models import Tenant


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


def add(tenant: str, user: UUID, role: Role) -> None:
    db.session.add(Membership(tenant=tenant, user_id=user, role=role))


def workspaces_of(user: UUID) -> list[MyWorkspace]:
    """The workspaces of one person, by name. Runs unbound, on the bare host."""
    query = (
        sa.select(Tenant.name, Tenant.address, Membership.role)
        .join(Membership, Membership.tenant == Tenant.id)
        .where(Membership.user_id == user)
        .order_by(Tenant.name)
    )
    return [MyWorkspace(name or "", address or "", role.value) for name, address, role in db.session.execute(query)]


def members() -> list[Member]:
    """The bound tenant's members; row security leaves out all others."""
    query = (
        sa.select(User.email, User.name, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .order_by(Membership.created_at)
    )
    return [Member(email, name, role.value) for email, name, role in db.session.execute(query)]
