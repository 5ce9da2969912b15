"""Contexts such as a request or a job is given, and the driver's connection below them."""

import contextlib
from collections.abc import Iterator

from flask import Flask
from sqlalchemy.orm import Session

from saas.core.database import db
from tenants import isolation
from tenants.isolation import Connection


@contextlib.contextmanager
def context(app: Flask, tenant: str | None = None) -> Iterator[Session]:
    """Bound to a tenant if one is named; what is not committed inside is undone at the end."""
    with app.app_context():
        if tenant:
            isolation.bind(tenant)
        yield db.session()


def driver(session: Session) -> Connection:
    found = session.connection().connection.driver_connection
    assert isinstance(found, Connection)
    return found
