"""What is kept of a person's second factor."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers


class SecondFactor(Base):
    """An authenticator app's secret, sealed (`saas/core/crypto.py`). Confirmed by a code before it is stored."""

    __tablename__ = "second_factors"

    user_id: Mapped[UUID] = mapped_column(refers("users"), primary_key=True)
    secret: Mapped[bytes]
    last_step: Mapped[int] = mapped_column(sa.BigInteger)  # of the newest code that was used; older ones are refused
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class RecoveryCode(Base):
    """Stands in for the app, once: its row goes as it is used."""

    __tablename__ = "recovery_codes"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(refers("users"), index=True)


def context(user_id: UUID) -> str:
    """What a secret is sealed for: it opens in nobody else's row."""
    return f"second factor of {user_id}"
