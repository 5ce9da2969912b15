"""Recovery codes: each stands in for the app once."""

import re
import secrets
from uuid import UUID

import sqlalchemy as sa

from saas.accounts.second_factor.errors import WrongCode
from saas.accounts.second_factor.models import RecoveryCode
from saas.core import audit, tokens
from saas.core.database import db

HOW_MANY = 10
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def new(user_id: UUID) -> list[str]:
    """Made and returned once; only digests are stored. Each has 80 random bits, so a plain digest keeps it."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(HOW_MANY)]
    db.session.add_all(RecoveryCode(digest=tokens.digest(code), user_id=user_id) for code in codes)
    return ["-".join(re.findall("....", code)) for code in codes]


def renew(user_id: UUID) -> list[str]:
    """New ones in place of what is left of the old."""
    withdraw(user_id)
    audit.record("user.recovery-codes-renewed", actor=f"user:{user_id}", tenant=None)
    return new(user_id)


def use(user_id: UUID, code: str) -> int:
    """Use one up; of two at the same moment one does. Returns how many are left. Raises WrongCode."""
    mine = (RecoveryCode.user_id == user_id, RecoveryCode.digest == tokens.digest(code))
    if db.session.scalar(sa.delete(RecoveryCode).where(*mine).returning(RecoveryCode.user_id)) is None:
        raise WrongCode
    audit.record("user.recovery-code-used", actor=f"user:{user_id}", tenant=None)
    return left(user_id)


def left(user_id: UUID) -> int:
    mine = sa.select(sa.func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)
    return db.session.scalar(mine) or 0


def withdraw(user_id: UUID) -> None:
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
