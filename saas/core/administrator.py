"""The administrator's connection, which only `saas migrate` and the slow worker have."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask, current_app

from saas.core.settings import Settings, SettingsError

_KEY = "freehold.administrator"


@contextmanager
def administrator() -> Iterator[sa.Connection]:
    """One transaction as the database's owner, committed at the end.

    Raises SettingsError in a process that has no DATABASE_ADMIN_URL.
    """
    with _engine(current_app._get_current_object()).begin() as connection:  # type: ignore[attr-defined]
        yield connection


def _engine(app: Flask) -> sa.Engine:
    if _KEY not in app.extensions:
        settings: Settings = app.extensions["freehold.settings"]
        if settings.database_admin_url is None:
            raise SettingsError("DATABASE_ADMIN_URL: is needed for this, and is not set in this process")
        app.extensions[_KEY] = sa.create_engine(settings.database_admin_url, pool_size=1, max_overflow=1)
    engine: sa.Engine = app.extensions[_KEY]
    return engine
