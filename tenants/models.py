"""Tenants: one row a business, and one a spare schema that waits for a business."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers

FREE = "free"  # the plan of those who pay nothing


class State(StrEnum):
    SPARE = "spare"  # a schema without a business
    PREPARING = "preparing"  # a business whose schema a worker is building
    ACTIVE = "active"


class Standing(StrEnum):
    """How the account stands with billing, which `tenants/admission.py` holds requests against."""

    GOOD = "good"
    PAST_DUE = "past_due"  # everything works, and a banner tells of it
    READ_ONLY = "read_only"  # nothing can be added or changed; what is there can be read and deleted
    SUSPENDED = "suspended"  # only payments and usage are open


class Tenant(Base):
    __tablename__ = "tenants"
    __table_args__ = (
        sa.CheckConstraint("(state = 'spare') = (address IS NULL)", name="address"),
        sa.CheckConstraint("(state = 'preparing') = (revision IS NULL)", name="revision"),
        sa.Index("tenants_spare_ix", "id", postgresql_where=sa.text("state = 'spare'")),
        sa.Index("tenants_preparing_ix", "opened_at", "id", postgresql_where=sa.text("state = 'preparing'")),
    )

    id: Mapped[str] = mapped_column(sa.String(18), primary_key=True)  # also the name of its schema and role
    state: Mapped[State] = mapped_column(sa.Enum(State, native_enum=False, length=16, values_callable=list))
    revision: Mapped[str | None] = mapped_column(sa.String(32))  # of its schema; None: there is no schema yet
    module_revisions: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")  # of its modules' tables
    name: Mapped[str | None] = mapped_column(sa.String(120))
    address: Mapped[str | None] = mapped_column(sa.String(40), unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    opened_at: Mapped[datetime | None]  # when the business signed up
    plan: Mapped[str] = mapped_column(sa.String(32), server_default=FREE)  # its code in billing's catalogue
    plan_version: Mapped[int] = mapped_column(server_default="1")
    # What the plan allows, by the limit's name; null: no limit. Billing writes it. One that is missing has its default.
    limits: Mapped[dict[str, int | None]] = mapped_column(JSONB, server_default="{}")
    standing: Mapped[Standing] = mapped_column(
        sa.Enum(Standing, native_enum=False, length=16, values_callable=list), server_default=Standing.GOOD.value
    )
    standing_until: Mapped[datetime | None]  # when the standing becomes the next worse one, if nobody pays
    suspended_at: Mapped[datetime | None]
    suspended_reason: Mapped[str | None] = mapped_column(sa.String(500))  # shown to whoever meets the closed door


class Canary(Base):
    """Marks one of the isolation probe's two tenants, which are nobody's business (tenants/probe)."""

    __tablename__ = "canaries"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    sign: Mapped[str] = mapped_column(sa.String(32))  # random; all that it holds says it
    entry: Mapped[bytes | None]  # the secrets of its owner's sessions and of its key, sealed


def is_business() -> sa.ColumnElement[bool]:
    """The condition that a tenant is to be listed, counted and cleared away like any other: it is no canary."""
    return ~sa.exists().where(Canary.tenant == Tenant.id).correlate(Tenant)
