"""Being signed in: a row for each browser and host, and its cookie."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from flask import request
from werkzeug import Response

from saas.accounts.models import SignIn
from saas.core import tokens
from saas.core.database import db
from saas.core.edge import cookie_name
from saas.core.settings import current_settings

LIFETIME = timedelta(days=30)
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
        )
    )
    return secret


def end(session_id: UUID) -> None:
    """Sign out one session and its children."""
    db.session.execute(sa.delete(SignIn).where(SignIn.id == session_id))


def end_all(user_id: UUID) -> None:
    db.session.execute(sa.delete(SignIn).where(SignIn.user_id == user_id))


def good(secret: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that a session's row is this cookie's and still good."""
    return (SignIn.secret_digest == tokens.digest(secret), SignIn.expires_at > sa.func.now())


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


def _name(kind: str) -> str:
    return cookie_name(current_settings(), kind)
