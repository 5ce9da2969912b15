"""Through the platform's own tables, bound as one tenant: rows that are the other's, read and added."""

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from saas.accounts.models import User
from saas.core.database import Base
from saas.core.jobs import enqueue
from tenants.models import Tenant
from tenants.probe.contexts import inside
from tenants.probe.outcomes import Answer, Attempt, blind, judged
from tenants.probe.sides import Side
from tenants.probe.ways.jobs import PEEK

ROWS = "rows"

_Look = Callable[[Session, Side], object]  # what a bound tenant finds of a side


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    """Of the tables that no tenant may read at all their control shows nothing, so they are none of these."""
    proven = 0
    for tried, look in _looks():
        if theirs.told_by(_seen(theirs, theirs, look).text, by_id=True):
            proven += 1
            yield judged(ROWS, tried, _seen(mine, theirs, look), theirs, by_id=True)
    if not proven:
        yield blind(ROWS, "any table")


def _looks() -> Iterator[tuple[str, _Look]]:
    for table in Base.metadata.sorted_tables:
        if "tenant" in table.columns:
            yield f"rows of {table.name}", _rows(table.columns["tenant"])
    yield "its limits", _limits
    yield "its owner's name", _owner
    yield "a job in its name", _ask


def _rows(whose: sa.Column[str]) -> _Look:
    return lambda session, theirs: session.scalars(sa.select(whose).where(whose == theirs.tenant).limit(5)).all()


def _limits(session: Session, theirs: Side) -> object:
    return session.execute(sa.select(Tenant.id, Tenant.limits).where(Tenant.id == theirs.tenant)).all()


def _owner(session: Session, theirs: Side) -> object:
    return session.scalar(sa.select(User.name).where(User.id == theirs.person))


def _ask(session: Session, theirs: Side) -> str:
    """It is sent and never committed."""
    enqueue(PEEK, theirs.tenant, (str(theirs.record), theirs.tenant))
    session.flush()
    return theirs.tenant


def _seen(who: Side, theirs: Side, look: _Look) -> Answer:
    with inside(who.tenant) as session:
        try:
            return Answer(str(look(session, theirs)))
        except DBAPIError as error:
            return _refusal(error)


def _refusal(error: DBAPIError) -> Answer:
    """What the server says may be a leak as well; the statement, which names the other side, is left out."""
    unanswered = type(error.orig).__name__ if isinstance(error, sa.exc.OperationalError) else ""
    return Answer(str(error.orig), refused=True, unanswered=unanswered)
