"""What breaks, at which layer, and whether it really did."""

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import psycopg2.extensions
import sqlalchemy as sa
from flask import Flask, Response, before_render_template
from sqlalchemy import event

from saas.core.database import db
from tests.support.threads import MOST_WAIT

SLOW = "SELECT count(*) FROM generate_series(1, 1000000007)"  # takes minutes, if it is let
_IS_SLOW = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query LIKE %s"


class OnPurposeError(Exception):
    """Thrown by these tests."""


@dataclass
class Fault:
    """One thing that goes wrong in one request, and what has come of it so far."""

    kind: str
    at: int = 1  # the statement in front of which it happens, counted from 1; other layers have one place
    statements: int = 0
    struck: bool = False
    felt: bool = False  # the database or the connection to it has said so
    over: threading.Event = field(default_factory=threading.Event)  # the request has ended

    @property
    def hit(self) -> bool:
        return self.struck and (self.felt or self.kind not in FELT)

    def strikes(self, kind: str) -> bool:
        """Whether to go wrong now: once only."""
        if self.kind != kind or self.struck:
            return False
        self.struck = True
        return True


current: ContextVar[Fault | None] = ContextVar("fault", default=None)


@contextmanager
def going_wrong(fault: Fault | None) -> Iterator[None]:
    token = current.set(fault)
    try:
        yield
    finally:
        current.reset(token)
        if fault:
            fault.over.set()


class Superuser:
    """Who ends other people's queries and connections."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url.replace("+psycopg2", ""))
        self._connection.autocommit = True
        self._lock = threading.Lock()

    def ask(self, statement: str, *values: Any) -> list[Any]:
        with self._lock, self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def cancel(self, pid: int, fault: Fault) -> None:
        """Cancel the slow query of a backend once it runs, and nothing else."""
        while not fault.over.wait(0.002):
            if self.ask(_IS_SLOW, pid, f"%{SLOW}%"):
                return

    def terminate(self, pid: int) -> None:
        assert self.ask("SELECT pg_terminate_backend(%s, %s)", pid, int(MOST_WAIT * 1000)) == [(True,)]

    def close(self) -> None:
        self._connection.close()


@dataclass
class Strike:
    """A statement on its way to the server."""

    superuser: Superuser
    connection: sa.Connection
    fault: Fault

    @property
    def driver(self) -> Any:
        return self.connection.connection.driver_connection

    def raw(self, statement: str) -> Any:
        """Past the guard, and without telling the binding."""
        with psycopg2.extensions.connection.cursor(self.driver, cursor_factory=psycopg2.extensions.cursor) as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None


def _exception(_strike: Strike) -> None:
    raise OnPurposeError


def _exit(_strike: Strike) -> None:
    raise SystemExit


def _sql_error(_strike: Strike) -> str:
    return "SELECT 1/0"


def _timeout(strike: Strike) -> str:
    if strike.driver.binding is not None:
        strike.driver.announce()  # whose own time is too long to wait for
    strike.raw("SET LOCAL statement_timeout = 20")
    return SLOW


def _cancelled(strike: Strike) -> str:
    pid = strike.raw("SELECT pg_backend_pid()")
    threading.Thread(target=strike.superuser.cancel, args=(pid, strike.fault)).start()
    return SLOW


def _terminated(strike: Strike) -> None:
    strike.superuser.terminate(strike.raw("SELECT pg_backend_pid()"))


def _dropped(strike: Strike) -> None:
    with socket.socket(fileno=os.dup(strike.driver.fileno())) as dropped:
        dropped.shutdown(socket.SHUT_RDWR)


def _savepoint(strike: Strike) -> None:
    """As a service does that lets the database settle a race; the request goes on."""
    with suppress(sa.exc.DBAPIError), strike.connection.begin_nested():
        strike.connection.exec_driver_sql("SELECT 1/0")


# Each may give another statement to be sent instead.
AT_A_STATEMENT: dict[str, Callable[[Strike], str | None]] = {
    "an exception": _exception,
    "SystemExit": _exit,
    "an SQL error": _sql_error,
    "a statement timeout": _timeout,
    "a cancelled query": _cancelled,
    "a terminated backend": _terminated,
    "a dropped socket": _dropped,
    "a savepoint rolled back": _savepoint,
}
AT_THE_COMMIT = "a backend terminated at the commit"
REFUSED = "a commit that the server refuses"
BEFORE_VIEW, AFTER_VIEW = "an exception before the view", "an exception after the view"
BEFORE_COMMIT, AFTER_COMMIT = "an exception before the commit", "an exception after the commit"
REQUEST, CONTEXT = "an exception in a request's teardown", "an exception in a context's teardown"
JSON, TEMPLATE = "an exception in writing JSON", "an exception in a template"
SENDING, READING = "a client gone while it sends", "a client gone while it reads"

FELT = {
    *AT_A_STATEMENT.keys() - {"an exception", "SystemExit"},
    AT_THE_COMMIT,
    REFUSED,
}
# The answer is lost or says that it failed, though what was asked for may have been committed.
UNSURE = {AFTER_COMMIT, REQUEST, CONTEXT, READING}


def install(app: Flask, superuser: Superuser) -> None:
    """Let each layer of an application fail where the request at hand says so."""
    _in_views(app)
    app.before_request(lambda: _fail(BEFORE_VIEW))
    app.after_request(lambda response: _fail(BEFORE_COMMIT, response))  # the first to run
    app.after_request_funcs[None].insert(0, lambda response: _fail(AFTER_COMMIT, response))  # the last
    app.teardown_request(lambda _error: _fail(REQUEST))
    app.teardown_appcontext(lambda _error: _fail(CONTEXT))
    before_render_template.connect(_in_template, app)
    _in_json(app)
    with app.app_context():
        _in_database(db.engine, superuser)


def _fail(kind: str, response: Response | None = None) -> Any:
    if (fault := current.get()) and fault.strikes(kind):
        raise OnPurposeError
    return response


def _in_template(_app: Flask, **_named: Any) -> None:
    _fail(TEMPLATE)


def _in_views(app: Flask) -> None:
    def failing(view: Callable[..., Any]) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            found = view(**arguments)
            _fail(AFTER_VIEW)
            return found

        call.__dict__.update(view.__dict__)  # what the view needs, and when it binds
        return call

    for endpoint, view in app.view_functions.items():
        app.view_functions[endpoint] = failing(view)


def _in_json(app: Flask) -> None:
    respond = app.json.response

    def failing(*arguments: Any, **named: Any) -> Response:
        _fail(JSON)
        return respond(*arguments, **named)

    app.json.response = failing  # type: ignore[method-assign]


def _in_database(engine: sa.Engine, superuser: Superuser) -> None:
    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def at_a_statement(connection: sa.Connection, _cursor: Any, text: str, values: Any, *_rest: Any) -> Any:
        fault = current.get()
        if fault is None or fault.kind not in AT_A_STATEMENT:
            return text, values
        fault.statements += 1
        if fault.statements < fault.at or not fault.strikes(fault.kind):
            return text, values
        instead = AT_A_STATEMENT[fault.kind](Strike(superuser, connection, fault))
        return (instead, ()) if instead else (text, values)

    @event.listens_for(engine, "commit")
    def at_the_commit(connection: sa.Connection) -> None:
        if (fault := current.get()) and fault.strikes(AT_THE_COMMIT):
            _terminated(Strike(superuser, connection, fault))

    @event.listens_for(engine, "handle_error")
    def felt(_context: Any) -> None:
        if fault := current.get():
            fault.felt = True
            fault.struck = fault.struck or fault.kind == REFUSED


def count(faults: list[Fault]) -> Counter[str]:
    """How often each kind has really happened."""
    return Counter(fault.kind for fault in faults if fault.hit)
