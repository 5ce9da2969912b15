"""The database session and the one place that ends its transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from flask import Flask
from flask.globals import app_ctx
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, registry

from saas.core.settings import Settings

NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_ix",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

TYPES = {datetime: sa.DateTime(timezone=True)}


class Base(DeclarativeBase):
    """Of the models of the platform's own tables; those in a tenant's schema have another base."""

    registry = registry(metadata=sa.MetaData(schema="platform", naming_convention=NAMES), type_annotation_map=TYPES)


def refers(table: str, ondelete: Literal["CASCADE", "SET NULL"] = "CASCADE") -> sa.ForeignKey:
    """A foreign key to the `id` of one of the platform's tables; the row goes with the one it refers to, or stays."""
    return sa.ForeignKey(f"{Base.metadata.schema}.{table}.id", ondelete=ondelete)


class TransactionOpen(Exception):
    """Something outside was about to be called, or has been, with a transaction open."""


def _context() -> Any:
    """Whose session it is: the app context itself, and not its id, which a later one may be given."""
    return app_ctx._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  as Flask-SQLAlchemy does


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "scopefunc": _context})


class Application(Flask):
    """Ends a context's session also where another function of its teardown fails, at which Flask leaves out the rest.

    Its connection would never come back, nor would its transaction end.
    """

    def do_teardown_appcontext(self, *error: Any, **named: Any) -> None:
        try:
            super().do_teardown_appcontext(*error, **named)
        finally:
            db.session.remove()


def init_app(app: Flask, settings: Settings, connection_factory: type) -> None:
    """Connect the application; `connection_factory` makes the driver's connections."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": settings.database_pool_size,
        "max_overflow": settings.database_pool_size,
        "pool_timeout": 5,
        "hide_parameters": True,  # an error's text is logged, and values may be secret
        "connect_args": {
            "connection_factory": connection_factory,
            "connect_timeout": 5,
            "application_name": "freehold",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    }
    db.init_app(app)


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction of a job or a command: commit at the end, roll back on an error."""
    try:
        yield
        commit()
    except BaseException:
        rollback()
        raise


def commit() -> None:
    db.session.commit()


def rollback() -> None:
    db.session.rollback()


@contextmanager
def outside() -> Iterator[None]:
    """For a call to the outside from a request: commit the intent, and hold no transaction while the body runs.

    What follows is another transaction, in which the same tenant is bound. The intent stays when the body fails.
    """
    commit()
    yield
    check_outside()


def check_outside() -> None:
    """Raises TransactionOpen: a call to the outside takes its time, and may have happened when we roll back."""
    if db.session().in_transaction():
        raise TransactionOpen("commit first: no transaction spans a call to the outside")


@contextmanager
def separate() -> Iterator[sa.Connection]:
    """A short transaction beside the request's, for what must stay when the request is rolled back."""
    with db.engine.begin() as connection:
        yield connection


@contextmanager
def at_once() -> Iterator[sa.Connection]:
    """A connection on which each statement is a transaction of its own, and so one trip to the server and not three.

    Nobody is bound on it. SQLAlchemy's own way, the isolation level AUTOCOMMIT, adds a trip with each return to the
    pool, in which psycopg2 undoes what SQLAlchemy has set.
    """
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


def violated(error: sa.exc.IntegrityError) -> str:
    """The name of the constraint that an error broke, without the shard's number that Citus appends."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
    stem, _, suffix = name.rpartition("_")
    return stem if suffix.isdigit() else name


def platform_revision() -> str | None:
    """Which revision the platform's own schema is at; None before the first migration."""
    table = sa.table("alembic_version", sa.column("version_num"), schema=Base.metadata.schema)
    try:
        return db.session.scalar(sa.select(table.c.version_num))
    except sa.exc.ProgrammingError:  # there is no such table yet
        rollback()
        return None
