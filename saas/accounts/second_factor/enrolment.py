"""Setting up an authenticator app."""

import base64
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert

from saas.accounts.second_factor import recovery, totp
from saas.accounts.second_factor.errors import AlreadyEnrolled, StaleEnrolment, WrongCode
from saas.accounts.second_factor.models import SecondFactor, context
from saas.core import audit, crypto, text
from saas.core.database import db
from saas.core.identity import Person


@dataclass(frozen=True)
class Enrolment:
    """A secret on its way into an app. Until a code of it comes back it is stored nowhere but, sealed, in the form."""

    secret: str  # in base32, for people who can't scan
    sealed: str  # opens in the session that it was made in
    url: str  # otpauth://…, which the QR code holds


def propose(person: Person) -> Enrolment:
    """A new secret for somebody who has none yet."""
    return _enrolment(person, totp.new_secret())


def resume(person: Person, sealed: str) -> Enrolment:
    """The one that a form was made with. Raises StaleEnrolment."""
    try:
        secret = crypto.unseal(base64.urlsafe_b64decode(sealed.encode()), _travel(person))
    except ValueError:  # SealBroken, or no base64
        raise StaleEnrolment from None
    return _enrolment(person, secret)


def enrol(person: Person, enrolment: Enrolment, code: str) -> list[str]:
    """Keep the secret whose code came back; returns the recovery codes, which are not shown again.

    Raises WrongCode, and AlreadyEnrolled: a factor is replaced on the command line only.
    """
    step = totp.matching_step(enrolment.secret, text.bare(code))
    if step is None:
        raise WrongCode
    sealed = crypto.seal(enrolment.secret, context(person.id))
    kept = insert(SecondFactor).values(user_id=person.id, secret=sealed, last_step=step).on_conflict_do_nothing()
    if db.session.scalar(kept.returning(SecondFactor.user_id)) is None:
        raise AlreadyEnrolled
    audit.record("user.second-factor-added", actor=f"user:{person.id}", tenant=None)
    return recovery.new(person.id)


def _enrolment(person: Person, secret: str) -> Enrolment:
    sealed = base64.urlsafe_b64encode(crypto.seal(secret, _travel(person))).decode()
    return Enrolment(secret, sealed, totp.url(secret, person.email))


def _travel(person: Person) -> str:
    return f"enrolment in session {person.session_id}"
