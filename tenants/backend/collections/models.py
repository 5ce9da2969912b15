"""The catalogue of a tenant's collections, in its own schema."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.ids import uuid7
from tenants.isolation import TenantBase


class CatalogueEntry(TenantBase):
    """One collection. Its fields are a list in the row, since each table more costs every backend memory per tenant."""

    __tablename__ = "fh_collections"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(sa.String(48), unique=True)  # also the table's
    label: Mapped[str] = mapped_column(sa.String(80))
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # [{"name", "kind", "required"}], in column order
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
