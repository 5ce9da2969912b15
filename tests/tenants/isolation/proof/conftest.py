"""A cluster of the tests' own, since what they alter by hand are roles, which all databases of a cluster share."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.settings import Settings
from saas.devstack import cluster, postgres
from tenants.isolation import modes
from tenants.isolation.proof import Proof
from tenants.isolation.proof.walk import walk
from tests.support import database, modules
from tests.support.people import sign_up

# Its name is no other test's, since it stays for the session.
MODULE = """
from tenants.extend import Module
MODULE = Module("crates")
"""
REVISION = """
from alembic import op
revision, down_revision, branch_labels = "0001", None, ("crates",)
def upgrade():
    op.execute("CREATE TABLE fh_crates_sent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, label text)")
    op.execute("CREATE TABLE fh_crates_stamps (id uuid PRIMARY KEY, sent bigint REFERENCES fh_crates_sent)")
"""


@dataclass
class Installation:
    """A platform with two businesses, spare schemas, collections, keys and a module, in a cluster of its own."""

    app: Flask
    server: postgres.Server
    one: str
    other: str
    engine: sa.Engine  # the superuser's

    @property
    def settings(self) -> Settings:
        found: Settings = self.app.extensions["freehold.settings"]
        return found

    @contextlib.contextmanager
    def superuser(self, mode: modes.Mode = modes.ROLES) -> Iterator["Superuser"]:
        """In one transaction, which is rolled back."""
        with self.engine.connect() as connection:
            yield Superuser(connection, mode)


@dataclass
class Superuser:
    connection: sa.Connection
    mode: modes.Mode

    def run(self, statements: str) -> None:
        self.connection.exec_driver_sql("RESET SESSION AUTHORIZATION")
        self.connection.exec_driver_sql(statements)

    def run_as_administrator(self, statements: str) -> None:
        self.connection.exec_driver_sql(f"SET LOCAL SESSION AUTHORIZATION {cluster.ADMIN}")
        self.connection.exec_driver_sql(statements)

    def look(self, *, as_superuser: bool = False) -> Proof:
        who = cluster.SUPERUSER if as_superuser else cluster.ADMIN
        self.connection.exec_driver_sql(f"RESET SESSION AUTHORIZATION; SET LOCAL SESSION AUTHORIZATION {who}")
        return walk(self.connection, cluster.APP, self.mode)


@pytest.fixture(scope="session")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("modules")
    versions = folder / "crates" / "migrations"
    versions.mkdir(parents=True)
    (folder / "crates" / "__init__.py").write_text(MODULE)
    (versions / "0001_tables.py").write_text(REVISION)
    with modules.forgotten(folder):
        yield folder


@pytest.fixture(scope="session")
def start(
    settings: Settings, module_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Installation]]:
    """Starts a cluster with a platform in it."""
    with contextlib.ExitStack() as ending:

        def make(administrator: str = cluster.ADMIN, **changes: Any) -> Installation:
            folder = tmp_path_factory.mktemp("cluster")
            ending.callback(postgres.remove, folder)
            server = postgres.start(folder, fsync=False)
            ending.callback(server.stop)
            urls = {"database_url": server.url(cluster.APP), "database_admin_url": server.url(administrator)}
            own = {"modules_dir": module_folder, "spare_tenants_low": 2, "spare_tenants_high": 2}
            app = ending.enter_context(database.application(settings, **urls, **own, **changes))
            database.migrate(app)
            one, other = (sign_up(app, database.browser(app)) for _ in range(2))
            for person in (one, other):
                person.define("notes", title="text!", due="date")
                person.key()
            engine = sa.create_engine(server.superuser_url(cluster.DATABASE), pool_size=1)
            ending.callback(engine.dispose)
            return Installation(app, server, one.tenant, other.tenant, engine)

        yield make


@pytest.fixture(scope="session")
def installation(start: Callable[..., Installation]) -> Installation:
    return start(tenant_isolation="roles")
