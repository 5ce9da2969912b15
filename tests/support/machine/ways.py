"""What a context does in a step: each way to read, write, end a transaction and lose its connection."""

import contextlib
import io
import itertools
import os
import socket
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from saas.core.database import db, outside
from saas.core.ids import uuid7
from tenants.backend.collections.models import CatalogueEntry
from tests.support.contexts import driver

NAMES = sa.select(CatalogueEntry.name)
WHO = sa.text("SELECT current_user, current_schema()")
ADD = "INSERT INTO fh_collections (id, name, label, fields) VALUES (%s, %s, '', '[]')"
COPY = "COPY fh_collections (id, name, label, fields) FROM STDIN"

NUMBERS = itertools.count()


class OnPurposeError(Exception):
    pass


def who() -> tuple[str, str]:
    user, schema = db.session.execute(WHO).one()
    return user, schema


def read() -> list[str]:
    return list(db.session.scalars(NAMES))


def read_by_cursor() -> list[str]:
    with driver(db.session()).cursor() as cursor:
        cursor.execute("SELECT name FROM fh_collections")
        return [name for (name,) in cursor.fetchall()]


def read_by_portions() -> list[str]:
    return list(db.session.scalars(NAMES, execution_options={"stream_results": True, "max_row_buffer": 2}))


def read_in_services() -> list[str]:
    with db.session.begin_nested():
        with contextlib.suppress(OnPurposeError), db.session.begin_nested():
            read()
            raise OnPurposeError
        return read()


def write(name: str) -> None:
    db.session.add(CatalogueEntry(name=name, label="", fields=[]))
    db.session.flush()


def write_many(name: str) -> None:
    with driver(db.session()).cursor() as cursor:
        cursor.executemany(ADD, [(str(uuid7()), name), (str(uuid7()), f"{name} too")])


def write_by_copy(name: str) -> None:
    with driver(db.session()).cursor() as cursor:
        cursor.copy_expert(COPY, io.StringIO(f"{uuid7()}\t{name}\t\t[]\n"))


def go_outside() -> None:
    with outside():
        pass


def invalidate() -> None:
    db.session.connection().invalidate()


def drop_socket() -> None:
    connection = db.session.connection()
    with socket.socket(fileno=os.dup(driver(db.session()).fileno())) as dropped:
        dropped.shutdown(socket.SHUT_RDWR)
    with pytest.raises(sa.exc.DBAPIError):
        connection.begin_nested()


READS: dict[str, Callable[[], list[str]]] = {
    "a query": read,
    "a cursor": read_by_cursor,
    "a server-side cursor": read_by_portions,
    "a service in a service": read_in_services,
}
WRITES: dict[str, Callable[[str], None]] = {"a query": write, "executemany": write_many, "COPY": write_by_copy}
ENDS: dict[str, Callable[[], None]] = {
    "a commit": db.session.commit,
    "a call outside": go_outside,
    "a rollback": db.session.rollback,
}
LOSSES: dict[str, Callable[[], None]] = {"invalidated": invalidate, "a dropped socket": drop_socket}
