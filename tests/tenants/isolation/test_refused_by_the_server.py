"""What the server refuses to a tenant's role, when the guard has let it through."""

import psycopg2
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from saas.core.settings import Settings
from tenants.isolation import StatementRefused, guard, modes
from tests.support import database
from tests.support.contexts import context, driver
from tests.tenants.isolation.conftest import Superuser


@pytest.fixture(scope="module")
def solo(solo_in_both: Flask) -> Flask:
    return solo_in_both


TO_THE_ROLE = [
    "CREATE TABLE x (y int)",
    "SELECT 1 AS y INTO x",
    "CREATE TABLE x AS SELECT 1 AS y",
    "CREATE VIEW x AS SELECT 1 AS y",
    "CREATE SEQUENCE x",
    "CREATE TYPE x AS (y int)",
    "CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE PROCEDURE x() LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END'",
    "CREATE TEMPORARY TABLE x (y int)",
    "SELECT 1 AS y INTO TEMPORARY x",
    "CREATE SCHEMA x",
    "CREATE ROLE fh_test_role",
    "CREATE EXTENSION citext",
    "CREATE TRIGGER x BEFORE INSERT ON fh_keys FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE x AS ON INSERT TO fh_keys DO ALSO SELECT 1",
    "CREATE INDEX x ON fh_keys (label)",
    "ALTER TABLE fh_keys ADD COLUMN x int",
    "ALTER TABLE fh_keys DISABLE TRIGGER ALL",
    "DROP TABLE fh_keys",
    "TRUNCATE fh_keys",
    "COMMENT ON TABLE fh_keys IS 'x'",
    "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner GRANT SELECT ON TABLES TO PUBLIC",
    "ALTER SCHEMA TENANT RENAME TO t_x",
    "ALTER ROLE WHO LOGIN",
    "GRANT fh_owner TO WHO",
    "SET SESSION AUTHORIZATION postgres",
]


@pytest.mark.parametrize("statement", TO_THE_ROLE)
def test_the_server_refuses_a_tenants_role_all_but_its_data(
    solo: Flask, own: Settings, superuser: Superuser, tenant: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    role = modes.MODES[own.tenant_isolation].role_of(tenant)
    statement = statement.replace("TENANT", f'"{tenant}"').replace("WHO", f'"{role}"')
    monkeypatch.setattr(guard, "check", lambda _statement: None)
    with context(solo, tenant) as session:
        with pytest.raises(psycopg2.Error, match=r"permission denied|must be owner|only roles with"):
            run(session, statement)
        session.rollback()
        run(session, "DELETE FROM fh_keys")  # the control: the role can do what it is for
    with superuser(own) as cursor:  # the control: the statement itself is good
        cursor.execute(f'SET LOCAL search_path = "{tenant}"')
        cursor.execute(statement)


@pytest.mark.parametrize("statement", ["GRANT SELECT ON fh_keys TO PUBLIC", "GRANT USAGE ON SCHEMA TENANT TO PUBLIC"])
def test_a_tenants_role_can_give_nothing_away(
    solo: Flask, own: Settings, superuser: Superuser, tenant: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """PostgreSQL only warns of this, so what counts is who may do what afterwards."""
    statement = statement.replace("TENANT", f'"{tenant}"')
    rights = "SELECT nspacl, relacl FROM pg_namespace n JOIN pg_class c ON n.oid = relnamespace AND relname = 'fh_keys'"
    rights += f" WHERE nspname = '{tenant}'"
    with context(solo, tenant) as session, pytest.raises(StatementRefused):
        run(session, statement)
    monkeypatch.setattr(guard, "check", lambda _statement: None)
    (before,) = database.sql(solo, rights)
    with context(solo, tenant) as session:
        run(session, statement)
        session.commit()
    (after,) = database.sql(solo, rights)
    assert after == before
    with superuser(own) as cursor:  # the control
        cursor.execute(f'SET LOCAL search_path = "{tenant}"')
        cursor.execute(statement)
        cursor.execute(rights)
        assert cursor.fetchone() != tuple(before)


def run(session: Session, statement: str) -> None:
    with driver(session).cursor() as cursor:
        cursor.execute(statement)
