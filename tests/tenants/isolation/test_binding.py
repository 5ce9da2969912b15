"""How a context is bound to its tenant: when, with what, and what is left when it ends.

Each context stands for a request or a job. The application here has one connection, so the next context meets what the
one before has left.
"""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg2 import sql
from sqlalchemy.exc import DataError, InternalError, ProgrammingError
from sqlalchemy.orm import Session

from saas.core.database import db
from saas.core.settings import Settings
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import AlreadyBound, IsolationError, NotBound, StatementRefused, guard, modes
from tenants.isolation.connection import Binding, Connection, Cursor
from tests.support import database
from tests.support.contexts import context, driver
from tests.tenants.isolation.conftest import Superuser

ENTRIES = sa.select(CatalogueEntry.name).order_by(CatalogueEntry.name)
WHERE_AM_I = sa.text("SELECT current_user, current_setting('search_path'), current_setting('statement_timeout')")
ADD = "INSERT INTO fh_collections (id, name, label, fields) VALUES (uuidv7(), %s, '', '[]')"
TABLE = "CREATE TABLE made (id int PRIMARY KEY)"


def add(app: Flask, tenant: str, name: str) -> None:
    with context(app, tenant) as session:
        session.add(CatalogueEntry(name=name, label="", fields=[]))
        session.commit()


def where(session: Session) -> tuple[str, str, str]:
    return tuple(session.execute(WHERE_AM_I).one())  # type: ignore[return-value]


def inside(tenant: str) -> tuple[str, str, str]:
    return modes.current().role_of(tenant), tenant, "15s"


def login(app: Flask) -> str | None:
    return sa.make_url(app.extensions["freehold.settings"].database_url).username


@pytest.fixture(scope="module")
def solo(solo_in_both: Flask) -> Flask:
    return solo_in_both


@pytest.fixture(scope="module")
def pooled(own: Settings) -> Iterator[Flask]:
    """An application with a connection for each thread."""
    with database.application(own) as made:
        yield made


# Unbound


def test_without_a_tenant_no_tenants_table_is_found_nor_readable(solo: Flask, tenant: str) -> None:
    add(solo, tenant, "mine")
    by_name = sa.text(f'SELECT name FROM "{tenant}".fh_collections')
    with context(solo) as session, pytest.raises(ProgrammingError, match='relation "fh_collections" does not exist'):
        session.execute(ENTRIES)
    with context(solo) as session, pytest.raises(ProgrammingError, match="permission denied for schema"):
        session.execute(by_name)
    with context(solo, tenant) as session:  # the control
        assert list(session.scalars(ENTRIES)) == ["mine"]


def test_a_tenant_finds_its_own_tables_and_no_others(solo: Flask, tenant: str, other: str) -> None:
    add(solo, tenant, "mine")
    add(solo, other, "yours")
    for bound, name in ((tenant, "mine"), (other, "yours")):
        with context(solo, bound) as session:
            assert isolation.bound() == bound
            assert list(session.scalars(ENTRIES)) == [name]


# Binding


@pytest.mark.parametrize("begun", [False, True], ids=["before the transaction", "inside the transaction"])
def test_binding_the_same_tenant_again_changes_nothing_and_another_is_refused(
    solo: Flask, tenant: str, other: str, begun: bool
) -> None:
    with context(solo, tenant) as session:
        if begun:
            assert where(session) == inside(tenant)
        isolation.bind(tenant)
        with pytest.raises(AlreadyBound):
            isolation.bind(other)
        assert isolation.bound() == tenant
        assert where(session) == inside(tenant)
        session.commit()
        with pytest.raises(AlreadyBound):
            isolation.bind(other)


def test_a_context_may_do_platform_work_first_and_is_bound_from_then_on(solo: Flask, tenant: str) -> None:
    with context(solo) as session:
        assert where(session)[0] == login(solo)
        isolation.bind(tenant)
        assert where(session) == inside(tenant)


def test_a_tenant_is_not_entered_inside_a_savepoint_whose_rollback_would_leave_it(solo: Flask, tenant: str) -> None:
    with context(solo) as session:
        with session.begin_nested(), pytest.raises(AlreadyBound, match="savepoint"):
            isolation.bind(tenant)
        assert isolation.bound() is None
        isolation.bind(tenant)
        assert where(session) == inside(tenant)


@pytest.mark.parametrize(
    "name", ["", "platform", "public", "fh_owner", 't_a"; --', "t_" + "a" * 15, "t_" + "A" * 16, "t_" + "a" * 16 + "\n"]
)
def test_only_a_tenants_id_can_be_bound(solo: Flask, name: str) -> None:
    with context(solo), pytest.raises(IsolationError):
        isolation.bind(name)
    with context(solo):
        assert isolation.bound() is None


def test_the_driver_refuses_a_second_tenant_in_one_transaction(solo: Flask, tenant: str, other: str) -> None:
    with context(solo, tenant) as session, pytest.raises(AlreadyBound):
        driver(session).bind(Binding(other, 1000))


def test_after_a_commit_or_rollback_the_same_context_is_bound_again(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session:
        for end in (session.commit, session.rollback, session.commit):
            assert where(session) == inside(tenant)
            end()
        assert where(session) == inside(tenant)


def test_a_statement_of_a_tenant_is_cancelled_after_its_time(own: Settings, tenant: str) -> None:
    with database.application(own, statement_timeout_ms=100) as impatient, context(impatient, tenant) as session:
        with pytest.raises(sa.exc.OperationalError, match="statement timeout"):
            session.execute(sa.text("SELECT count(*) FROM generate_series(1, 1000000000)"))
        session.rollback()
        assert where(session)[2] == "100ms"


# What is left


def fail(session: Session) -> None:
    with pytest.raises(DataError):
        session.execute(sa.text("SELECT 1/0"))


ENDS: dict[str, Callable[[Session], object]] = {
    "a commit": lambda session: session.commit(),
    "a rollback": lambda session: session.rollback(),
    "nothing": lambda _session: None,
    "a failed statement": fail,
    "a commit by the driver": lambda session: driver(session).commit(),
    "a rollback by the driver": lambda session: driver(session).rollback(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_nothing_of_a_tenant_is_left_on_the_connection(
    solo: Flask, tenant: str, monkeypatch: pytest.MonkeyPatch, end: Callable[[Session], object]
) -> None:
    before = plain_look(solo)
    use(solo, tenant, end)
    assert plain_look(solo) == before
    # The control: the same with a binding that is the session's, as `SET` without LOCAL makes it.
    monkeypatch.setattr(Binding, "prefix", lambda self, _scope: session_level(self))
    seen = use(solo, tenant, end)
    after = plain_look(solo)
    with context(solo):
        db.engine.dispose()
    assert after[0] == before[0], "the control needs the same connection"
    assert after[1:] == seen


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_connection_forgets_its_tenant_with_the_transaction(own: Settings, tenant: str, end: str) -> None:
    """Also one that no pool looks after."""
    url, mode = own.database_url.replace("+psycopg2", ""), modes.MODES[own.tenant_isolation]
    with contextlib.closing(psycopg2.connect(url, connection_factory=Connection)) as found, found.cursor() as cursor:
        cursor.execute("SELECT current_user")
        before = cursor.fetchone()
        found.bind(Binding(tenant, 1000, mode))
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (mode.role_of(tenant),) != before
        getattr(found, end)()
        assert found.binding is None
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == before


def use(app: Flask, tenant: str, end: Callable[[Session], object]) -> tuple[str, str]:
    with context(app, tenant) as session:
        seen = where(session)[:2]
        assert seen == inside(tenant)[:2]
        end(session)
        return seen


def plain_look(app: Flask) -> tuple[Any, ...]:
    with context(app) as session:
        look = "SELECT pg_backend_pid(), current_user, current_setting('search_path')"
        return tuple(session.execute(sa.text(look)).one())


def session_level(binding: Binding) -> str:
    role, tenant = binding.mode.role_of(binding.tenant), binding.tenant
    return f'COMMIT; SET ROLE "{role}"; SET search_path = "{tenant}"; COMMIT; BEGIN; '


# Failures


@pytest.mark.parametrize("failing", ["SELECT 1/0", "SELECT FROM WHERE", "SELECT nothing FROM nowhere", "RESET ROLE"])
def test_a_first_statement_that_fails_leaves_the_next_transaction_bound(solo: Flask, tenant: str, failing: str) -> None:
    with context(solo, tenant) as session:
        with pytest.raises((sa.exc.DBAPIError, StatementRefused)):
            session.execute(sa.text(failing))
        session.rollback()
        assert where(session) == inside(tenant)


@pytest.mark.parametrize("begun", [False, True], ids=["before the transaction", "inside the transaction"])
def test_parameters_that_the_driver_refuses_do_not_use_up_the_binding(solo: Flask, tenant: str, begun: bool) -> None:
    """Nothing was sent, so the next statement of the same transaction has to carry it."""
    with context(solo) as session, driver(session).cursor() as cursor:
        if begun:
            where(session)
        isolation.bind(tenant)
        for values in ((), (1, 2), (object(),)):
            with pytest.raises((TypeError, IndexError, psycopg2.ProgrammingError)):
                cursor.execute("SELECT %s", values)
        assert where(session) == inside(tenant)


def test_a_failed_transaction_takes_no_further_statement(solo: Flask, tenant: str) -> None:
    with context(solo, tenant) as session:
        fail(session)
        with pytest.raises(InternalError, match="current transaction is aborted"):
            session.execute(ENTRIES)


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


# The driver's other ways to run something


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
    template = "(uuidv7(), %s, '', '[]')"
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


# Threads


def test_threads_see_the_rows_of_their_own_tenant(
    pooled: Flask, solo: Flask, tenant: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both bind before either of them sends its first statement, which is when a binding kept globally goes wrong."""
    for name in (tenant, other):
        add(solo, name, name)

    def seen(ready: threading.Barrier, name: str) -> list[str]:
        with context(pooled, name) as session:
            session.connection()
            ready.wait(10)
            found = list(session.scalars(ENTRIES))
            ready.wait(10)
            return found

    def rounds() -> list[bool]:
        ready = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            found = [pool.map(lambda name: seen(ready, name) == [name], (tenant, other)) for _ in range(10)]
            return [right for pair in found for right in pair]

    assert all(rounds())
    last: list[Binding] = []  # the control: a binding that the whole process shares
    bind = Connection.bind
    monkeypatch.setattr(Connection, "bind", lambda self, binding: (last.append(binding), bind(self, binding))[1])
    monkeypatch.setattr(Connection, "prefix", lambda self: last[-1].prefix(self.scope))
    assert not all(rounds())


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


# What the server refuses to a tenant's role, when the guard has let it through

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
