"""Who belongs to a tenant, and as what."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers


class Role(StrEnum):
    OWNER = "owner"
    MEMBER = "member"


class Membership(Base):
    __tablename__ = "memberships"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(refers("users"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(sa.Enum(Role, native_enum=False, length=16, values_callable=list))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
