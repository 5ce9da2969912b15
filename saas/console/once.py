"""A form is carried out once, however often it is sent: it carries a number that the first sending uses up."""

import base64
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from saas.console.models import Operation
from saas.core import crypto
from saas.core.database import db, separate
from saas.core.ids import uuid7


def ticket(actor: str, action: str, subject: str) -> str:
    """A number for a form that is about to be shown, sealed: it is good for this person, action and subject only."""
    return base64.urlsafe_b64encode(crypto.seal(str(uuid7()), f"{actor} {action} {subject}")).decode()


def number(sealed: str, actor: str, action: str, subject: str) -> UUID | None:
    """The number of a form that came back; None if this is no ticket for it."""
    try:
        return UUID(crypto.unseal(base64.urlsafe_b64decode(sealed.encode()), f"{actor} {action} {subject}"))
    except ValueError:  # SealBroken, or no base64
        return None


def begun(form: UUID) -> bool:
    return db.session.get(Operation, form) is not None


def begin(form: UUID, *, actor: str, action: str, subject: str) -> bool:
    """Use the number up, in the caller's transaction. False: it is used, so nothing is to be done.

    A second sending at the same moment waits here until the first one's transaction has ended, and goes ahead if that
    one was rolled back.
    """
    row = insert(Operation).values(id=form, actor=actor, action=action, subject=subject).on_conflict_do_nothing()
    return db.session.scalar(row.returning(Operation.id)) is not None


def finish(form: UUID) -> None:
    db.session.execute(sa.update(Operation).where(Operation.id == form).values(done_at=sa.func.now()))


def finished(form: UUID) -> bool:
    """False while the first sending is under way."""
    return db.session.scalar(sa.select(Operation.done_at).where(Operation.id == form)) is not None


def release(form: UUID) -> None:
    """It failed, so the same form may be sent again.

    Apart from the request, which is rolled back: its beginning was committed where something outside was called.
    """
    with separate() as connection:
        connection.execute(sa.delete(Operation).where(Operation.id == form, Operation.done_at.is_(None)))
