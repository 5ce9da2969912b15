"""What operators note about tenants, and what they have begun to do."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers
from saas.core.ids import uuid7


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = (sa.Index("notes_tenant_ix", "tenant", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    actor: Mapped[str]  # "user:<id>"
    text: Mapped[str] = mapped_column(sa.String(2000))
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Operation(Base):
    """One form that was sent. Its id is the form's own, so that a second click finds the first one's row."""

    __tablename__ = "operations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(sa.String(60))
    subject: Mapped[str] = mapped_column(sa.String(80))  # what it was done to: a tenant's id
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    done_at: Mapped[datetime | None]  # None: under way, or it failed after a call to the outside
