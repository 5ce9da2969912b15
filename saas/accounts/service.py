"""What people do with their accounts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from saas.accounts import codes, passwords, sessions
from saas.accounts.errors import BadCredentials, EmailTaken
from saas.accounts.models import Purpose, User
from saas.core import audit, hosts, mail
from saas.core.database import db, violated
from saas.core.errors import NotFound


def register(email: str, password: str, *, name: str | None = None) -> User:
    """Add a person. Raises EmailTaken, after which the transaction is to be rolled back."""
    user = User(email=email, password_hash=passwords.make(password), name=name)
    db.session.add(user)
    try:
        db.session.flush()  # for the email's unique constraint, which settles who was first
    except IntegrityError as error:
        if violated(error) == "users_email_key":
            raise EmailTaken from None
        raise
    return user


def authenticate(email: str, password: str) -> User:
    """Raises BadCredentials."""
    user = db.session.scalar(sa.select(User).where(User.email == email))
    if not passwords.matches(user.password_hash if user else None, password) or user is None:
        raise BadCredentials
    if user.password_hash and passwords.outdated(user.password_hash):
        user.password_hash = passwords.make(password)
    return user


def ask_to_confirm(user: User) -> None:
    """Send the link that proves the email address; earlier ones stop working."""
    codes.withdraw(Purpose.CONFIRM, user.id)
    secret = codes.issue(Purpose.CONFIRM, user.id)
    mail.send("confirm", to=user.email, url=hosts.site_url(f"/confirm/{secret}"))


def confirm(secret: str) -> User:
    """Raises UnusableCode."""
    user = _user(codes.redeem(Purpose.CONFIRM, secret).user_id)
    user.confirmed_at = user.confirmed_at or sa.func.now()
    audit.record("user.confirmed", actor=f"user:{user.id}", tenant=None)
    return user


def proved(user_id: UUID) -> None:
    """The person has opened a secret link that was sent to their address, which confirms it."""
    user = _user(user_id)
    if user.confirmed_at is None:
        user.confirmed_at = sa.func.now()
        audit.record("user.confirmed", actor=f"user:{user.id}", tenant=None)


def rename(user_id: UUID, name: str) -> None:
    _user(user_id).name = name
    audit.record("user.renamed", actor=f"user:{user_id}", tenant=None)


def exists(email: str) -> bool:
    return bool(db.session.scalar(sa.select(sa.exists().where(User.email == email))))


def ask_to_reset(email: str) -> None:
    """Send the link for a new password, if there is such an account; the caller can't tell."""
    user = db.session.scalar(sa.select(User).where(User.email == email))
    if user is not None:
        codes.withdraw(Purpose.RESET, user.id)
        secret = codes.issue(Purpose.RESET, user.id)
        mail.send("reset", to=user.email, url=hosts.site_url(f"/reset/{secret}"))


def reset_password(secret: str, password: str) -> User:
    """Set a new password and sign out everywhere. The link proves the email as well. Raises UnusableCode."""
    user = _user(codes.redeem(Purpose.RESET, secret).user_id)
    user.password_hash = passwords.make(password)
    user.confirmed_at = user.confirmed_at or sa.func.now()
    sessions.end_all(user.id)
    audit.record("user.password-reset", actor=f"user:{user.id}", tenant=None)
    return user


def by_email(email: str) -> User:
    """Raises NotFound."""
    if user := db.session.scalar(sa.select(User).where(User.email == email.lower())):
        return user
    raise NotFound(f"There is no account for {email}.")


def email_of(user_id: UUID) -> str:
    return _user(user_id).email


def _user(user_id: UUID) -> User:
    return db.session.get_one(User, user_id)
