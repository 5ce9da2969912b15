"""How much of each limited resource a tenant uses."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers
from tenants.usage.limits import LONGEST_NAME


class Usage(Base):
    __tablename__ = "usage"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    resource: Mapped[str] = mapped_column(sa.String(LONGEST_NAME), primary_key=True)  # a limit's
    period: Mapped[str] = mapped_column(sa.String(7), primary_key=True)  # "2026-11" of a flow, "" of a stock
    used: Mapped[int] = mapped_column(sa.BigInteger)


class UsageHour(Base):
    """How much of a flow was used in one hour, and how much of that billing has told those who charge for it."""

    __tablename__ = "usage_hours"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    resource: Mapped[str] = mapped_column(sa.String(LONGEST_NAME), primary_key=True)  # a limit's
    hour: Mapped[datetime] = mapped_column(primary_key=True, index=True)  # as it began
    used: Mapped[int] = mapped_column(sa.BigInteger)
    sent: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    sending: Mapped[int | None] = mapped_column(sa.BigInteger)  # what `sent` will be; None: nobody is sending it
    sending_at: Mapped[datetime | None]
    waived: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")  # what counts for no present price


class UsageBatch(Base):
    """A flush of one process' counts; its id keeps a repeat from counting twice."""

    __tablename__ = "usage_batches"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
