"""One context, one session, one tenant: also where a teardown fails, an answer is streamed, or a scope is left late."""

import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask, Response, stream_with_context

from saas.core.database import Application, db
from saas.core.settings import Settings
from tenants import isolation
from tests.support import database
from tests.support.binding import TABLE, where
from tests.support.contexts import context, driver


class OnPurposeError(Exception):
    pass


@pytest.fixture
def careless(settings: Settings) -> Iterator[Flask]:
    """An application with a function in its contexts' teardown that fails, as a module might bring one along."""

    def fail(_error: BaseException | None) -> None:
        raise OnPurposeError

    with database.application(settings, database_pool_size=2) as app:
        app.teardown_appcontext(fail)
        yield app
        app.teardown_appcontext_funcs.remove(fail)


def use(app: Flask, tenant: str) -> int:
    """Work in a context whose end fails; returns how many connections have not come back."""
    with contextlib.suppress(OnPurposeError), context(app, tenant) as session:
        assert where(session)[1] == tenant
        engine = db.engine
    return int(engine.pool.checkedout())  # type: ignore[attr-defined]


def test_a_teardown_that_fails_leaves_no_session_for_a_later_context(
    careless: Flask, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later one may be given the id of the one before, by which Flask-SQLAlchemy tells sessions apart."""
    for _ in range(20):
        assert use(careless, tenant) == 0
        with contextlib.suppress(OnPurposeError), context(careless) as session:
            assert isolation.bound() is None
            assert where(session)[1] != tenant
    monkeypatch.setattr(Application, "do_teardown_appcontext", Flask.do_teardown_appcontext)  # the control
    assert use(careless, tenant) == 1


def test_an_answer_that_is_streamed_is_its_requests_tenants(settings: Settings, tenant: str) -> None:
    """Flask ends the context, and with it the session, and enters it again for the rest of the answer."""
    with database.application(settings) as app:

        @app.get("/streamed")
        def streamed() -> Response:
            isolation.bind(tenant)
            return Response(stream_with_context(where(db.session())[1] + "," for _ in range(2)))

        answer = database.browser(app).request("GET", "http://localhost:8000/streamed")
        assert answer.text == f"{tenant},{tenant},"


def test_leaving_a_scope_leaves_alone_a_connection_that_is_anothers_by_now(
    solo: Flask, tenant: str, other: str
) -> None:
    with context(solo, tenant) as first, contextlib.ExitStack() as scope:
        scope.enter_context(isolation.design())
        connection = driver(first)
        first.commit()  # it goes back to the pool, which has no other one
        with context(solo, other) as second, isolation.design():
            assert driver(second) is connection
            scope.close()
            assert connection.scope == "design"
            second.execute(sa.text(TABLE))
        with context(solo, tenant):  # the control: a scope that is left in time is left
            with isolation.design():
                found = driver(db.session())
            assert found.scope == "work"
