"""A PostgreSQL of a test's own, with databases as somebody else would have set them up.

The tests' server is made by our own launcher, which closes what a managed PostgreSQL leaves open.
"""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psycopg2

from saas.core.settings import Settings
from saas.devstack import postgres
from saas.devstack.postgres import Server

Administrator = Literal["superuser", "createrole"]


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Server]:
    server = postgres.start(folder, fsync=False)
    try:
        yield server
    finally:
        server.stop()
        postgres.remove(folder)


def database(server: Server, settings: Settings, administrator: Administrator) -> Settings:
    """An untouched database, its owner, and the name of an application's login that does not exist yet.

    The roles' passwords are their names. Only one administrator who is no superuser can migrate a cluster: the groups
    are theirs.
    """
    name = f"{administrator}_{secrets.token_hex(4)}"
    rights = {"superuser": "SUPERUSER", "createrole": "CREATEROLE"}[administrator]
    say(server, f"CREATE ROLE {name} LOGIN {rights} PASSWORD '{name}'")
    say(server, f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
    place = f"127.0.0.1:{server.port}/{name}"
    return settings.model_copy(
        update={
            "database_admin_url": f"postgresql+psycopg2://{name}:{name}@{place}",
            "database_url": f"postgresql+psycopg2://app_{name}:app_{name}@{place}",
        }
    )


def say(server: Server, *statements: str, database: str = "postgres") -> None:
    """Run statements as the superuser, each committed."""
    with contextlib.closing(psycopg2.connect(server.superuser_url(database).replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
