"""Steps in any order, by threads with contexts of their own: never unbound, and never the wrong tenant.

Hypothesis makes up the steps; a model says what each context is to be after each of them. The threads hand over to one
another, so that a sequence is the same each time it is run. Each control takes one defence away, which some sequence
must then show.
"""

import contextlib
import io
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zlib import crc32

import psycopg2.extensions
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.ctx import AppContext
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as options
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy.orm import SessionTransaction

from saas.core.database import db, outside, transaction
from saas.core.ids import uuid7
from saas.core.settings import Settings
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import AlreadyBound, IsolationError, NotBound, StatementRefused, binding
from tenants.isolation.connection import Binding, Connection, Cursor
from tests.support import counts, database
from tests.support.contexts import context, driver
from tests.support.threads import MOST_WAIT
from tests.tenants.isolation.conftest import Superuser, open_tenant

NAMES = sa.select(CatalogueEntry.name)
WHO = sa.text("SELECT current_user, current_schema()")
ADD = "INSERT INTO fh_collections (id, name, label, fields) VALUES (%s, %s, '', '[]')"
COPY = "COPY fh_collections (id, name, label, fields) FROM STDIN"

NUMBERS = itertools.count()

Tell = Callable[[str, object], None]


class OnPurposeError(Exception):
    pass


@dataclass
class Actor:
    """A thread with a context, and what the context is to be."""

    app: Flask
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    context: AppContext | None = None
    tenant: str | None = None
    scope: str = "work"  # of the transaction
    scopes: list[contextlib.ExitStack] = field(default_factory=list)  # the blocks it stands in
    savepoints: list[SessionTransaction] = field(default_factory=list)
    failed: bool = False  # the transaction takes nothing but a rollback
    lost: bool = False  # its connection is gone

    def do(self, call: Callable[[], Any]) -> Any:
        return self.thread.submit(call).result(MOST_WAIT)

    def open(self, tenant: str | None) -> None:
        if self.context is None:
            self.context = self.app.app_context()
            self.do(self.context.push)
            if tenant is not None:
                self.do(partial(isolation.bind, tenant))
            self.tenant = tenant

    def ended(self) -> None:
        """The transaction has ended; the next one is plain."""
        self.scope, self.savepoints, self.failed, self.lost = "work", [], False, False

    def leave_scopes(self) -> None:
        while self.scopes:
            self.do(self.scopes.pop().close)
        self.scope = "work"

    def close(self) -> None:
        if self.context is not None:
            self.leave_scopes()
            self.do(self.context.pop)
            self.context, self.tenant = None, None
            self.ended()


ACTORS = st.integers(0, 1)
TENANTS = st.integers(0, 2)


class Contexts(RuleBasedStateMachine):
    """Two threads, three tenants."""

    app: Flask
    tenants: list[str]
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        with self.app.app_context():
            db.engine.dispose()  # so that nothing of the sequence before is met, and each can be repeated
        self.actors = [Actor(self.app) for _ in range(2)]

    def at(self, number: int) -> Actor:
        """A context that is open; it is somebody's unless it has been opened for nobody."""
        type(self).steps += 1
        self.actors[number].open(self.tenants[number])
        return self.actors[number]

    @rule(a=ACTORS)
    def open_for_nobody(self, a: int) -> None:
        self.actors[a].open(None)
        self.look(self.actors[a])

    @rule(a=ACTORS, t=TENANTS)
    def bind(self, a: int, t: int) -> None:
        actor, tenant = self.at(a), self.tenants[t]
        if actor.lost:
            return
        if actor.savepoints or actor.tenant not in {None, tenant}:
            with pytest.raises(AlreadyBound):
                actor.do(partial(isolation.bind, tenant))
        else:
            actor.do(partial(isolation.bind, tenant))
            actor.tenant = tenant
        assert actor.do(isolation.bound) == actor.tenant

    @rule(a=ACTORS, way=st.sampled_from(["a query", "a cursor", "a server-side cursor", "a service in a service"]))
    def read(self, a: int, way: str) -> None:
        self.look(self.at(a), way)

    @rule(a=ACTORS, way=st.sampled_from(["a query", "executemany", "COPY"]))
    def write(self, a: int, way: str) -> None:
        actor = self.at(a)
        if actor.tenant is None or actor.failed:
            return
        if actor.scope == "design" and way == "a query":
            return  # a flush that is refused takes the whole transaction with it
        call = partial(WRITES[way], f"x {actor.tenant} {next(NUMBERS)}")
        if actor.scope == "design" or (way == "COPY" and actor.scope != "export"):
            with pytest.raises(StatementRefused):
                actor.do(call)
        else:
            actor.do(call)
        self.look(actor)

    @rule(a=ACTORS, way=st.sampled_from(["executemany", "COPY"]))
    def write_first_of_all(self, a: int, way: str) -> None:
        """Where the binding can't travel in front of the statement."""
        actor = self.at(a)
        actor.leave_scopes()
        self.end(a, "a rollback")
        if way == "COPY":
            self.enter_scope(a, "export")
        self.write(a, way)
        self.leave_scope(a)

    @rule(a=ACTORS)
    def savepoint(self, a: int) -> None:
        actor = self.at(a)
        if not actor.failed and len(actor.savepoints) < 3:
            actor.savepoints.append(actor.do(lambda: db.session().begin_nested()))

    @rule(a=ACTORS)
    def roll_back_to_savepoint(self, a: int) -> None:
        actor = self.at(a)
        if actor.savepoints and not actor.lost:
            actor.do(actor.savepoints.pop().rollback)
            actor.failed = False
            self.look(actor)

    @rule(a=ACTORS)
    def release_savepoint(self, a: int) -> None:
        actor = self.at(a)
        if actor.savepoints and not actor.failed:
            actor.do(actor.savepoints.pop().commit)
            self.look(actor)

    @rule(a=ACTORS, inside=st.booleans(), outside=st.booleans())
    def undo_a_change_of_scope(self, a: int, inside: bool, outside: bool) -> None:
        """A savepoint begins in the design scope or before it, and is rolled back there or after it."""
        actor = self.at(a)
        if actor.tenant is None or actor.failed or actor.scope != "work":
            return
        savepoint = None if inside else actor.do(lambda: db.session().begin_nested())
        self.look(actor)
        self.enter_scope(a, "design")
        self.make_a_table(a)
        savepoint = savepoint or actor.do(lambda: db.session().begin_nested())
        self.make_a_table(a)
        if outside:
            self.leave_scope(a)
        actor.do(savepoint.rollback)
        self.look(actor)
        if not outside:
            self.make_a_table(a)
            self.leave_scope(a)

    @rule(a=ACTORS, caught=st.sampled_from([True, True, False]))
    def sql_error(self, a: int, caught: bool) -> None:
        actor = self.at(a)
        if actor.failed:
            return
        statement = sa.text("DROP TABLE nothing" if actor.scope == "design" else "SELECT 1/0")

        def fail() -> None:
            with db.session.begin_nested() if caught else contextlib.nullcontext():
                db.session.execute(statement)

        with pytest.raises(sa.exc.DBAPIError):
            actor.do(fail)
        actor.failed = not caught
        self.look(actor)

    @rule(a=ACTORS)
    def error_in_a_service(self, a: int) -> None:
        """Which has written by then."""
        actor = self.at(a)
        if actor.tenant is None or actor.failed or actor.scope == "design":
            return

        def fail() -> None:
            with db.session.begin_nested():
                WRITES["a query"](f"undone {actor.tenant}")
                raise OnPurposeError

        with pytest.raises(OnPurposeError):
            actor.do(fail)
        self.look(actor)

    @rule(a=ACTORS, scope=st.sampled_from(["design", "export"]))
    def enter_scope(self, a: int, scope: str) -> None:
        actor = self.at(a)
        if actor.lost or len(actor.scopes) > 1:
            return
        block = contextlib.ExitStack()
        enter = partial(block.enter_context, getattr(isolation, scope)())
        if actor.tenant is None:
            with pytest.raises(NotBound):
                actor.do(enter)
            return
        actor.do(enter)
        actor.scopes.append(block)
        actor.scope = scope

    @rule(a=ACTORS)
    def leave_scope(self, a: int) -> None:
        actor = self.at(a)
        if actor.scopes:
            actor.do(actor.scopes.pop().close)
            actor.scope = "work"
            self.look(actor)

    @rule(a=ACTORS)
    def make_a_table(self, a: int) -> None:
        actor = self.at(a)
        if actor.tenant is None or actor.failed:
            return
        make = partial(db.session.execute, sa.text(f"CREATE TABLE made_{next(NUMBERS)} (id int PRIMARY KEY)"))
        if actor.scope == "design":
            actor.do(make)
        else:
            with pytest.raises(StatementRefused):
                actor.do(make)
        self.look(actor)

    @rule(a=ACTORS, way=st.sampled_from(["a commit", "a call outside", "a rollback"]))
    def end(self, a: int, way: str) -> None:
        actor = self.at(a)
        actor.do(ENDS["a rollback" if actor.failed else way])
        actor.ended()
        assert actor.do(isolation.bound) == actor.tenant

    @rule(a=ACTORS, way=st.sampled_from(["invalidated", "a dropped socket"]))
    def lose_the_connection(self, a: int, way: str) -> None:
        actor = self.at(a)
        if actor.failed:
            return
        actor.do(LOSSES[way])
        actor.failed = actor.lost = True

    @rule(a=ACTORS)
    def close(self, a: int) -> None:
        self.at(a).close()

    @rule(a=ACTORS)
    def enter_the_same_context_again(self, a: int) -> None:
        """As Flask does it to stream an answer."""
        actor = self.at(a)
        actor.leave_scopes()
        assert actor.context
        actor.do(actor.context.pop)
        actor.do(actor.context.push)
        actor.ended()
        self.look(actor)

    @rule(t=st.none() | TENANTS, own=st.booleans())
    def thread_beside(self, t: int | None, own: bool) -> None:
        """In the middle of whatever the others are at; without a context of its own it gets nowhere."""
        beside = Actor(self.app)
        if own:
            beside.open(None if t is None else self.tenants[t])
            self.look(beside)
        else:
            with pytest.raises(RuntimeError, match="application context"):
                beside.do(lambda: db.session.scalars(NAMES))
        self.dismiss(beside)

    @rule()
    def look_at_idle_connections(self) -> None:
        with self.app.app_context(), db.engine.connect() as connection:
            found = connection.connection.driver_connection
            assert isinstance(found, Connection)
            assert (found.binding, found.scope, found.announced) == (None, "work", False)
            look = "SELECT current_user = session_user, current_setting('search_path') LIKE '%%public%%'"
            assert tuple(connection.exec_driver_sql(look).one()) == (True, True)

    def look(self, actor: Actor, way: str = "a query") -> None:
        """What the context is for the server, and which rows it finds, are what the model says."""
        if actor.failed:
            with pytest.raises((sa.exc.SQLAlchemyError, StatementRefused)):
                actor.do(READS["a query"])
        elif actor.scope == "design":
            with pytest.raises(StatementRefused):
                actor.do(READS[way])
        elif actor.tenant is None:
            user, _schema = actor.do(who)
            assert not user.startswith(isolation.PREFIX), f"unbound, and yet {user}"
            with pytest.raises(sa.exc.ProgrammingError, match="does not exist"):
                actor.do(READS["a query"])
            actor.do(db.session.rollback)
            actor.ended()
        else:
            assert actor.do(who) == (actor.tenant, actor.tenant)
            seen = actor.do(READS[way])
            assert f"first {actor.tenant}" in seen
            assert all(actor.tenant in name for name in seen)
            assert not any(name.startswith("undone") for name in seen)

    def dismiss(self, actor: Actor) -> None:
        try:
            actor.close()
        finally:
            actor.thread.shutdown()

    def teardown(self) -> None:
        with contextlib.ExitStack() as every:
            for actor in self.actors:
                every.callback(self.dismiss, actor)
        self.look_at_idle_connections()
        for tenant in self.tenants:
            with context(self.app, tenant) as session, transaction():
                session.execute(sa.delete(CatalogueEntry).where(CatalogueEntry.name.startswith("x ")))


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


def machine(app: Flask) -> type[Contexts]:
    """With tenants of its own, each of which has a row from the start."""
    made = type("Contexts", (Contexts,), {"app": app, "tenants": [open_tenant(app) for _ in range(3)]})
    for tenant in made.tenants:
        with context(app, tenant), transaction():
            write(f"first {tenant}")
    return seed(crc32(counts.SEED.encode()))(made)


def run(made: type[Contexts], examples: int, phases: list[Phase]) -> None:
    print(f"seed {counts.SEED} (FREEHOLD_SEED)")
    chosen = options(
        max_examples=examples,
        stateful_step_count=counts.STEPS,
        phases=phases,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(made, settings=chosen)


@pytest.fixture
def pooled(settings: Settings) -> Iterator[Flask]:
    with database.application(settings, database_pool_size=3) as made:
        yield made


def test_each_context_is_its_tenants_or_nobodys_after_any_steps(
    pooled: Flask, settings: Settings, superuser: Superuser, record_property: Tell
) -> None:
    made = machine(pooled)
    run(made, counts.EXAMPLES, [Phase.generate, Phase.shrink])
    with superuser(settings) as cursor:
        for tenant in made.tenants:
            cursor.execute(f'SELECT name FROM "{tenant}".fh_collections')
            assert cursor.fetchall() == [(f"first {tenant}",)]
            cursor.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = %s", (tenant,))
            assert cursor.fetchall() == [(isolation.OWNER,)]
    print(f"steps: {made.steps}")
    record_property("tried", made.steps)
    record_property("leaks", 0)


def keep_the_tenant(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Connection, "_forget", lambda _self: None)


def bind_the_session(patch: pytest.MonkeyPatch) -> None:
    local = Binding.prefix
    patch.setattr(Binding, "prefix", lambda self, scope: local(self, scope).replace("SET LOCAL", "SET"))


def believe_what_was_told(patch: pytest.MonkeyPatch) -> None:
    """A rollback to a savepoint may undo a change of scope."""
    execute = Cursor.execute

    def careless(self: Cursor, query: Any, values: Any = None) -> None:
        if str(query).startswith("ROLLBACK TO"):
            return psycopg2.extensions.cursor.execute(self, query)
        return execute(self, query, values)

    patch.setattr(Cursor, "execute", careless)


def forget_when_entered_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(binding, "_binding", lambda session: session.info.get(binding._KEY))


def leave_out_the_binding_of(what: str) -> Callable[[pytest.MonkeyPatch], None]:
    def take_away(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Cursor, what, getattr(psycopg2.extensions.cursor, what))

    return take_away


FAULTS = {
    "the connection keeps its tenant": keep_the_tenant,
    "the binding is the session's": bind_the_session,
    "a savepoint's rollback is not noticed": believe_what_was_told,
    "a context is not bound when entered again": forget_when_entered_again,
    "executemany is not bound": leave_out_the_binding_of("executemany"),
    "COPY is not bound": leave_out_the_binding_of("copy_expert"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_control_some_steps_show_that_a_defence_is_missing(
    pooled: Flask, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None], record_property: Tell
) -> None:
    made = machine(pooled)
    fault(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, IsolationError, sa.exc.DBAPIError, psycopg2.Error)):
        run(made, counts.EXAMPLES, [Phase.generate])
    record_property("tried", made.steps)
    record_property("control leaked", 1)
