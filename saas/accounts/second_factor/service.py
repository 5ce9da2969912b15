"""Second factors: an authenticator app's codes and, in its place, recovery codes. Each works once."""

import re
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from saas.accounts import sessions
from saas.accounts.models import SignIn, User
from saas.accounts.second_factor import recovery, totp
from saas.accounts.second_factor.errors import UnreadableFactor, WrongCode
from saas.accounts.second_factor.models import SecondFactor, context
from saas.core import attempts, audit, crypto, text, tokens
from saas.core.database import db
from saas.core.identity import Person

FRESH = timedelta(hours=12)  # how long a session that has given it is not asked again


def enrolled(user_id: UUID) -> bool:
    return db.session.get(SecondFactor, user_id) is not None


def fresh(session_id: UUID, proof: str) -> bool:
    """Whether this session has given a code lately; `proof` is what `mark` returned then."""
    given = (SignIn.second_factor_at > sa.func.now() - FRESH, SignIn.second_factor_digest == tokens.digest(proof))
    return db.session.scalar(sa.select(SignIn.id).where(SignIn.id == session_id, *given)) is not None


def give(person: Person, code: str) -> int | None:
    """Check a code and use it up; returns how many recovery codes are left when it was one of those.

    Raises WrongCode, TooManyAttempts, and UnreadableFactor.
    """
    attempts.count("second-factor", str(person.id), limit=10, seconds=3600)
    attempts.count("second-factor-day", str(person.id), limit=30, seconds=86400)
    bare = text.bare(code)
    if not re.fullmatch(r"[0-9]{6}", bare):
        return recovery.use(person.id, bare)
    _use(person.id, bare)
    return None


def mark(session_id: UUID) -> str:
    """Note that the session has given its factor.

    Returns a secret for a cookie beside the session's, so that a session's cookie stolen before does not rise with it.
    """
    proof = tokens.new()
    values = {"second_factor_at": sa.func.now(), "second_factor_digest": tokens.digest(proof)}
    db.session.execute(sa.update(SignIn).where(SignIn.id == session_id).values(**values))
    return proof


def reset(user: User, actor: str) -> bool:
    """Take somebody's factor and recovery codes away and sign them out everywhere; False if there was none.

    They set it up anew after their password: a session that somebody else holds must not get there first.
    """
    mine = sa.delete(SecondFactor).where(SecondFactor.user_id == user.id)
    gone = db.session.scalar(mine.returning(SecondFactor.user_id)) is not None
    recovery.withdraw(user.id)
    sessions.end_all(user.id)
    if gone:
        audit.record("user.second-factor-reset", actor=actor, tenant=None, user=str(user.id))
    return gone


def _use(user_id: UUID, code: str) -> None:
    factor = db.session.get(SecondFactor, user_id)
    step = totp.matching_step(_secret_of(factor), code) if factor else None
    if step is None:
        raise WrongCode
    used = sa.update(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
    if db.session.scalar(used.values(last_step=step).returning(SecondFactor.user_id)) is None:
        raise WrongCode  # it was used before, here or by somebody who looked over a shoulder


def _secret_of(factor: SecondFactor) -> str:
    try:
        return crypto.unseal(factor.secret, context(factor.user_id))
    except crypto.SealBroken:
        raise UnreadableFactor from None
