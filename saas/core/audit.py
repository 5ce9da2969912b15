"""What was done, by whom: rows that are only ever added."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, db
from saas.core.ids import uuid7


class AuditEntry(Base):
    __tablename__ = "audit"
    __table_args__ = (sa.Index("audit_tenant_ix", "tenant", "id"), sa.Index("audit_actor_ix", "actor", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    tenant: Mapped[str | None] = mapped_column(sa.String(18))
    actor: Mapped[str]  # "user:<id>", "key:<id>" or "system"
    action: Mapped[str] = mapped_column(sa.String(60))  # "tenant.opened"
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)


def record(action: str, *, actor: str, tenant: str | None, **detail: Any) -> None:
    """Add a row in the caller's transaction."""
    db.session.add(AuditEntry(action=action, actor=actor, tenant=tenant, detail=detail))
