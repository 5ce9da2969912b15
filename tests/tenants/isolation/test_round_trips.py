"""Binding costs no round trip: the messages are counted on the wire, exactly."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from benchmarks import wire
from benchmarks.wire import Wire
from saas.core.settings import Settings
from tenants.isolation.connection import Cursor
from tenants.usage import flows
from tests.support import database
from tests.support.contexts import context, driver
from tests.support.people import PASSWORD, Person, sign_up, unique

BINDING = "SET LOCAL ROLE"


@dataclass
class Tapped:
    app: Flask
    wire: Wire
    owner: Person

    def sent(self, work: Callable[[], Any]) -> list[str]:
        flows.of(self.app).flush()  # else the calls counted before are written down in between
        with self.wire.recorded() as queries:
            work()
        return queries


@pytest.fixture(scope="module")
def tapped(own: Settings) -> Iterator[Tapped]:
    with (
        wire.tapped(own.database_url) as tap,
        database.application(own, database_url=tap.url) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(flows, "INTERVAL", 3600.0)  # calls are written down between the measurements only
        owner = sign_up(made, database.browser(made))
        owner.define("products", title="text")
        owner.key()
        yield Tapped(made, tap, owner)


PAGES: dict[str, tuple[int, Callable[[Person], Any]]] = {
    "GET /home": (8, lambda owner: owner.open("/home")),
    "GET /collections": (5, lambda owner: owner.open("/collections")),
    "GET /collections/…": (6, lambda owner: owner.open("/collections/products")),
    "GET /api/…/records": (6, lambda owner: owner.api("GET", RECORDS)),
    "POST /api/…/records": (7, lambda owner: owner.api("POST", RECORDS, json={"title": "Bread"})),
}
RECORDS = "/collections/products/records"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_takes_exactly_this_many_messages_of_which_none_binds_alone(
    tapped: Tapped, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expected, work = PAGES[name]
    work(tapped.owner)  # a key notes its use once a minute, and this is the time for it
    queries = tapped.sent(lambda: work(tapped.owner))
    assert len(queries) == expected, show(queries)
    assert len(bindings(queries)) == 1, show(queries)
    assert not [query for query in queries if binds_alone(query)], show(queries)
    bind_in_a_message_of_its_own(monkeypatch)
    queries = tapped.sent(lambda: work(tapped.owner))
    assert len(queries) == expected + 1, show(queries)
    assert [query for query in queries if binds_alone(query)], show(queries)


def test_a_sign_up_takes_exactly_this_many_messages(tapped: Tapped) -> None:
    """Two transactions, since attempts are counted apart; argon2 takes far longer than all of it."""
    browser = database.browser(tapped.app)
    form = browser.open("/sign-up").form(having="business").fields
    mark = unique()
    form |= {"business": "New & Sons", "address": f"shop-{mark}", "email": f"{mark}@example.com", "password": PASSWORD}
    answers = []
    queries = tapped.sent(lambda: answers.append(browser.request("POST", "/sign-up", data=form)))
    assert [answer.status_code for answer in answers] == [303]
    assert len(queries) == 20, show(queries)
    assert bindings(queries) == []


def test_the_design_scope_takes_no_message_of_its_own(tapped: Tapped) -> None:
    queries = tapped.sent(lambda: tapped.owner.define(f"more_{unique()}", title="text"))
    assert sum("CREATE TABLE" in query for query in queries) == 1, show(queries)
    assert len(bindings(queries)) == 4, show(queries)  # the form's page, to the design scope and back, the next page
    assert not [query for query in queries if binds_alone(query)], show(queries)


FIRST: dict[str, tuple[int, int, Callable[[Session], Any]]] = {
    "a SELECT": (3, 0, lambda session: session.execute(sa.text("SELECT 1"))),
    "a savepoint": (4, 0, lambda session: session.connection().begin_nested().commit()),
    "a server-side cursor": (
        5,
        1,
        lambda session: session.execute(sa.text("SELECT 1"), execution_options=STREAM).close(),
    ),
    "executemany": (4, 1, lambda session: driver(session).cursor().executemany("SELECT %s", [(1,), (2,)])),
}
STREAM = {"stream_results": True}


@pytest.mark.parametrize("name", FIRST)
def test_a_bound_transaction_takes_no_more_messages_than_an_unbound_one(
    tapped: Tapped, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """But for what can't carry the binding with it."""
    messages, more, work = FIRST[name]

    def transaction(tenant: str | None) -> None:
        with context(tapped.app, tenant) as session:
            work(session)
            session.commit()

    unbound = tapped.sent(lambda: transaction(None))
    bound = tapped.sent(lambda: transaction(tapped.owner.tenant))
    assert len(unbound) == messages, show(unbound)
    assert len(bound) == len(unbound) + more, show(unbound) + show(bound)
    assert bindings(unbound) == []
    assert len(bindings(bound)) == 1, show(bound)
    bind_in_a_message_of_its_own(monkeypatch)
    assert len(tapped.sent(lambda: transaction(tapped.owner.tenant))) == len(unbound) + 1


def bindings(queries: list[str]) -> list[str]:
    return [query for query in queries if BINDING in query]


def binds_alone(query: str) -> bool:
    """Whether nothing but settings is in a message."""
    return all(part.strip().startswith("SET LOCAL") for part in query.split(";") if part.strip())


def bind_in_a_message_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what most do, and what this counts if it is counted at all."""
    original = Cursor._checked

    def checked(self: Cursor, query: Any) -> str:
        text = original(self, query)
        self.connection.announce()
        return text

    monkeypatch.setattr(Cursor, "_checked", checked)


def show(queries: list[str]) -> str:
    return f"{len(queries)} messages:\n" + "".join(f"  {' '.join(query.split())[:110]}\n" for query in queries)
