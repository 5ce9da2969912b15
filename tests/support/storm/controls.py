"""Binding as others do it: the controls, under which a storm must leak."""

from typing import Any

import psycopg2.extensions
import pytest
from flask import Flask

from saas.core.database import db
from tenants.isolation.connection import Binding, Connection

_BACK = "RESET ROLE; RESET search_path"


def bind_the_session(patch: pytest.MonkeyPatch, app: Flask) -> None:
    """A plain SET, which outlives its transaction; whoever is next takes it back, if they think of it."""
    local = Binding.prefix
    patch.setattr(Binding, "prefix", lambda self, scope: local(self, scope).replace("SET LOCAL", "SET"))
    app.before_request_funcs[None].insert(0, _go_back)


def bind_apart(patch: pytest.MonkeyPatch, app: Flask) -> None:
    """The same, sent in a transaction of its own before the one that it is meant for."""
    bind_the_session(patch, app)
    prefix = Connection.prefix

    def send(self: Connection) -> str:
        psycopg2.extensions.connection.commit(self)
        _run(self, prefix(self).rstrip("; "))
        psycopg2.extensions.connection.commit(self)
        return "SELECT 1; "

    patch.setattr(Connection, "prefix", send)


def _go_back() -> None:
    """A request's own first step: it can't be identified as somebody else's tenant."""
    _run(db.session.connection().connection.driver_connection, _BACK)


def _run(driver: Any, statement: str) -> None:
    with psycopg2.extensions.connection.cursor(driver, cursor_factory=psycopg2.extensions.cursor) as cursor:
        cursor.execute(statement)
