"""What billing knows: whom it asks to pay, what Stripe said last, and why each tenant may do what it may."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
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


LIVE_CHECKOUT = (CheckoutState.STARTING, CheckoutState.OPEN)


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
    currency: Mapped[str | None] = mapped_column(sa.String(3))  # None: nothing was ever paid
    balance: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")  # below zero: credit for the next invoices
    card_brand: Mapped[str | None] = mapped_column(sa.String(32))
    card_last4: Mapped[str | None] = mapped_column(sa.String(4))
    card_expires: Mapped[str | None] = mapped_column(sa.String(7))  # "2034-12"
    # What use beyond the included amount may cost in a period; None: at the included amount it ends.
    spending_cap: Mapped[int | None] = mapped_column(sa.BigInteger)
    clock_at: Mapped[datetime | None]  # the time of Stripe's test clock, where it has one
    deleted_at: Mapped[datetime | None]  # at Stripe
    acting: Mapped[UUID | None]  # what is being done at Stripe just now: one thing at a time
    acting_until: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]


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
    version: Mapped[int] = mapped_column(server_default="1")
    currency: Mapped[str] = mapped_column(sa.String(3), server_default="usd")
    seats: Mapped[int] = mapped_column(server_default="0")  # beyond the included ones, for those who are there
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
    version: Mapped[int | None]  # of the plan
    period_start: Mapped[datetime | None]
    monthly: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")  # recurring revenue of a month
    seat_item: Mapped[str | None] = mapped_column(STRIPE_ID)
    seats: Mapped[int] = mapped_column(server_default="0")  # beyond the included ones, as the next renewal charges
    seats_paid: Mapped[int] = mapped_column(server_default="0")  # of them, until the time below
    seats_paid_until: Mapped[datetime | None]
    metered_since: Mapped[datetime | None]
    metered_item: Mapped[str | None] = mapped_column(STRIPE_ID)
    schedule: Mapped[str | None] = mapped_column(STRIPE_ID)  # of the change below
    next_plan: Mapped[str | None] = mapped_column(sa.String(32))
    next_version: Mapped[int | None]
    next_interval: Mapped[str | None] = mapped_column(sa.String(8))
    next_at: Mapped[datetime | None]
    discount: Mapped[str | None] = mapped_column(sa.String(200))  # as people read it
    own_price: Mapped[bool] = mapped_column(
        server_default=sa.false()
    )  # the discount is what an admin gave for this plan
    cancel_reason: Mapped[str | None] = mapped_column(sa.String(500))

    @property
    def live(self) -> bool:
        """Whether it is the tenant's subscription still, paid or to be paid."""
        return self.status in LIVE


LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
PAYING = ("trialing", "active", "past_due", "unpaid")  # while these last the plan is the tenant's
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
    subtotal: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    customer: Mapped[str | None] = mapped_column(STRIPE_ID)  # at Stripe, who is to pay it
    discount: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    tax: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    credited: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")  # by credit notes
    reason: Mapped[str | None] = mapped_column(sa.String(40))  # why there is one, in Stripe's words
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    confirm: Mapped[bool] = mapped_column(server_default=sa.false())  # the bank asks the payer, on `page_url`
    disputed: Mapped[bool] = mapped_column(server_default=sa.false())
    failed: Mapped[bool] = mapped_column(server_default=sa.false())  # a payment of it has, though it may be paid since

    @property
    def refundable(self) -> int:
        return max(self.paid - self.refunded, 0) if self.payment else 0


# Of two that were made in one second the number tells which came first; a draft, which has none yet, is the newest.
OLDEST_FIRST = (Invoice.created_at, Invoice.number, Invoice.id)
NEWEST_FIRST = tuple(column.desc() for column in OLDEST_FIRST)


class StripeEvent(Base):
    """A webhook as it came, once."""

    __tablename__ = "stripe_events"
    __table_args__ = (sa.Index("stripe_events_open_ix", "received_at", postgresql_where=sa.text("handled_at IS NULL")),)

    id: Mapped[str] = mapped_column(STRIPE_ID, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(100))
    livemode: Mapped[bool]
    payload: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), index=True)
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(sa.String(40))  # "stored" or another of those in billing.events
    created_at: Mapped[datetime | None]  # at Stripe
    object_id: Mapped[str | None] = mapped_column(STRIPE_ID)
    tenant: Mapped[str | None] = mapped_column(refers("tenants"))
