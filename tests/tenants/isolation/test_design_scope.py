"""The design scope, in which a tenant's tables are made, and what savepoints do to it and to a binding."""

import contextlib
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DataError, ProgrammingError
from sqlalchemy.orm import Session

from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import NotBound, StatementRefused
from tenants.isolation.connection import Cursor
from tests.support.binding import ENTRIES, TABLE, inside, where
from tests.support.contexts import context, driver


@pytest.fixture(scope="module")
def solo(solo_in_both: Flask) -> Flask:
    return solo_in_both


# Savepoints


def failing_savepoint(session: Session) -> None:
    """What a service does that lets the database settle a race."""
    with pytest.raises((DataError, ProgrammingError)), session.begin_nested():
        session.execute(sa.text("DROP TABLE nothing" if driver(session).scope == "design" else "SELECT 1/0"))


def test_a_savepoint_rolled_back_leaves_the_binding(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session:
        failing_savepoint(session)  # as the first statement
        assert where(session) == inside(tenant)
        with session.begin_nested():
            failing_savepoint(session)
            assert where(session) == inside(tenant)
        assert where(session) == inside(tenant)


def test_a_savepoint_rolled_back_inside_the_design_scope_stays_there(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session:
        with isolation.design():
            failing_savepoint(session)
            session.execute(sa.text(TABLE))
        assert where(session) == inside(tenant)
        session.commit()
        assert owner_of(session, "made") == isolation.OWNER


def rolled_back_after_design(session: Session) -> str:
    """A savepoint made as the schemas' owner is rolled back when the context is the tenant's again."""
    with isolation.design():
        savepoint = session.begin_nested()
        session.execute(sa.text(TABLE))
    assert where(session)[0] != isolation.OWNER
    savepoint.rollback()
    return where(session)[0]


def rolled_back_before_design(session: Session) -> str:
    """A savepoint made as the tenant is rolled back inside the design scope, by a savepoint's own statement."""
    where(session)
    session.execute(sa.text("SAVEPOINT sa_savepoint_9"))
    with isolation.design():
        session.execute(sa.text(TABLE))
        session.execute(sa.text("ROLLBACK TO SAVEPOINT sa_savepoint_9"))
        session.execute(sa.text(TABLE.replace("made", "made_by_owner")))
    return owner_of(session, "made_by_owner")


def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the control: the connection does not notice what a rollback has undone."""
    original = Cursor.execute

    def execute(self: Cursor, query: Any, values: Any = None) -> None:
        if str(query).startswith("ROLLBACK TO"):
            return psycopg2.extensions.cursor.execute(self, query, values)
        return original(self, query, values)

    monkeypatch.setattr(Cursor, "execute", execute)


def test_a_rollback_to_before_the_end_of_the_design_scope_does_not_bring_the_owners_role_back(
    solo: Flask, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with context(solo, tenant) as session:
        assert rolled_back_after_design(session) == inside(tenant)[0]
    careless(monkeypatch)
    with context(solo, tenant) as session:  # the control
        assert rolled_back_after_design(session) == isolation.OWNER


def test_a_rollback_to_before_the_design_scope_does_not_take_the_owners_role_away(
    solo: Flask, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with context(solo, tenant) as session:
        assert rolled_back_before_design(session) == isolation.OWNER
    careless(monkeypatch)
    with context(solo, tenant) as session, pytest.raises(ProgrammingError, match="permission denied"):  # the control
        rolled_back_before_design(session)


def owner_of(session: Session, table: str) -> str:
    """Who owns a table of this tenant: asked without the guard, which hides the catalogue."""
    with driver(session).cursor() as cursor:
        query = "SELECT tableowner FROM pg_tables WHERE tablename = %s AND schemaname = current_schema"
        announce_and_run(cursor, query, table)
        return str(cursor.fetchone()[0])


def announce_and_run(cursor: Cursor, query: str, *values: str) -> None:
    cursor.connection.announce()
    psycopg2.extensions.cursor.execute(cursor, query, values)


# The design scope


def test_the_scopes_need_a_tenant(solo: Flask) -> None:
    for scope in (isolation.design, isolation.export):
        with context(solo), pytest.raises(NotBound), scope():
            pass


def test_ddl_runs_in_the_design_scope_only(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session:
        with pytest.raises(StatementRefused):
            session.execute(sa.text(TABLE))
        with isolation.design():
            session.execute(sa.text(TABLE))
        with pytest.raises(StatementRefused):
            session.execute(sa.text("DROP TABLE made"))
        session.execute(sa.text("INSERT INTO made VALUES (1)"))  # the new table's grants have come by themselves
        assert where(session) == inside(tenant)


@pytest.mark.parametrize("statement", ["SELECT 1", "DELETE FROM fh_collections", "DROP TABLE other.made"])
def test_the_design_scope_runs_neither_dml_nor_names_with_a_schema(solo: Flask, tenant: str, statement: str) -> None:
    with context(solo, tenant) as session:
        with isolation.design(), pytest.raises(StatementRefused):
            session.execute(sa.text(statement))
        assert where(session) == inside(tenant)


def test_what_waits_in_the_session_is_written_before_the_design_scope_and_nothing_inside(
    solo: Flask, tenant: str
) -> None:
    with context(solo, tenant) as session:
        session.add(CatalogueEntry(name="before", label="", fields=[]))
        with isolation.design():
            session.add(CatalogueEntry(name="inside", label="", fields=[]))
            with pytest.raises(StatementRefused):
                session.flush()
        session.rollback()
        session.add(CatalogueEntry(name="before", label="", fields=[]))
        with isolation.design():
            session.execute(sa.text(TABLE))
        assert list(session.scalars(ENTRIES)) == ["before"]


class OnPurposeError(Exception):
    pass


@pytest.mark.parametrize("ended", [False, True], ids=["the transaction goes on", "the transaction is rolled back"])
def test_an_error_inside_the_design_scope_leaves_the_scope(solo: Flask, tenant: str, ended: bool) -> None:
    with context(solo, tenant) as session:
        with contextlib.suppress(OnPurposeError), isolation.design():
            session.execute(sa.text(TABLE))
            if ended:
                session.rollback()
            raise OnPurposeError
        assert where(session) == inside(tenant)


def test_the_design_scope_ends_with_the_transaction(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session, isolation.design():
        session.execute(sa.text(TABLE))
        session.commit()
        assert where(session) == inside(tenant)
