"""What we have decided about tenants and told them: plans that were published or given, why access changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from billing.models import STRIPE_ID
from saas.core.database import Base, refers
from saas.core.ids import uuid7


class Grant(Base):
    """A plan that an admin gives for nothing; while it is live it goes before what is paid for."""

    __tablename__ = "grants"
    __table_args__ = (sa.Index("grants_live_ix", "tenant", unique=True, postgresql_where=sa.text("ended_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    plan: Mapped[str] = mapped_column(sa.String(32))
    version: Mapped[int] = mapped_column(server_default="1")
    until: Mapped[datetime | None]  # None: until somebody ends it
    reason: Mapped[str] = mapped_column(sa.String(500))
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    ended_at: Mapped[datetime | None]


class AccessChange(Base):
    """Why a tenant may do what it may since a moment: by an event of Stripe's, a person or a rule."""

    __tablename__ = "access_changes"
    __table_args__ = (sa.Index("access_changes_tenant_ix", "tenant", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    cause: Mapped[str] = mapped_column(sa.String(16))  # "event", "person" or "rule"
    source: Mapped[str] = mapped_column(STRIPE_ID)  # the event's id, the person, or the rule's name
    rule: Mapped[str] = mapped_column(sa.String(40))  # what the plan rests on: "grant", "subscription" or "free"
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # as `after`; None at first
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)  # plan, limits, standing


class PublishedPlan(Base):
    """A version of a plan as it was when it went to Stripe first: from then on it must not be altered."""

    __tablename__ = "plans"

    code: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(sa.String(64))
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    published_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    archived_at: Mapped[datetime | None]


class Override(Base):
    """Another limit than the plan's, given to one tenant by an admin."""

    __tablename__ = "overrides"
    __table_args__ = (
        sa.Index("overrides_live_ix", "tenant", "resource", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    resource: Mapped[str] = mapped_column(sa.String(40))  # a limit's name
    value: Mapped[int | None] = mapped_column(sa.BigInteger)  # None: no limit
    until: Mapped[datetime | None]  # None: until somebody ends it
    reason: Mapped[str] = mapped_column(sa.String(500))
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    ended_at: Mapped[datetime | None]


class Trial(Base):
    """A mark of who has had a trial: an address, a domain or a card, each as a keyed digest only."""

    __tablename__ = "trials"

    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)  # "address", "domain" or "card"
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    tenant: Mapped[str | None] = mapped_column(refers("tenants", "SET NULL"))
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Notice(Base):
    """Something that was told to a tenant's people, and is not told twice."""

    __tablename__ = "billing_notices"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40), primary_key=True)  # "trial-ends", "payment-failed", "usage-80", …
    about: Mapped[str] = mapped_column(STRIPE_ID, primary_key=True)  # an invoice, a subscription, a period
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Flag(Base):
    """Something about a tenant's payments that an admin should look at."""

    __tablename__ = "billing_flags"
    __table_args__ = (sa.UniqueConstraint("kind", "about"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(40))  # "dispute", "refund", "customer-deleted", …
    about: Mapped[str] = mapped_column(STRIPE_ID)
    text: Mapped[str] = mapped_column(sa.String(500))
    raised_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None]


class MrrChange(Base):
    """What a tenant pays by the month was another amount before; docs/revenue.md defines each kind."""

    __tablename__ = "mrr_changes"
    __table_args__ = (sa.Index("mrr_changes_tenant_ix", "tenant", "at"), sa.Index("mrr_changes_at_ix", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(sa.String(16))  # one of billing.mrr.Kind
    plan: Mapped[str] = mapped_column(sa.String(32))
    currency: Mapped[str] = mapped_column(sa.String(3))
    before: Mapped[int] = mapped_column(sa.BigInteger)  # in the minor unit
    after: Mapped[int] = mapped_column(sa.BigInteger)
    subscription: Mapped[str] = mapped_column(STRIPE_ID)
    plan_before: Mapped[str] = mapped_column(sa.String(32))  # what `before` was paid for; else the same as `plan`
    livemode: Mapped[bool]
