"""People: who they are, where they are signed in, and the single-use codes sent to them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers
from saas.core.ids import uuid7

LONGEST_AGENT = 200  # characters


class User(Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)  # normalised, in lower case
    name: Mapped[str | None] = mapped_column(sa.String(200))
    password_hash: Mapped[str | None]  # None: can't sign in by password
    confirmed_at: Mapped[datetime | None]
    operator: Mapped[bool] = mapped_column(default=False)  # may enter the back office
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class SignIn(Base):
    """One browser's session: on the bare host, or, with a parent, on a workspace's."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(refers("users"), index=True)
    secret_digest: Mapped[bytes] = mapped_column(unique=True)
    parent_id: Mapped[UUID | None] = mapped_column(refers("sessions"), index=True)
    tenant: Mapped[str | None]  # whose workspace's cookie it is; None on the bare host
    user_agent: Mapped[str | None] = mapped_column(sa.String(LONGEST_AGENT))  # the header, cut off
    network: Mapped[str | None] = mapped_column(sa.String(45))  # it was seen from last, as in core/attempts
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())  # right to some minutes
    expires_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]  # when it was last asked for and given
    second_factor_digest: Mapped[bytes | None]  # of the cookie that shows that it was this browser


class Purpose(StrEnum):
    CONFIRM = "confirm"  # proves the email address
    RESET = "reset"  # sets a new password
    PASS = "pass"  # noqa: S105  carries a sign-in from the bare host to a workspace
    LINK = "link"  # opens signed in; made on the command line


class Code(Base):
    """A secret that works once, for one purpose, until it expires."""

    __tablename__ = "codes"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(sa.Enum(Purpose, native_enum=False, length=16, values_callable=list))
    user_id: Mapped[UUID] = mapped_column(refers("users"), index=True)
    session_id: Mapped[UUID | None] = mapped_column(refers("sessions"), index=True)
    tenant: Mapped[str | None]
    nonce_digest: Mapped[bytes | None]  # of the cookie that must come with a pass
    expires_at: Mapped[datetime]
