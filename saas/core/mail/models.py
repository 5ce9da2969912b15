"""Mails: each is a row with a state before it is anything else."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base
from saas.core.ids import uuid7


class MailState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    KEPT = "kept"  # no SMTP server is set: it can be read in the development mailbox


class Mail(Base):
    __tablename__ = "mails"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    to: Mapped[str] = mapped_column(sa.String(254))
    subject: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str | None]  # None once it is sent, since it may carry a secret link
    state: Mapped[MailState] = mapped_column(
        sa.Enum(MailState, native_enum=False, length=16, values_callable=list), default=MailState.WAITING
    )
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    sent_at: Mapped[datetime | None]
