"""Where an attempt runs: in a context of its own, as a request or a job has."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app
from sqlalchemy.orm import Session

from saas.core.database import db
from tenants import isolation


@contextmanager
def inside(tenant: str) -> Iterator[Session]:
    """Bound to a tenant, whatever the caller's context is; what is not committed in it is undone."""
    with current_app.app_context():
        isolation.bind(tenant)
        yield db.session()
