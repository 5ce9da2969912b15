"""API keys, in the tenant's own schema."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.ids import uuid7
from tenants.isolation import TenantBase
from tenants.members.models import Role


class ApiKey(TenantBase):
    __tablename__ = "fh_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    label: Mapped[str] = mapped_column(sa.String(80))
    secret_digest: Mapped[bytes] = mapped_column(unique=True)
    hint: Mapped[str] = mapped_column(sa.String(8))  # the secret's last characters, to tell keys apart
    created_by: Mapped[str]  # "user:<id>"
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    last_used_at: Mapped[datetime | None]  # right to the minute
    revoked_at: Mapped[datetime | None]
    role: Mapped[Role] = mapped_column(
        sa.Enum(Role, native_enum=False, length=16, values_callable=list), server_default=Role.EDITOR.value
    )
