"""The roles and rights around the migrations, which `saas migrate` sets up before them, as often as you like.

A non-superuser with CREATEROLE that owns the database is enough, as on managed PostgreSQL.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2.extensions
import psycopg2.sql
import sqlalchemy as sa

from tenants.isolation.faults import ABOVE_RULES
from tenants.isolation.gaps import SET_CONFIG
from tenants.isolation.modes import Mode
from tenants.isolation.schemas import BOUNDS

_WHERE_ALLOWED = {"temp_file_limit": "1GB"}  # as superuser, or with SET granted on it (manual, "GRANT")
_GROUPS = ("fh_owner", "fh_tenant", "fh_app")


class DatabaseUnfit(Exception):
    """The database can't carry the platform as it is; the text says what to do."""


def prepare(connection: sa.Connection, app_url: str, mode: Mode) -> None:
    """Make the three groups, the application's login, the platform's schema, and take from PUBLIC what it needs not."""
    if connection.dialect.server_version_info < (17,):  # type: ignore[operator]
        raise DatabaseUnfit("PostgreSQL 17 or newer is needed.")
    _check_administrator(connection)
    for group in _GROUPS:
        _create(connection, group, "NOLOGIN")
    _app_login(connection, app_url, mode)
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
    _close_set_config(connection)


def _check_administrator(connection: sa.Connection) -> None:
    """Without these rights some of what follows fails, and some only warns."""
    rights = """
        SELECT quote_ident(rolname), rolsuper OR rolcreaterole, pg_has_role(datdba, 'USAGE')
        FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
        """
    name, makes_roles, owns = connection.execute(sa.text(rights)).one()
    if not makes_roles:
        raise DatabaseUnfit(f"DATABASE_ADMIN_URL: {name} can't make roles. As superuser: ALTER ROLE {name} CREATEROLE")
    if not owns:
        change = f"ALTER DATABASE {_database(connection)} OWNER TO {name}"
        raise DatabaseUnfit(f"DATABASE_ADMIN_URL: {name} does not own the database. As superuser: {change}")


def _close_set_config(connection: sa.Connection) -> None:
    """With it an injection inside a SELECT could leave its role; the guard refuses it too.

    pg_dump, vacuumdb and reindexdb call it, so whoever runs those keeps it. Only a superuser can do this: for others
    REVOKE warns and does nothing. `saas doctor` reads back what holds.
    """
    is_ours_to_close = """
        SELECT rolsuper AND has_function_privilege('public', :function, 'EXECUTE')
        FROM pg_roles WHERE rolname = current_user
        """
    if connection.scalar(sa.text(is_ours_to_close), {"function": SET_CONFIG}):
        owner = "SELECT quote_ident(pg_get_userbyid(datdba)) FROM pg_database WHERE datname = current_database()"
        keepers = f"{connection.scalar(sa.text(owner))}, pg_read_all_data, pg_maintain"
        connection.exec_driver_sql(f"REVOKE EXECUTE ON FUNCTION {SET_CONFIG} FROM PUBLIC")
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {SET_CONFIG} TO {keepers}")


def _app_login(connection: sa.Connection, app_url: str, mode: Mode) -> None:
    parts = urlsplit(app_url)
    login, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not login:
        raise DatabaseUnfit("DATABASE_URL: names no user. Give the application a login role of its own.")
    if login == connection.scalar(sa.text("SELECT current_user")):
        raise DatabaseUnfit("DATABASE_URL and DATABASE_ADMIN_URL name the same user: the application needs its own.")
    _create(connection, login, "LOGIN NOINHERIT PASSWORD {}", password)
    named = sa.table("pg_roles", sa.column("rolname", sa.String))
    if connection.scalar(sa.select(sa.text(ABOVE_RULES)).select_from(named).where(named.c.rolname == login)):
        raise DatabaseUnfit(f"DATABASE_URL: {login} is a superuser or bypasses row security. Use a plain login role.")
    _limit(connection, login)
    _run(connection, "GRANT fh_app TO {} WITH INHERIT TRUE, SET TRUE", login)
    if mode.shared or _is_tenant(connection, login):
        _run(connection, mode.login, login)


def _is_tenant(connection: sa.Connection, login: str) -> bool:
    """Whether a login may act as the group of all tenants, and not only as one of them."""
    query = """
        SELECT count(*) FROM pg_auth_members WHERE roleid = 'fh_tenant'::regrole
            AND member = (SELECT oid FROM pg_roles WHERE rolname = :login)
        """
    return bool(connection.scalar(sa.text(query), {"login": login}))


def _limit(connection: sa.Connection, login: str) -> None:
    """Bounds for what runs outside a bound tenant; they apply at login, so behind a pooler as well."""
    for name, bound in (BOUNDS | _WHERE_ALLOWED).items():
        try:
            with connection.begin_nested():
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
