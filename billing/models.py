"""What billing knows: whom it asks to pay, what Stripe said last, and why each tenant may do what it may."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers
from saas.core.ids import uuid7

STRIPE_ID = sa.String(255)


class CheckoutState(StrEnum):
    STARTING = "starting"  # the intent: Stripe may or may not have heard of it
    OPEN = "open"  # somebody can pay
    COMPLETE = "complete"
    EXPIRED = "expired"  # too late, or given up for another
    FAILED = "failed"


class Customer(Base):
    """Who pays for a tenant. The row is the intent: its id is the idempotency key of the one at Stripe."""

    __tablename__ = "customers"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    id: Mapped[UUID] = mapped_column(default=uuid7, unique=True)
    stripe_id: Mapped[str | None] = mapped_column(STRIPE_ID, unique=True)
    livemode: Mapped[bool]
    email: Mapped[str] = mapped_column(sa.String(254))
    name: Mapped[str] = mapped_column(sa.String(120))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Checkout(Base):
    """A wish to pay for a plan; its id is the idempotency key of the session at Stripe."""

    __tablename__ = "checkouts"
    __table_args__ = (
        sa.Index("checkouts_live_ix", "tenant", unique=True, postgresql_where=sa.text("state IN ('starting', 'open')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    plan: Mapped[str] = mapped_column(sa.String(32))
    interval: Mapped[str] = mapped_column(sa.String(8))
    trial_days: Mapped[int]
    state: Mapped[CheckoutState] = mapped_column(
        sa.Enum(CheckoutState, native_enum=False, length=16, values_callable=list), default=CheckoutState.STARTING
    )
    session_id: Mapped[str | None] = mapped_column(STRIPE_ID, unique=True)
    url: Mapped[str | None]  # where to pay, while it is open
    return_url: Mapped[str]
    actor: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    ended_at: Mapped[datetime | None]


class Subscription(Base):
    """As Stripe described it last. `fetched_at` is when it was asked: an older answer never replaces a newer."""

    __tablename__ = "subscriptions"

    id: Mapped[str] = mapped_column(STRIPE_ID, primary_key=True)
    tenant: Mapped[str] = mapped_column(refers("tenants"), index=True)
    status: Mapped[str] = mapped_column(sa.String(32))  # in Stripe's words
    plan: Mapped[str | None] = mapped_column(sa.String(32))  # None: of a price that is not ours
    interval: Mapped[str | None] = mapped_column(sa.String(8))
    item: Mapped[str] = mapped_column(STRIPE_ID)
    amount: Mapped[int]  # in the currency's minor unit, for one interval
    currency: Mapped[str] = mapped_column(sa.String(3))
    livemode: Mapped[bool]
    started_at: Mapped[datetime]
    period_end: Mapped[datetime | None]  # the next charge, or the end
    trial_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime]

    @property
    def live(self) -> bool:
        """Whether it is the tenant's subscription still, paid or to be paid."""
        return self.status in LIVE


LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
PAYING = ("trialing", "active", "past_due")  # while these last the plan is the tenant's
OVERDUE = ("past_due", "unpaid")


class Invoice(Base):
    """As Stripe described it last; amounts are in the currency's minor unit."""

    __tablename__ = "invoices"
    __table_args__ = (sa.Index("invoices_tenant_ix", "tenant", "created_at"),)

    id: Mapped[str] = mapped_column(STRIPE_ID, primary_key=True)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    subscription: Mapped[str | None] = mapped_column(STRIPE_ID)
    number: Mapped[str | None] = mapped_column(sa.String(64))
    status: Mapped[str] = mapped_column(sa.String(32))  # in Stripe's words
    currency: Mapped[str] = mapped_column(sa.String(3))
    total: Mapped[int]
    due: Mapped[int]  # what remains to be paid
    paid: Mapped[int]
    refunded: Mapped[int]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    payment: Mapped[str | None] = mapped_column(STRIPE_ID, index=True)  # the payment intent that a refund names
    page_url: Mapped[str | None]
    pdf_url: Mapped[str | None]
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime]

    @property
    def refundable(self) -> int:
        return max(self.paid - self.refunded, 0) if self.payment else 0


class StripeEvent(Base):
    """A webhook as it came, once."""

    __tablename__ = "stripe_events"

    id: Mapped[str] = mapped_column(STRIPE_ID, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(100))
    livemode: Mapped[bool]
    payload: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), index=True)
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(sa.String(40))  # "stored", "not ours", "unknown customer"
    tenant: Mapped[str | None] = mapped_column(refers("tenants"))


class Grant(Base):
    """A plan that an admin gives for nothing; while it is live it goes before what is paid for."""

    __tablename__ = "grants"
    __table_args__ = (sa.Index("grants_live_ix", "tenant", unique=True, postgresql_where=sa.text("ended_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    plan: Mapped[str] = mapped_column(sa.String(32))
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
