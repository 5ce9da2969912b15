"""Through SQL: statements as an injection would bring them, past views and services, and some past the guard too."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg2
import psycopg2.extensions
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tenants import isolation
from tenants.isolation import Connection, IsolationError, modes
from tenants.probe import payloads
from tenants.probe.contexts import inside
from tenants.probe.outcomes import Answer, Attempt, Outcome, blind, judged
from tenants.probe.payloads import Payload
from tenants.probe.sides import Side

SQL, SERVER = "sql", "server"

_Run = Callable[[Session, str], object]  # a statement, and what it shows


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    yield from _each(SQL, payloads.GUARDED, payloads.OWN, _through_the_guard, mine, theirs)


def past_the_guard(mine: Side, theirs: Side) -> Iterator[Attempt]:
    """Only where each tenant has a role: with one for all, the guard stands alone (docs/postgres.md)."""
    if not modes.current().shared:
        yield from _each(SERVER, payloads.UNGUARDED, payloads.FOREIGN, _past_the_guard, mine, theirs)


def _each(way: str, tried: tuple[Payload, ...], control: str, run: _Run, mine: Side, theirs: Side) -> Iterator[Attempt]:
    if not theirs.shown_in(_strike(theirs, Payload("control", (control,)), run, theirs).text):
        yield blind(way, "its own records")
        return
    for payload in tried:
        answer = _strike(mine, payload, run, theirs)
        if payload.harmful and not answer.refused:
            yield Attempt(way, payload.name, Outcome.CROSSED, "it was carried out")
        else:
            yield judged(way, payload.name, answer, theirs, by_id=payload.by_id)


def _strike(who: Side, payload: Payload, run: _Run, victim: Side) -> Answer:
    """What it shows, and what an honest statement shows afterwards over the same connection."""
    with inside(who.tenant) as session:
        answer = _answer(session, payload, run, victim.tenant)
        session.rollback()
        left = _through_the_guard(session, payloads.OWN)
        if not answer.refused:
            session.connection().invalidate()  # whatever it may have left there
        return replace(answer, text=f"{answer.text}\n{left}")


def _answer(session: Session, payload: Payload, run: _Run, victim: str) -> Answer:
    try:
        return Answer("\n".join(_shown(session, payload, run, victim)))
    except IsolationError:
        return Answer("", refused=True)
    except (DBAPIError, psycopg2.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        lost = isinstance(cause, psycopg2.OperationalError)
        return Answer(str(cause), refused=True, unanswered=type(cause).__name__ if lost else "")


def _shown(session: Session, payload: Payload, run: _Run, victim: str) -> Iterator[str]:
    texts = [text.replace("VICTIM", victim).replace("WHO", modes.current().role_of(victim)) for text in payload.texts]
    if payload.scope == "work":
        yield from (str(run(session, text)) for text in texts)
    elif payload.scope == "export":
        with isolation.export():
            yield from (_copied(session, text) for text in texts)
    else:
        with isolation.design():
            yield from (str(run(session, text)) for text in texts)
        if payload.then:
            yield str(run(session, payload.then))


def _through_the_guard(session: Session, text: str) -> object:
    found = session.connection().exec_driver_sql(text)
    return found.all() if found.returns_rows else ""


def _past_the_guard(session: Session, text: str) -> object:
    connection = _driver(session)
    connection.announce()
    plain = psycopg2.extensions.connection.cursor  # our own connection has none without the guard
    with plain(connection, cursor_factory=psycopg2.extensions.cursor) as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else ""


def _copied(session: Session, text: str) -> str:
    out = io.StringIO()
    with _driver(session).cursor() as cursor:
        cursor.copy_expert(text, out)
    return out.getvalue()


def _driver(session: Session) -> Connection:
    found = session.connection().connection.driver_connection
    if not isinstance(found, Connection):
        raise isolation.IsolationError("this connection can't carry a tenant")
    return found
