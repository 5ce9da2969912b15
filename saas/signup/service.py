"""A business signs up."""

from dataclasses import dataclass

from saas.accounts import service as accounts
from saas.accounts import sessions
from saas.core import audit, hosts, mail
from tenants import addresses, provisioning
from tenants.members import service as members
from tenants.members.models import Role


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
    address = addresses.check(wanted.address)
    tenant = provisioning.claim(wanted.business, address)
    members.add(tenant.id, person.id, Role.OWNER)
    audit.record("tenant.opened", actor=f"user:{person.id}", tenant=tenant.id, address=address)
    mail.send("welcome", to=person.email, url=hosts.workspace_url(address))
    accounts.ask_to_confirm(person)
    return Opened(tenant.id, address, sessions.open_session(person.id))
