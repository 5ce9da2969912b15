"""The steps, and what they must come to."""

import contextlib
from functools import partial

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from saas.core.database import db, transaction
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import AlreadyBound, NotBound, StatementRefused
from tenants.isolation.connection import Connection
from tenants.isolation.modes import Mode
from tests.support.contexts import context
from tests.support.machine.actor import Actor
from tests.support.machine.ways import ENDS, LOSSES, NAMES, NUMBERS, READS, WRITES, OnPurposeError, who

ACTORS = st.integers(0, 1)
TENANTS = st.integers(0, 2)


class Contexts(RuleBasedStateMachine):
    """Two threads, three tenants."""

    app: Flask
    mode: Mode
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

    @rule(a=ACTORS)
    def read_first_of_all(self, a: int) -> None:
        """So the binding goes with the cursor or a savepoint; elsewhere it has gone with the question who this is."""
        actor = self.at(a)
        actor.leave_scopes()
        for way in ("a server-side cursor", "a service in a service"):
            self.end(a, "a rollback")
            if actor.tenant is not None:
                self.find_own_rows(actor, way)

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
            assert not user.startswith((isolation.PREFIX, "fh_")), f"unbound, and yet {user}"
            with pytest.raises(sa.exc.ProgrammingError, match="does not exist"):
                actor.do(READS["a query"])
            actor.do(db.session.rollback)
            actor.ended()
        else:
            assert actor.do(who) == (self.mode.role_of(actor.tenant), actor.tenant)
            self.find_own_rows(actor, way)

    def find_own_rows(self, actor: Actor, way: str) -> None:
        seen = actor.do(READS[way])
        assert f"first {actor.tenant}" in seen
        assert all(str(actor.tenant) in name for name in seen)
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
