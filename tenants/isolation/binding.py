"""The one place that binds a tenant to the session."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import current_app, g, has_app_context
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, registry

from saas.core.database import NAMES, TYPES, db
from tenants.isolation import modes
from tenants.isolation.connection import Binding, Connection, Scope
from tenants.isolation.errors import AlreadyBound, IsolationError, NotBound

PREFIX = "t_"  # of every tenant's id
_ID = re.compile(PREFIX + "[a-z2-7]{16}")
_KEY = "freehold.tenant"


class TenantBase(DeclarativeBase):
    """Of the models whose tables lie in each tenant's schema; the bound search path finds them."""

    registry = registry(metadata=sa.MetaData(naming_convention=NAMES), type_annotation_map=TYPES)


def bind(tenant: str, timeout: float = math.inf) -> None:
    """Enter a tenant, by its id: from here to the end of this app context the session works in its schema as its role.

    A statement may take `timeout` milliseconds, or STATEMENT_TIMEOUT_MS where that is less. Raises AlreadyBound when
    the context is another tenant's or stands inside a savepoint, whose rollback would take the binding with it.
    """
    if not _ID.fullmatch(tenant):
        raise IsolationError("that is not a tenant's id")
    session = db.session()
    if session.in_nested_transaction():
        raise AlreadyBound("a tenant is entered before any savepoint")
    longest = min(timeout, current_app.config["STATEMENT_TIMEOUT_MS"])
    kept = _binding(session) or Binding(tenant, max(1, int(longest)), modes.current())  # 0 would be none
    if kept.tenant != tenant:
        raise AlreadyBound("this context belongs to another tenant")
    session.info[_KEY] = kept
    g.setdefault(_KEY, kept)
    if session.in_transaction():
        _connection(session.connection()).bind(kept)


def bound() -> str | None:
    """The tenant that this context works for."""
    binding = _binding(db.session())
    return binding.tenant if binding else None


def _binding(session: Session) -> Binding | None:
    """The session's. Flask ends a context, and the session with it, and enters it again to stream its answer: the new
    session works for the same tenant."""
    if _KEY not in session.info and has_app_context() and _KEY in g and session is db.session():
        session.info[_KEY] = g.get(_KEY)
    return session.info.get(_KEY)


@contextmanager
def design() -> Iterator[None]:
    """Run DDL on the tenant's own tables as their owner; nothing but DDL passes meanwhile."""
    with _scope("design"):
        yield


@contextmanager
def export() -> Iterator[None]:
    """Allow COPY of the tenant's own tables."""
    with _scope("export"):
        yield


@contextmanager
def _scope(scope: Scope) -> Iterator[None]:
    session = db.session()
    if bound() is None:
        raise NotBound(f"the {scope} scope needs a tenant")
    session.flush()
    connection = _connection(session.connection())
    connection.enter(scope)
    try:
        yield
    finally:
        # A commit or rollback inside has left it, and the connection may be another context's by now.
        if connection.binding is _binding(session):
            connection.enter("work")


@event.listens_for(Session, "after_begin")
def _bind_transaction(session: Session, _transaction: SessionTransaction, connection: sa.Connection) -> None:
    """A context that commits and goes on works for the same tenant in its next transaction."""
    if binding := _binding(session):
        _connection(connection).bind(binding)


def _connection(connection: sa.Connection) -> Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, Connection):
        raise IsolationError("this connection can't carry a tenant")
    return driver
