"""Who belongs to a tenant, and as what; who is invited to."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers
from saas.core.ids import uuid7


class Role(StrEnum):
    """What each may do says the table in `permissions`."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    EDITOR = "editor"
    VIEWER = "viewer"
    BILLING = "billing"


class Membership(Base):
    __tablename__ = "memberships"

    tenant: Mapped[str] = mapped_column(refers("tenants"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(refers("users"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(sa.Enum(Role, native_enum=False, length=16, values_callable=list))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Invitation(Base):
    """Sent to one address; its link is a secret of which only the digest is kept."""

    __tablename__ = "invitations"
    __table_args__ = (
        sa.Index(
            "invitations_open_key",
            "tenant",
            "email",
            unique=True,
            postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant: Mapped[str] = mapped_column(refers("tenants"))
    email: Mapped[str] = mapped_column(sa.String(254))  # normalised, in lower case
    role: Mapped[Role] = mapped_column(sa.Enum(Role, native_enum=False, length=16, values_callable=list))
    secret_digest: Mapped[bytes] = mapped_column(unique=True)
    invited_by: Mapped[UUID] = mapped_column(refers("users"), index=True)  # who sent it last
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    sent_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
