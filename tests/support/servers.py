"""A PostgreSQL of a test's own: nobody else's roles are in its cluster, and it may be killed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from saas.core.settings import Settings
from saas.devstack import cluster, postgres
from tests.support import database


class Alone:
    """A running server, and the settings of an application on it."""

    def __init__(self, folder: Path, settings: Settings, *, fsync: bool) -> None:
        self.folder, self.fsync = folder, fsync
        self.server = postgres.start(folder, fsync=fsync)
        urls = {
            "database_url": self.server.url(cluster.APP),
            "database_admin_url": self.server.url(cluster.ADMIN),
        }
        self.settings = settings.model_copy(update=urls)

    @property
    def superuser(self) -> str:
        """Of the platform's database, for psycopg2."""
        return self.server.superuser_url(cluster.DATABASE).replace("+psycopg2", "")

    def start_again(self) -> None:
        """After it was killed: it recovers what was committed."""
        self.server.stop()
        self.server = postgres.start(self.folder, port=self.server.port, fsync=self.fsync)


@contextlib.contextmanager
def alone(folder: Path, settings: Settings, *, fsync: bool = False, **changes: object) -> Iterator[tuple[Alone, Flask]]:
    """With its tables migrated. With `fsync` it writes as in production."""
    made = Alone(folder, settings.model_copy(update=changes), fsync=fsync)
    try:
        with database.application(made.settings) as app:
            database.migrate(app)
            yield made, app
    finally:
        made.server.stop()
        postgres.remove(folder)
