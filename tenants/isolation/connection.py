"""The driver's connection and cursor, which carry the binding to the server and hold the guard."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import psycopg2.errors
import psycopg2.extensions
import psycopg2.sql

from tenants.isolation import guard, names
from tenants.isolation.errors import AlreadyBound, NotBound, StatementRefused
from tenants.isolation.modes import ROLES, Mode

Scope = Literal["work", "design", "export"]
OWNER = "fh_owner"


@dataclass(frozen=True, slots=True)
class Binding:
    """One transaction's tenant, which is its schema's name as well, and how long a statement may take."""

    tenant: str
    timeout: int  # milliseconds
    mode: Mode = ROLES

    def prefix(self, scope: Scope) -> str:
        role = OWNER if scope == "design" else self.mode.role_of(self.tenant)
        return (
            f'SET LOCAL ROLE "{role}"; SET LOCAL search_path = "{self.tenant}"; '
            f"SET LOCAL statement_timeout = {self.timeout}; "
        )


class _Waited(threading.local):
    seconds = 0.0


waited = _Waited()  # how long this thread has waited for answers of the server, all in all


def _timed(send: Callable[..., None]) -> Callable[..., None]:
    @wraps(send)
    def timed(cursor: "Cursor", *arguments: Any, **named: Any) -> None:
        began = time.perf_counter()
        try:
            send(cursor, *arguments, **named)
        finally:
            waited.seconds += time.perf_counter() - began

    return timed


class Cursor(psycopg2.extensions.cursor):
    """Checks each statement of a bound connection and sends the binding along with the first one.

    The binding travels in the same message as that statement, so it costs no round trip (docs/decisions/0002).
    """

    connection: "Connection"

    @_timed
    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  the driver's own name
        connection = self.connection
        if connection.binding is None:
            return super().execute(query, vars)
        if self.withhold:
            raise StatementRefused("a cursor that outlives its transaction would show the next tenant these rows")
        text = self._checked(query)
        if text.startswith("ROLLBACK TO SAVEPOINT"):
            # A transaction that has failed takes nothing but this; and it may undo a change of scope.
            connection.announced = False
            return super().execute(text)
        if connection.announced:
            return super().execute(text, vars)
        if self.name is not None:  # a server-side cursor is declared by a statement that stands alone
            connection.announce()
            return super().execute(text, vars)
        super().execute(connection.prefix() + text, vars)
        # Only now: had the driver refused the parameters, nothing would have been sent.
        connection.announced = True
        return None

    @_timed
    def executemany(self, query: Any, vars_list: Any) -> None:
        if self.connection.binding is not None:
            query = self._checked(query)
            self.connection.announce()
        super().executemany(query, vars_list)

    def callproc(self, *arguments: Any, **named: Any) -> Any:
        self._refuse_when_bound("callproc")
        return super().callproc(*arguments, **named)

    @_timed
    def copy_expert(self, sql: Any, *arguments: Any, **named: Any) -> None:
        if (binding := self.connection.binding) is not None:
            sql = _text(sql, self)
            guard.check_export(sql)
            if binding.mode.shared:
                names.check(sql)
            self._export_only()
        super().copy_expert(sql, *arguments, **named)

    @_timed
    def copy_from(self, *arguments: Any, **named: Any) -> None:
        self._export_only()
        super().copy_from(*arguments, **named)

    @_timed
    def copy_to(self, *arguments: Any, **named: Any) -> None:
        self._export_only()
        super().copy_to(*arguments, **named)

    def _checked(self, query: Any) -> str:
        text = _text(query, self)
        if self.connection.scope == "design":
            guard.check_design(text)
        else:
            guard.check(text)
        if (binding := self.connection.binding) is not None and binding.mode.shared:
            names.check(text)
        return text

    def _export_only(self) -> None:
        if self.connection.binding is not None:
            if self.connection.scope != "export":
                raise StatementRefused("COPY runs in the export scope only")
            self.connection.announce()

    def _refuse_when_bound(self, what: str) -> None:
        if self.connection.binding is not None:
            raise StatementRefused(f"{what} is not for a bound connection")


class Connection(psycopg2.extensions.connection):
    """A connection that forgets its tenant with the end of each transaction."""

    binding: Binding | None = None
    scope: Scope = "work"
    _told = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cursor_factory = Cursor
        self.served: set[str] = set()  # the tenants whose tables the server's process remembers; see retiring.py

    @property
    def announced(self) -> bool:
        """Whether this transaction's server side knows the binding and scope.

        The driver ends transactions in more ways than `commit` and `rollback`, so it is asked.
        """
        return self._told and self.get_transaction_status() != psycopg2.extensions.TRANSACTION_STATUS_IDLE

    @announced.setter
    def announced(self, told: bool) -> None:
        self._told = told

    def cursor(self, name: Any = None, cursor_factory: Any = None, *arguments: Any, **named: Any) -> Any:
        # The driver's extras ask for its plain one; they get ours, which is one.
        factory = Cursor if cursor_factory in {None, psycopg2.extensions.cursor} else cursor_factory
        if not issubclass(factory, Cursor):  # bound or not: it would still be there when a tenant is
            raise StatementRefused("a connection of ours has no cursors without the guard")
        return super().cursor(name, factory, *arguments, **named)

    def bind(self, binding: Binding) -> None:
        if self.autocommit:
            raise NotBound("a connection in autocommit has no transaction to bind")
        if self.binding is not None and self.binding != binding:
            raise AlreadyBound("this transaction belongs to another tenant")
        self.binding = binding
        self.served.add(binding.tenant)

    def enter(self, scope: Scope) -> None:
        """Change the scope; the server hears of it with the next statement."""
        if self.binding is None:
            raise NotBound(f"the {scope} scope needs a tenant")
        self.scope, self.announced = scope, False

    def prefix(self) -> str:
        if self.binding is None:
            raise NotBound("no tenant is bound")
        if self.autocommit:
            raise NotBound("a connection in autocommit has no transaction to bind")
        return self.binding.prefix(self.scope)

    def announce(self) -> None:
        """Tell the server the binding in a statement of its own, where it can't be a prefix."""
        if not self.announced:
            with super().cursor(cursor_factory=psycopg2.extensions.cursor) as plain:
                plain.execute(self.prefix().rstrip("; "))
            self.announced = True

    def commit(self) -> None:
        """Raises InFailedSqlTransaction where a statement has failed and that was passed over.

        The server answers a COMMIT then with a ROLLBACK, at which the driver says nothing.
        """
        if self.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_INERROR:
            self.rollback()
            raise psycopg2.errors.InFailedSqlTransaction("a statement has failed, so there is nothing to commit")
        super().commit()
        self._forget()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._forget()

    def lobject(self, *_arguments: Any, **_named: Any) -> Any:
        raise StatementRefused("a connection of ours has no large objects")

    def _forget(self) -> None:
        self.binding, self.scope, self.announced = None, "work", False


def _text(query: Any, cursor: Cursor) -> str:
    if isinstance(query, psycopg2.sql.Composable):
        return query.as_string(cursor)
    return query.decode() if isinstance(query, bytes) else str(query)
