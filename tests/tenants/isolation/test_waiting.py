"""A production process that could not ask its database at start serves nobody until everything was found in order."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
import structlog
from flask import Flask
from sqlalchemy.exc import OperationalError

from saas.app import create_app
from saas.core import problems
from saas.core.errors import Unavailable
from saas.core.settings import Settings
from saas.devstack import cluster
from tenants.isolation import enforcement, waiting
from tenants.isolation.waiting import Waiting
from tests.support.database import application
from tests.support.production import PRODUCTION, SITE, ready
from tests.support.servers import Alone, alone

CALLERS = 8
TEMPORARY = f"TEMPORARY ON DATABASE {cluster.DATABASE}"  # what production does not start with
TOKEN = "m" * 20


@pytest.fixture(scope="module")
def server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    with alone(tmp_path_factory.mktemp("server"), settings) as (made, _app):
        yield made


@pytest.fixture
def begun(server: Alone, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application of production that was started while its database was away; it is back, with a gap in it."""
    yield from _begun(server, monkeypatch, 503)


@pytest.fixture
def careless(server: Alone, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(Waiting, "begin", lambda _self: None)
    yield from _begun(server, monkeypatch, 200)


def _begun(server: Alone, monkeypatch: pytest.MonkeyPatch, while_away: int) -> Iterator[Flask]:
    """The first page needs no database."""
    monkeypatch.setattr(waiting, "_APART", 0.0)
    say(server, f"GRANT {TEMPORARY} TO PUBLIC")
    server.server.stop()
    with application(server.settings, **PRODUCTION, metrics_token=TOKEN) as app:
        assert enforcement.require(app) is False
        assert (get(app, "/"), get(app, "/healthz/live"), ready(app)[0]) == (while_away, 200, 503)
        server.start_again()
        yield app
    say(server, f"REVOKE {TEMPORARY} FROM PUBLIC")


def test_it_serves_nobody_while_the_doctor_would_object_and_everybody_from_then_on(begun: Flask, server: Alone) -> None:
    with structlog.testing.capture_logs() as logs:
        page = begun.test_client().get("/", base_url=SITE)
        call = begun.test_client().get("/api/v1/collections", base_url=SITE)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "database is not as it has to be" in page.text
    assert (call.status_code, call.mimetype, call.json["title"]) == (503, problems.MIMETYPE, "Not available just now")  # type: ignore[index]
    assert [line["names"] for line in logs if line["event"] == "database.unenforced"] == [["temporary-tables"]] * 2
    assert [get(begun, path) for path in ("/healthz/live", "/metrics", "/static/base.css")] == [200, 200, 200]
    say(server, f"REVOKE {TEMPORARY} FROM PUBLIC")
    assert get(begun, "/") == 200
    say(server, f"GRANT {TEMPORARY} TO PUBLIC")  # which an administrator does to a platform that runs
    assert get(begun, "/") == 200
    assert hooks(begun) == hooks(create_app(server.settings))  # nor does a request pay for it any more


def test_control_without_waiting_it_serves_on_that_database(careless: Flask) -> None:
    assert get(careless, "/") == 200
    assert ready(careless)[0] == 503


def test_what_readiness_has_found_lets_requests_in(
    begun: Flask, server: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_APART", 3600.0)
    assert get(begun, "/") == 503
    say(server, f"REVOKE {TEMPORARY} FROM PUBLIC")
    assert get(begun, "/") == 503  # it is not asked again so soon
    assert ready(begun) == (200, "ready\n")
    assert get(begun, "/") == 200


class Slow:
    """An application whose database keeps the first question open, until it is let go, and counts them all."""

    def __init__(self) -> None:
        self.app = Flask("slow")
        self.app.register_error_handler(Unavailable, lambda _error: ("", 503))
        self.waiting = Waiting(self.app, self.answer)
        self.waiting.begin()
        self.questions, self.open, self.go = 0, threading.Event(), threading.Event()

    def answer(self) -> list[str]:
        self.questions += 1
        if self.questions == 1:
            self.open.set()
            assert self.go.wait(30)
        raise OperationalError("", None, psycopg2.OperationalError("away"))

    def answers_meanwhile(self) -> list[int]:
        """What others are answered while the first one's question is open."""
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(get, self.app, "/")
            assert self.open.wait(30)
            try:
                others = [get(self.app, "/") for _ in range(CALLERS)]
            finally:
                self.go.set()
            return [first.result(30), *others]


class Anybody:
    """A lock that never says no."""

    def acquire(self, *, blocking: bool) -> bool:
        return not blocking

    def release(self) -> None: ...


@pytest.mark.parametrize("single", [True, False], ids=["single", "control"])
def test_while_one_request_asks_the_others_are_refused_without_a_question(
    monkeypatch: pytest.MonkeyPatch, *, single: bool
) -> None:
    monkeypatch.setattr(waiting, "_APART", 0.0)
    slow = Slow()
    if not single:
        slow.waiting._asking = Anybody()  # type: ignore[assignment]
    assert slow.answers_meanwhile() == [503] * (CALLERS + 1)
    assert slow.questions == (1 if single else CALLERS + 1)


@pytest.mark.parametrize(("apart", "questions"), [(3600.0, 1), (0.0, CALLERS)], ids=["apart", "control"])
def test_it_is_asked_once_in_a_while_whoever_calls(
    monkeypatch: pytest.MonkeyPatch, apart: float, questions: int
) -> None:
    monkeypatch.setattr(waiting, "_APART", apart)
    slow = Slow()
    slow.go.set()
    assert [get(slow.app, "/") for _ in range(CALLERS)] == [503] * CALLERS
    assert slow.questions == questions


def test_one_that_could_ask_at_start_never_waits(server: Alone) -> None:
    with application(server.settings, **PRODUCTION) as app:
        assert enforcement.require(app)
        say(server, f"GRANT {TEMPORARY} TO PUBLIC")
        assert get(app, "/") == 200
        say(server, f"REVOKE {TEMPORARY} FROM PUBLIC")


def hooks(app: Flask) -> list[str]:
    return [hook.__qualname__ for hook in app.before_request_funcs[None]]


def get(app: Flask, path: str) -> int:
    with app.test_client().get(path, base_url=SITE, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
        return answer.status_code


def say(server: Alone, statement: str) -> None:
    with contextlib.closing(psycopg2.connect(server.superuser)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()
