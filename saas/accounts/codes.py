"""Single-use codes: issued to one person for one purpose, redeemed once."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from saas.accounts.errors import UnusableCode
from saas.accounts.models import Code, Purpose
from saas.core import tokens
from saas.core.database import db

LIFETIME = {
    Purpose.CONFIRM: timedelta(hours=72),
    Purpose.RESET: timedelta(hours=1),
    Purpose.PASS: timedelta(seconds=30),
    Purpose.LINK: timedelta(minutes=15),
}

_SENTENCE = {
    Purpose.CONFIRM: "It was used already, so your email is confirmed, or it is older than 72 hours: ask for another.",
    Purpose.RESET: "It was used already or is older than an hour. Ask for a new one.",
    Purpose.PASS: "Passing the sign-in on took too long. Open the workspace again.",
    Purpose.LINK: "It was used already or is older than 15 minutes. Make a new one with `saas users link`.",
}
_ACTION = {Purpose.RESET: ("Ask for a new link", "/forgot"), Purpose.CONFIRM: ("Your workspaces", "/workspaces?all=1")}


def issue(
    purpose: Purpose,
    user_id: UUID,
    *,
    session_id: UUID | None = None,
    tenant: str | None = None,
    nonce_digest: bytes | None = None,
) -> str:
    """Returns the secret; only its digest is stored."""
    secret = tokens.new()
    db.session.add(
        Code(
            digest=tokens.digest(secret),
            purpose=purpose,
            user_id=user_id,
            session_id=session_id,
            tenant=tenant,
            nonce_digest=nonce_digest,
            expires_at=sa.func.now() + LIFETIME[purpose],
        )
    )
    return secret


def peek(purpose: Purpose, secret: str) -> Code:
    """The code while it is good, without using it up. Raises UnusableCode."""
    if found := db.session.scalar(sa.select(Code).where(*_good(purpose, secret))):
        return found
    raise _unusable(purpose)


def redeem(purpose: Purpose, secret: str) -> Code:
    """Use the code up; of two at the same moment one gets it. Raises UnusableCode."""
    statement = sa.delete(Code).where(*_good(purpose, secret)).returning(Code)
    if found := db.session.scalars(statement).one_or_none():
        return found
    raise _unusable(purpose)


def withdraw(purpose: Purpose, user_id: UUID) -> None:
    """Make all of a person's codes for a purpose worthless."""
    db.session.execute(sa.delete(Code).where(Code.purpose == purpose, Code.user_id == user_id))


def withdraw_passes(tenant: str, user_id: UUID) -> None:
    """Of one who is on their way into a workspace that they don't belong to any more."""
    db.session.execute(
        sa.delete(Code).where(Code.purpose == Purpose.PASS, Code.user_id == user_id, Code.tenant == tenant)
    )


def _good(purpose: Purpose, secret: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (Code.digest == tokens.digest(secret), Code.purpose == purpose, Code.expires_at > sa.func.now())


def _unusable(purpose: Purpose) -> UnusableCode:
    return UnusableCode(_SENTENCE[purpose], action=_ACTION.get(purpose))
