"""The administrator's connection, which only `saas migrate` and the slow worker have."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import current_app

from saas.core.settings import SettingsError, current_settings

_KEY = "freehold.administrator"


@contextmanager
def administrator() -> Iterator[sa.Connection]:
    """One transaction as the database's owner, committed at the end.

    Raises SettingsError in a process that has no DATABASE_ADMIN_URL.
    """
    with _engine().begin() as connection:
        yield connection


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
