"""The roles and rights around the migrations, which `saas migrate` sets up before them, as often as you like.

A non-superuser with CREATEROLE that owns the database is enough, as on managed PostgreSQL.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2.extensions
import psycopg2.sql
import sqlalchemy as sa

_BOUNDS = {"statement_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}
_GROUPS = ("fh_owner", "fh_tenant", "fh_app")


class DatabaseUnfit(Exception):
    """The database can't carry the platform as it is; the text says what to do."""


def prepare(connection: sa.Connection, app_url: str) -> None:
    """Make the three groups, the application's login, the platform's schema, and take from PUBLIC what it needs not."""
    if connection.dialect.server_version_info < (17,):  # type: ignore[operator]
        raise DatabaseUnfit("PostgreSQL 17 or newer is needed.")
    for group in _GROUPS:
        _create(connection, group, "NOLOGIN")
    _app_login(connection, app_url)
    connection.exec_driver_sql(
        """
        GRANT fh_owner TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;
        GRANT fh_owner TO fh_app WITH INHERIT FALSE, SET TRUE;
        CREATE SCHEMA IF NOT EXISTS platform;
        REVOKE ALL ON SCHEMA public FROM PUBLIC
        """
    )
    # Temporary tables would be a tenant's way to DDL; functions of its own the way around the guard.
    connection.exec_driver_sql(f"REVOKE TEMPORARY, CREATE ON DATABASE {_database(connection)} FROM PUBLIC")


def _app_login(connection: sa.Connection, app_url: str) -> None:
    parts = urlsplit(app_url)
    login, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not login:
        raise DatabaseUnfit("DATABASE_URL: names no user. Give the application a login role of its own.")
    if login == connection.scalar(sa.text("SELECT current_user")):
        raise DatabaseUnfit("DATABASE_URL and DATABASE_ADMIN_URL name the same user: the application needs its own.")
    _create(connection, login, "LOGIN NOINHERIT PASSWORD {}", password)
    rights = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :login"
    if connection.scalar(sa.text(rights), {"login": login}):
        raise DatabaseUnfit(f"DATABASE_URL: {login} is a superuser or bypasses row security. Use a plain login role.")
    _limit(connection, login)
    _run(connection, "GRANT fh_app TO {} WITH INHERIT TRUE, SET TRUE", login)


def _limit(connection: sa.Connection, login: str) -> None:
    """Bounds for what runs outside a bound tenant; they apply at login, so behind a pooler as well."""
    try:
        with connection.begin_nested():
            for name, bound in _BOUNDS.items():
                _run(connection, f"ALTER ROLE {{}} IN DATABASE {_database(connection)} SET {name} = '{bound}'", login)
    except sa.exc.ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != "42501":  # it is somebody else's role, who sets its bounds
            raise


def _database(connection: sa.Connection) -> str:
    return str(connection.scalar(sa.text("SELECT quote_ident(current_database())")))


def _create(connection: sa.Connection, role: str, options: str, *literals: str) -> None:
    """Roles belong to the whole cluster, so another database's migration may make the same one at this moment."""
    if connection.scalar(sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"), {"role": role}):
        return
    try:
        with connection.begin_nested():
            _run(connection, f"CREATE ROLE {{}} {options}", role, *literals)
    except (sa.exc.ProgrammingError, sa.exc.IntegrityError) as error:
        if getattr(error.orig, "pgcode", None) not in {"42710", "23505"}:  # it exists by now
            raise


def _run(connection: sa.Connection, statement: str, role: str, *literals: str) -> None:
    """Run DDL, which takes no parameters, with names and passwords quoted by the driver."""
    driver: Any = connection.connection.driver_connection
    parts = (psycopg2.sql.Identifier(role), *map(psycopg2.sql.Literal, literals))
    text = psycopg2.sql.SQL(statement).format(*parts).as_string(driver)
    connection.exec_driver_sql(text.replace("%", "%%"))
