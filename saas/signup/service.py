"""A business signs up."""

from dataclasses import dataclass
from uuid import UUID

from billing.entitlement import entitlements
from saas.accounts import service as accounts
from saas.accounts import sessions
from saas.core import audit, hosts, mail
from tenants import addresses, provisioning
from tenants.members import service as members
from tenants.members.models import Role
from tenants.models import Tenant


@dataclass(frozen=True)
class SignUp:
    business: str
    address: str
    email: str
    password: str


@dataclass(frozen=True)
class Opened:
    tenant_id: str
    address: str
    session_secret: str  # of the new owner's session on the bare host


def sign_up(wanted: SignUp) -> Opened:
    """Register the person, open the tenant, make them its owner, and write to them.

    Everything happens in the caller's transaction: no half of it can stay. Raises BadAddress, AddressTaken and
    EmailTaken.
    """
    person = accounts.register(wanted.email, wanted.password)
    tenant = open_workspace(person.id, wanted.business, wanted.address)
    mail.send("welcome", to=person.email, url=hosts.workspace_url(tenant.address or ""))
    accounts.ask_to_confirm(person)
    return Opened(tenant.id, tenant.address or "", sessions.open_session(person.id))


def open_workspace(owner: UUID, business: str, wanted: str) -> Tenant:
    """Open a tenant on the free plan and make a person its owner. Raises BadAddress and AddressTaken."""
    address = addresses.check(wanted)
    tenant = provisioning.claim(business, address)
    entitlements.start(tenant)
    members.add(tenant.id, owner, Role.OWNER)
    audit.record("tenant.opened", actor=f"user:{owner}", tenant=tenant.id, address=address)
    return tenant
