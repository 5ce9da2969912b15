"""The browsers that a person is signed in with: a session of the bare host each, with those it has opened."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from saas.accounts.agents import in_words
from saas.accounts.errors import UnknownSession
from saas.accounts.models import SignIn
from saas.core import audit
from saas.core.database import db


@dataclass(frozen=True)
class SignedIn:
    id: UUID
    agent: str  # in words
    network: str
    since: datetime
    seen_at: datetime  # in it or in one of its workspaces
    tenants: tuple[str, ...]  # the ids of the workspaces that it has opened


def of(user_id: UUID) -> list[SignedIn]:
    """The one that was used last comes first."""
    child = aliased(SignIn)
    below = sa.and_(child.parent_id == SignIn.id, child.expires_at > sa.func.now())
    seen = sa.func.greatest(SignIn.seen_at, sa.func.max(child.seen_at)).label("seen")
    opened = sa.func.array_agg(child.tenant.distinct()).filter(child.tenant.is_not(None))
    query = (
        sa.select(SignIn.id, SignIn.user_agent, SignIn.network, SignIn.created_at, seen, opened)
        .outerjoin(child, below)
        .where(SignIn.user_id == user_id, SignIn.tenant.is_(None), SignIn.expires_at > sa.func.now())
        .group_by(SignIn.id)
        .order_by(seen.desc(), SignIn.id)
    )
    return [
        SignedIn(id_, in_words(agent), network or "", since, at, tuple(tenants or ()))
        for id_, agent, network, since, at, tenants in db.session.execute(query)
    ]


def end(user_id: UUID, session_id: UUID) -> None:
    """Sign one's own browser out, and of the workspaces that it has opened. Raises UnknownSession."""
    if not _end(SignIn.user_id == user_id, SignIn.id == session_id):
        raise UnknownSession
    audit.record("session.ended", actor=f"user:{user_id}", tenant=None, session=str(session_id))


def end_others(user_id: UUID, but: UUID) -> int:
    """All but this one; returns how many there were."""
    ended = _end(SignIn.user_id == user_id, SignIn.id != but)
    audit.record("sessions.ended", actor=f"user:{user_id}", tenant=None, count=ended)
    return ended


def _end(*which: sa.ColumnElement[bool]) -> int:
    """Those that workspaces were opened with go with the one that they came from."""
    gone = sa.delete(SignIn).where(SignIn.tenant.is_(None), SignIn.parent_id.is_(None), *which)
    return len(db.session.execute(gone.returning(SignIn.id)).all())
