"""The driver's other ways to run something: each is bound and judged as `execute` is, or refused."""

import io
from collections.abc import Callable
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg2 import sql
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import NotBound, StatementRefused
from tenants.isolation.connection import Binding, Connection, Cursor
from tests.support.binding import ADD, ENTRIES, add, inside, login, where
from tests.support.contexts import context, driver


@pytest.fixture(scope="module")
def solo(solo_in_both: Flask) -> Flask:
    return solo_in_both


def test_a_server_side_cursor_reads_the_tenants_own_rows(solo: Flask, tenant: str, other: str) -> None:
    for name in ("a", "b", "c"):
        add(solo, tenant, name)
    add(solo, other, "yours")
    with context(solo, tenant) as session:
        for _ in ("as the first statement", "later"):
            rows = session.scalars(ENTRIES, execution_options={"stream_results": True, "max_row_buffer": 1})
            assert list(rows) == ["a", "b", "c"]
        with driver(session).cursor("named") as cursor, pytest.raises(StatementRefused):
            cursor.execute("SELECT 1; RESET ROLE")
    with context(solo) as session, pytest.raises(ProgrammingError, match="does not exist"):  # the control
        session.scalars(ENTRIES, execution_options={"stream_results": True})


def test_a_cursor_that_outlives_its_transaction_is_refused(solo: Flask, tenant: str) -> None:
    """Unbound it is what the name says: the control."""
    with context(solo, tenant) as session:
        for options in ({"withhold": True}, {}):
            with driver(session).cursor("held", **options) as cursor:
                cursor.withhold = True
                with pytest.raises(StatementRefused):
                    cursor.execute("SELECT 1")
    with context(solo) as session, driver(session).cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT 'left'")
        session.commit()
        assert cursor.fetchone() == ("left",)


@pytest.mark.parametrize("first", [True, False], ids=["as the first statement", "later"])
def test_executemany_writes_into_the_tenants_own_table(solo: Flask, tenant: str, other: str, first: bool) -> None:
    with context(solo, tenant) as session:
        if not first:
            where(session)
        with driver(session).cursor() as cursor:
            cursor.executemany(ADD, [("a",), ("b",)])
            with pytest.raises(StatementRefused):
                cursor.executemany("SELECT set_config('role', %s, true)", [("a",)])
        session.execute(sa.insert(CatalogueEntry), [{"name": name, "label": "", "fields": []} for name in ("c", "d")])
        assert list(session.scalars(ENTRIES)) == ["a", "b", "c", "d"]
        session.commit()
    with context(solo, other) as session:
        assert list(session.scalars(ENTRIES)) == []


def test_execute_values_runs_and_its_text_is_judged(solo: Flask, tenant: str) -> None:
    names = ["it's; -- a /* name */", "50% off", 'the "best"']
    template = "(gen_random_uuid(), %s, '', '[]')"
    statement = "INSERT INTO fh_collections (id, name, label, fields) VALUES %s"
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        psycopg2.extras.execute_values(cursor, statement, [(name,) for name in names], template)
        assert set(session.scalars(ENTRIES)) == set(names)
        with pytest.raises(StatementRefused):
            psycopg2.extras.execute_values(cursor, statement + "; RESET ROLE", [("x",)], template)


@pytest.mark.parametrize("made", [str, str.encode, sql.SQL], ids=["text", "bytes", "composable"])
def test_a_query_of_any_type_is_judged_and_bound(solo: Flask, tenant: str, made: Callable[[str], Any]) -> None:
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        cursor.execute(made("SELECT current_user, %s"), ("x",))
        assert cursor.fetchone() == (inside(tenant)[0], "x")
        with pytest.raises(StatementRefused):
            cursor.execute(made("SELECT 1; RESET ROLE"))
        with pytest.raises(StatementRefused):
            cursor.executemany(made("RESET ROLE"), [()])
        cursor.execute(sql.SQL("SELECT {} FROM fh_collections").format(sql.Identifier("name")))


class Lookalike(str):
    """A text that the guard's memory would take for another one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other == "SELECT 1"

    def __hash__(self) -> int:
        return hash("SELECT 1")


def test_a_verdict_can_not_be_had_for_another_text(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        cursor.execute("SELECT 1")
        with pytest.raises(StatementRefused):
            cursor.execute(Lookalike("RESET ROLE"))


def test_a_query_that_is_not_a_text_is_refused(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        for query in (bytearray(b"SELECT 1"), None, 1, ["SELECT 1"]):
            with pytest.raises(StatementRefused):
                cursor.execute(query)


@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
def test_a_connection_of_ours_has_no_cursors_without_the_guard(solo: Flask, tenant: str, bound: bool) -> None:
    extras = psycopg2.extras
    with context(solo, tenant if bound else None) as session:
        session.connection()
        for name, kind in ((None, extras.RealDictCursor), (None, extras.LoggingCursor), ("named", extras.DictCursor)):
            with pytest.raises(StatementRefused):
                driver(session).cursor(name, kind)
        assert isinstance(driver(session).cursor(), Cursor)
        assert isinstance(driver(session).cursor(cursor_factory=psycopg2.extensions.cursor), Cursor)
        assert isinstance(driver(session).cursor("named", psycopg2.extensions.cursor), Cursor)


def test_a_cursor_from_before_the_binding_knows_it(solo: Flask, tenant: str, other: str) -> None:
    add(solo, other, "theirs")
    with context(solo) as session, driver(session).cursor() as cursor:
        isolation.bind(tenant)
        with pytest.raises(StatementRefused):
            cursor.execute(theft(session, other))
    with context(solo) as session:  # the control: the driver's own, which is no longer handed out
        made = psycopg2.extensions.connection.cursor(driver(session), cursor_factory=psycopg2.extensions.cursor)
        isolation.bind(tenant)
        with made as cursor:
            cursor.execute(theft(session, other))
            assert cursor.fetchall() == [("theirs",)]


def theft(session: Session, other: str) -> str:
    binding = driver(session).binding
    assert binding
    return f'RESET ROLE; SET LOCAL ROLE "{binding.mode.role_of(other)}"; SELECT name FROM "{other}".fh_collections'


def test_procedures_and_large_objects_are_refused(solo: Flask, tenant: str) -> None:
    """Large objects to every connection of ours: a handle from before would still be there when a tenant is bound."""
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        with pytest.raises(StatementRefused):
            cursor.callproc("upper", ("x",))
        with pytest.raises(StatementRefused):
            driver(session).lobject()
    with context(solo) as session, driver(session).cursor() as cursor:
        with pytest.raises(StatementRefused):
            driver(session).lobject()
        cursor.callproc("upper", ("x",))  # the control
        assert cursor.fetchone() == ("X",)
        assert psycopg2.extensions.connection.lobject(driver(session)).oid


COPIES: dict[str, Callable[[Cursor, io.StringIO], None]] = {
    "copy_expert": lambda cursor, file: cursor.copy_expert("COPY fh_collections (name) TO STDOUT", file),
    "copy_expert in bytes": lambda cursor, file: cursor.copy_expert(b"COPY fh_collections (name) TO STDOUT", file),
    "copy_to": lambda cursor, file: cursor.copy_to(file, "fh_collections", columns=["name"]),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("first", [True, False], ids=["as the first statement", "later"])
def test_copy_works_in_the_export_scope_only_and_on_own_rows(
    solo: Flask, tenant: str, other: str, first: bool, copy: Callable[[Cursor, io.StringIO], None]
) -> None:
    add(solo, tenant, "mine")
    add(solo, other, "yours")
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        if not first:
            where(session)
        with pytest.raises(StatementRefused):
            copy(cursor, io.StringIO())
        with isolation.export():
            copy(cursor, out := io.StringIO())
            assert where(session) == inside(tenant)
        assert out.getvalue() == "mine\n"
        with pytest.raises(StatementRefused):
            copy(cursor, io.StringIO())
    with context(solo) as session, driver(session).cursor() as cursor, pytest.raises(psycopg2.errors.UndefinedTable):
        copy(cursor, io.StringIO())  # the control of being bound


def test_copy_writes_in_the_export_scope_only_and_into_own_tables(solo: Flask, tenant: str, other: str) -> None:
    columns = ["id", "name", "label", "fields"]
    with context(solo, tenant) as session, driver(session).cursor() as cursor:
        row = "00000000-0000-0000-0000-000000000001\tmine\tx\t[]\n"
        with pytest.raises(StatementRefused):
            cursor.copy_from(io.StringIO(row), "fh_collections", columns=columns)
        with isolation.export():
            cursor.copy_from(io.StringIO(row), "fh_collections", columns=columns)
        assert list(session.scalars(ENTRIES)) == ["mine"]
        session.commit()
    with context(solo, other) as session:
        assert list(session.scalars(ENTRIES)) == []


def test_a_connection_in_autocommit_can_not_be_bound(solo: Flask, tenant: str) -> None:
    with context(solo) as session:
        found = driver(session)
        found.autocommit = True
        try:
            with pytest.raises(NotBound):
                found.bind(Binding(tenant, 1000))
        finally:
            found.autocommit = False


@pytest.mark.parametrize("statement", ["SELECT 1", "SAVEPOINT sa_savepoint_1", ADD.replace("%s", "'x'")])
def test_a_bound_connection_that_is_put_into_autocommit_runs_nothing(solo: Flask, tenant: str, statement: str) -> None:
    """Its binding would end with the statement, and the next one would be the application's own."""
    with context(solo, tenant) as session:
        found = driver(session)
        found.autocommit = True
        try:
            for run in (lambda: found.cursor().execute(statement), lambda: found.cursor().executemany(statement, [()])):
                with pytest.raises(NotBound):
                    run()
        finally:
            found.autocommit = False


WAYS_TO_END: dict[str, Callable[[Connection], object]] = {
    "set_isolation_level": lambda found: found.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_DEFAULT),
    "reset": lambda found: found.reset(),
}


@pytest.mark.parametrize("end", WAYS_TO_END.values(), ids=WAYS_TO_END.keys())
def test_a_transaction_that_the_driver_ends_by_itself_is_followed_by_a_bound_one(
    solo: Flask, tenant: str, monkeypatch: pytest.MonkeyPatch, end: Callable[[Connection], object]
) -> None:
    def after(session: Session) -> str:
        where(session)
        end(driver(session))
        return where(session)[0]

    with context(solo, tenant) as session:
        assert after(session) == inside(tenant)[0]
    # The control: a connection that believes what it told the server once.
    believing = property(lambda self: self._told, lambda self, told: setattr(self, "_told", told))
    monkeypatch.setattr(Connection, "announced", believing)
    with context(solo, tenant) as session:
        assert after(session) == login(solo)
