"""How a context is bound to its tenant: when, with what, and what is left when it ends.

Each context stands for a request or a job. The application here has one connection, so the next context meets what the
one before has left.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DataError, InternalError, ProgrammingError
from sqlalchemy.orm import Session

from saas.core.database import db
from saas.core.settings import Settings
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import AlreadyBound, IsolationError, StatementRefused, modes
from tenants.isolation.connection import Binding, Connection
from tests.support import database
from tests.support.binding import ENTRIES, add, inside, login, where
from tests.support.contexts import context, driver
from tests.support.threads import MOST_WAIT


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


def test_a_failed_transaction_is_not_committed_and_says_so(solo: Flask, tenant: str) -> None:
    """The server answers a COMMIT then with a ROLLBACK, of which the driver itself says nothing."""
    with context(solo, tenant) as session:
        session.add(CatalogueEntry(name="lost", label="", fields=[]))
        session.flush()
        fail(session)
        with pytest.raises(InternalError, match="nothing to commit"):
            session.commit()
        session.rollback()
        assert where(session) == inside(tenant)
        assert list(session.scalars(ENTRIES)) == []
    with context(solo, tenant) as session:  # the control
        fail(session)
        psycopg2.extensions.connection.commit(driver(session))


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
            ready.wait(MOST_WAIT)
            found = list(session.scalars(ENTRIES))
            ready.wait(MOST_WAIT)
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
