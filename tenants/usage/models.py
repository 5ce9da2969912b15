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


class UsageBatch(Base):
    """A flush of one process' counts; its id keeps a repeat from counting twice."""

    __tablename__ = "usage_batches"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
