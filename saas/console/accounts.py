"""One tenant as the back office sees it, from the platform's tables; the tenant itself is not entered."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.entitlement import access
from billing.errors import NoSubscription
from billing.ledger import Flag, Grant, Override
from billing.mirrored import flags, mirror
from billing.models import PAYING, Invoice, Subscription
from saas.accounts.models import User
from saas.console import listing
from saas.console.models import Note
from saas.core import hosts
from saas.core.database import db
from tenants.errors import UnknownTenant
from tenants.members.models import Membership
from tenants.models import State, Tenant

_USER = re.compile(r"user:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    address: str
    state: str
    status: str  # one of listing.STATUSES
    plan: str
    plan_version: int
    standing: str
    opened_at: datetime | None
    suspended_at: datetime | None
    suspended_text: str | None  # what visitors read
    subscription: Subscription | None  # the one that counts, or the last that did
    grant: Grant | None  # a plan given for nothing, while it lasts
    limits: Mapping[str, int | None]  # as in `tenants.limits`
    overrides: Sequence[Override]  # limits that are not the plan's, while they last
    balance: int  # at Stripe, in the minor unit; below zero: credit
    invoices: Sequence[Invoice]  # the newest
    flags: Sequence[Flag]  # that nobody has cleared

    @property
    def url(self) -> str:
        return hosts.workspace_url(self.address)

    @property
    def subscribed(self) -> bool:
        return self.subscription is not None and self.subscription.live

    @property
    def live(self) -> Subscription:
        """The subscription that is to be changed. Raises NoSubscription."""
        if self.subscription is None or not self.subscription.live:
            raise NoSubscription
        return self.subscription

    @property
    def pays(self) -> bool:
        """Whether the subscription's plan is in force where none is given."""
        return self.subscription is not None and self.subscription.status in PAYING

    @property
    def refundable(self) -> list[Invoice]:
        return [invoice for invoice in self.invoices if invoice.refundable]


def get(tenant_id: str) -> Account:
    """Raises UnknownTenant."""
    columns = (
        Tenant.state,
        Tenant.limits,
        Tenant.plan,
        Tenant.plan_version,
        Tenant.standing,
        Tenant.opened_at,
        Tenant.suspended_at,
    )
    query = sa.select(
        Tenant.id, Tenant.name, Tenant.address, listing.status().label("status"),
        Tenant.suspended_reason.label("suspended_text"), *columns,
    ).where(Tenant.id == tenant_id, Tenant.state != State.SPARE)  # fmt: skip
    if (row := db.session.execute(query).one_or_none()) is None:
        raise UnknownTenant
    customer = mirror.customer_of(tenant_id)
    billed: dict[str, Any] = {
        "overrides": access.overrides_of(tenant_id),
        "balance": customer.balance if customer else 0,
        "subscription": mirror.subscription_of(tenant_id),
        "grant": access.grant_of(tenant_id),
        "invoices": mirror.invoices_of(tenant_id),
        "flags": flags.open_of(tenant_id),
    }
    return Account(**row._asdict(), **billed)


def people(tenant_id: str) -> Sequence[Any]:
    """Its members, the oldest first: rows with email, name, confirmed, role, created_at."""
    query = (
        sa.select(
            User.email, User.name, User.confirmed_at.is_not(None).label("confirmed"),
            Membership.role, Membership.created_at,
        )
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant == tenant_id)
        .order_by(Membership.created_at, User.id)
    )  # fmt: skip
    return db.session.execute(query).all()


def add_note(tenant_id: str, text: str, actor: str) -> None:
    """Raises UnknownTenant."""
    db.session.add(Note(tenant=get(tenant_id).id, actor=actor, text=text))


def names(actors: Iterable[str]) -> dict[str, str]:
    """How people read "user:<id>": the email, for those who are still there."""
    known = (_USER.fullmatch(actor) for actor in actors)
    ids = {UUID(found[1]) for found in known if found}
    if not ids:
        return {}
    rows = db.session.execute(sa.select(User.id, User.email).where(User.id.in_(ids)))
    return {f"user:{user_id}": email for user_id, email in rows}
