"""What a step of the demo is made of: one visitor's request, done once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask

from saas.core import audit
from saas.core.audit import AuditEntry
from saas.core.database import db, transaction

ACTOR = "system"
_STEP = "demo.step"


@contextmanager
def visit(app: Flask) -> Iterator[None]:
    """One visitor's request: a context and a transaction of its own."""
    with (
        app.app_context(),
        app.test_request_context(base_url=app.extensions["freehold.settings"].site_url),
        transaction(),
    ):
        yield


def once(app: Flask, step: str, act: Callable[[], None]) -> None:
    """Do a step in one transaction with the mark that it is done, so that no later start does it again."""
    with visit(app):
        if not _is_done(step):
            _mark(step)
            act()


def finally_once(app: Flask, step: str, act: Callable[[], None]) -> None:
    """The same for a step that takes several transactions; it can be repeated from any point until it is marked."""
    with visit(app):
        done = _is_done(step)
    if not done:
        act()
        with visit(app):
            _mark(step)


def steps_done(app: Flask) -> list[str]:
    with visit(app):
        return sorted(db.session.scalars(sa.select(AuditEntry.detail["step"].astext).where(_mine())))


def _is_done(step: str) -> bool:
    found = sa.exists().where(_mine(), AuditEntry.detail["step"].astext == step)
    return bool(db.session.scalar(sa.select(found)))


def _mark(step: str) -> None:
    """Ahead of what binds a tenant, since the mark is the platform's."""
    audit.record(_STEP, actor=ACTOR, tenant=None, step=step)
    db.session.flush()


def _mine() -> sa.ColumnElement[bool]:
    return sa.and_(AuditEntry.action == _STEP, AuditEntry.actor == ACTOR)
