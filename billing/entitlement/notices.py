"""What a tenant's people are told of their payments by mail, each thing once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing.ledger import Notice
from billing.money import shown
from saas.accounts.models import User
from saas.core import hosts, mail
from saas.core.database import db
from tenants.members.models import Membership, Role
from tenants.models import Tenant

READERS = (Role.OWNER, Role.BILLING)  # who of the members gets these mails


def tell(tenant: str, kind: str, about: str, *, template: str = "", **context: Any) -> bool:
    """Mail it to those who look after the payments, in the caller's transaction; False where they were told before.

    `kind` is the name of a template in `templates/mail/billing`, unless another `template` is named; `about` is what
    is told of only once: the id of an invoice or a subscription, a period. Templates also get `workspace`, `home` (its
    address), `standing`, `money` (amount, currency) and `day` (of a time).
    """
    if not first(tenant, kind, about):
        return False
    query = sa.select(Tenant.name, Tenant.address, Tenant.standing).where(Tenant.id == tenant)
    name, address, standing = db.session.execute(query).one()
    home = hosts.workspace_url(address or "")
    known = {"workspace": name, "home": home, "standing": standing, "money": shown, "day": day}
    for to in readers(tenant):
        mail.send(f"billing/{(template or kind).replace('-', '_')}", to=to, **known, **context)
    return True


def first(tenant: str, kind: str, about: str) -> bool:
    """Whether it is told for the first time; who asks notes that it is told."""
    row = {"tenant": tenant, "kind": kind, "about": about}
    return db.session.scalar(insert(Notice).values(row).on_conflict_do_nothing().returning(Notice.tenant)) is not None


def readers(tenant: str) -> Sequence[str]:
    """The addresses of owners and of members with the role billing."""
    theirs = sa.select(User.email).join(Membership, Membership.user_id == User.id)
    mine = theirs.where(Membership.tenant == tenant, Membership.role.in_(READERS))
    return db.session.scalars(mine.order_by(Membership.created_at, User.id)).all()


def day(at: datetime) -> str:
    """ "5 December 2026, 09:30 UTC": people read it in their own zone."""
    return f"{at:%-d %B %Y, %H:%M} UTC"
