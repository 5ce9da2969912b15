"""The administrator's connection, which only `saas migrate` and the slow worker have."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import current_app
from psycopg2.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy.exc import SQLAlchemyError

from saas.core.settings import SettingsError, current_settings

PATIENCE = "5s"  # with whoever holds what need not be locked just now, such as a backup

_KEY = "freehold.administrator"


@contextmanager
def administrator() -> Iterator[sa.Connection]:
    """One transaction as the database's owner, committed at the end.

    Raises SettingsError in a process that has no DATABASE_ADMIN_URL.
    """
    with _engine().begin() as connection:
        yield connection


@contextmanager
def impatient_administrator() -> Iterator[sa.Connection]:
    """The same for what can be done another time: waits for no lock longer than PATIENCE.

    Raises OperationalError then, which `gave_up` tells from others.
    """
    with administrator() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        yield connection


def gave_up(error: SQLAlchemyError) -> bool:
    """Whether a statement waited for a lock until its time was over, or was chosen to give way in a deadlock."""
    return isinstance(getattr(error, "orig", None), (LockNotAvailable, DeadlockDetected))


def _engine() -> sa.Engine:
    if _KEY not in current_app.extensions:
        settings = current_settings()
        if settings.database_admin_url is None:
            raise SettingsError("DATABASE_ADMIN_URL: is needed for this, and is not set in this process")
        current_app.extensions[_KEY] = sa.create_engine(
            settings.database_admin_url, pool_size=1, max_overflow=1, hide_parameters=True
        )
    engine: sa.Engine = current_app.extensions[_KEY]
    return engine
