"""Being signed in: a row for each browser and host, and its cookie."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import has_request_context, request
from werkzeug import Response

from saas.accounts.models import LONGEST_AGENT, SignIn
from saas.core import attempts, tokens
from saas.core.database import db
from saas.core.edge import cookie_name
from saas.core.settings import current_settings
from saas.core.text import fault

LIFETIME = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)  # at most so often a session's row says when it was last seen
SITE, WORKSPACE = "session", "workspace"  # the cookies of the bare host and of a workspace's


def open_session(user_id: UUID, *, parent_id: UUID | None = None, tenant: str | None = None) -> str:
    """Sign a person in; returns the cookie's secret. A child ends with its parent."""
    secret = tokens.new()
    db.session.add(
        SignIn(
            user_id=user_id,
            secret_digest=tokens.digest(secret),
            parent_id=parent_id,
            tenant=tenant,
            expires_at=sa.func.now() + LIFETIME,
            **_from_where(),
        )
    )
    return secret


def end(session_id: UUID) -> None:
    """Sign out one session and its children."""
    db.session.execute(sa.delete(SignIn).where(SignIn.id == session_id))


def end_all(user_id: UUID) -> None:
    db.session.execute(sa.delete(SignIn).where(SignIn.user_id == user_id))


def end_in(tenant: str, user_id: UUID) -> None:
    """Sign somebody out of one workspace, in all their browsers."""
    db.session.execute(sa.delete(SignIn).where(SignIn.user_id == user_id, SignIn.tenant == tenant))


def unseen() -> sa.ColumnElement[bool]:
    """Whether a session's row does not say any more when it was last seen; asked for with the row itself."""
    return (SignIn.seen_at < sa.func.now() - SEEN_EVERY).label("unseen")


def see(session_id: UUID) -> None:
    """Note that a session is in use, and from where.

    Whoever notes it at this moment keeps the row until they commit, which is not waited for.
    """
    free = sa.select(SignIn.id).where(SignIn.id == session_id).with_for_update(skip_locked=True)
    seen = sa.update(SignIn).where(SignIn.id.in_(free)).values(seen_at=sa.func.now(), network=_network())
    db.session.execute(seen.execution_options(synchronize_session=False))


def good(secret: str | sa.BindParameter[bytes]) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that a session's row is this cookie's and still good."""
    digest = tokens.digest(secret) if isinstance(secret, str) else secret
    return (SignIn.secret_digest == digest, SignIn.expires_at > sa.func.now())


# For queries that are built once; they take `of(secret)`.
GOOD = good(sa.bindparam("session_digest"))


def of(secret: str) -> dict[str, bytes]:
    """What a query with GOOD takes, by the cookie's secret."""
    return {"session_digest": tokens.digest(secret)}


def read_cookie(kind: str) -> str:
    return request.cookies.get(_name(kind), "")


def set_cookie(response: Response, kind: str, secret: str, lifetime: timedelta = LIFETIME) -> None:
    """Host-only and out of scripts' reach; in production the name's `__Host-` holds browsers to it."""
    response.set_cookie(
        _name(kind),
        secret,
        max_age=lifetime,
        path=request.script_root + "/",
        secure=current_settings().production,
        httponly=True,
        samesite="Lax",
    )


def clear_cookie(response: Response, kind: str) -> None:
    response.delete_cookie(
        _name(kind), path=request.script_root + "/", secure=current_settings().production, httponly=True
    )


def _from_where() -> dict[str, Any]:
    """What the page of one's sessions tells them apart by; a command has no browser."""
    if not has_request_context():
        return {}
    agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
    return {"user_agent": agent if fault(agent) is None else None, "network": _network()}


def _network() -> str:
    return attempts.network(request.remote_addr)


def _name(kind: str) -> str:
    return cookie_name(current_settings(), kind)
