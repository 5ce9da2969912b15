"""What one tenant may take of a process, with a clock that the test sets; and whose account a call is put on."""

import io
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.test import Client

from saas.core.database import db, separate, transaction
from saas.core.edge import UNLOGGED
from saas.core.settings import Settings
from tenants import routing
from tenants.backend.api import gate
from tenants.backend.keys import service as keys
from tenants.errors import TooManyCalls
from tenants.usage import flows, throttle
from tenants.usage.limits import API_CALLS
from tenants.usage.throttle import Bounds, Throttle
from tests.support.contexts import context, driver
from tests.support.database import application
from tests.support.live import eventually
from tests.support.people import Person
from tests.support.threads import statements

A, B = "t_aaaaaaaaaaaaaaaa", "t_bbbbbbbbbbbbbbbb"
MANY = 1_000_000


class Clock:
    """Stands still until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _held_for_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "HELD", 0.0)
    monkeypatch.setattr(gate, "PATIENCE", 0.5)


@pytest.fixture
def bound(app: Flask, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[Bounds], Throttle]:
    """Give the application bounds, which in tests has none."""

    def make(bounds: Bounds) -> Throttle:
        made = Throttle(bounds, clock)
        monkeypatch.setitem(app.extensions, throttle._KEY, made)
        return made

    return make


def admitted(one: Throttle, tenant: str, tries: int, seconds: float = 0.0) -> int:
    """How many calls of so many tries are let in, one after the other, each taking so long."""
    found = 0
    for _ in range(tries):
        try:
            one.enter(tenant)
        except TooManyCalls:
            continue
        one.leave(tenant, seconds)
        found += 1
    return found


def test_calls_a_second_come_in_a_burst_and_then_at_their_pace(clock: Clock) -> None:
    one = Throttle(Bounds(calls=10, at_once=5, share=MANY), clock)
    assert admitted(one, A, 50) == 10 * throttle.BURST
    assert admitted(one, B, 5) == 5, "it is another's account"
    clock.now += 1
    assert admitted(one, A, 50) == 10
    clock.now += 3600
    assert admitted(one, A, 50) == 10 * throttle.BURST, "no more is saved up than a burst"


def test_who_has_no_call_left_is_told_when_there_is_one(clock: Clock) -> None:
    one = Throttle(Bounds(calls=0.1, at_once=5, share=MANY), clock)
    one._account(A).calls = 0.5
    with pytest.raises(TooManyCalls) as refused:
        one.enter(A)
    assert refused.value.retry_after == 5
    clock.now += 5.01
    one.enter(A)


def test_time_beyond_the_share_is_paid_off_before_the_next_call(clock: Clock) -> None:
    one = Throttle(Bounds(calls=MANY, at_once=5, share=0.25), clock)
    assert one.left(A) == 0.25 * throttle.SAVED
    one.enter(A)
    one.leave(A, seconds=8)
    assert one.left(A) == -3
    with pytest.raises(TooManyCalls) as refused:
        one.enter(A)
    assert refused.value.retry_after == 12
    clock.now += 12.5
    assert admitted(one, A, 1) == 1


def test_a_call_that_took_for_ever_is_forgiven_after_a_minute(clock: Clock) -> None:
    one = Throttle(Bounds(calls=MANY, at_once=5, share=0.25), clock)
    admitted(one, A, 1, seconds=100_000)
    clock.now += throttle.LONGEST_DEBT
    assert admitted(one, A, 1) == 0
    clock.now += 0.1
    assert admitted(one, A, 1) == 1


def test_a_quick_tenant_never_meets_the_share(clock: Clock) -> None:
    one = Throttle(Bounds(calls=50, at_once=2, share=0.25), clock)
    for _ in range(10_000):
        clock.now += 0.04
        assert admitted(one, A, 1, seconds=0.008) == 1


def test_who_comes_while_the_tenants_calls_are_under_way_waits_for_one_to_end(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PATIENCE", 60.0)
    one, entered = Throttle(Bounds(calls=MANY, at_once=1, share=MANY), clock), threading.Event()

    def wait() -> None:
        one.enter(A)
        entered.set()

    one.enter(A)
    thread = threading.Thread(target=wait)
    thread.start()
    one.enter(B)  # is not kept by A's
    assert not entered.wait(0.1)
    one.leave(A, 0.0)
    assert entered.wait(30)
    thread.join()


def test_only_so_many_wait_since_each_keeps_a_thread(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PATIENCE", 30.0)
    one, refused = Throttle(Bounds(calls=MANY, at_once=1, share=MANY), clock), list[str]()
    both_wait = threading.Event()

    def wait() -> None:
        try:
            one.enter(A)
        except TooManyCalls as error:
            refused.append(error.detail)

    one.enter(A)
    threads = [threading.Thread(target=wait) for _ in range(throttle.MOST_WAITING)]
    for thread in threads:
        thread.start()
    while one._account(A).waiting < throttle.MOST_WAITING:
        both_wait.wait(0.001)
    wait()
    assert refused == ["The most requests at the same time are 1. Nothing was changed; try again in 30 seconds."]
    for _ in threads:
        one.leave(A, 0.0)
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_who_waits_in_vain_is_refused(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PATIENCE", 0.01)
    one = Throttle(Bounds(calls=MANY, at_once=1, share=MANY), clock)
    one.enter(A)
    assert admitted(one, A, 3) == 0
    one.leave(A, 0.0)
    assert admitted(one, A, 3) == 3
    assert one.refused["at_once"] == 3


def test_the_quiet_are_forgotten_and_the_indebted_are_not(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "REMEMBERED", 100)
    one = Throttle(Bounds(calls=1, at_once=1, share=0.01), clock)
    one.enter(A)
    for number in range(98):
        admitted(one, f"quiet {number}", 1)
    clock.now += one._bounds.as_new + 1
    admitted(one, B, 1, seconds=MANY)
    for number in range(50):
        admitted(one, f"new {number}", 1)
    assert len(one._accounts) == 52
    assert admitted(one, B, 1) == 0
    one.leave(A, 0.0)


def test_keys_are_remembered_up_to_a_number_and_those_in_use_the_longest(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REMEMBERED", 100)
    one = Throttle(Bounds(calls=1, at_once=1, share=1), clock)
    for number in range(1_000):
        one.remember("in use", A)
        one.remember(f"key {number}", B)
    assert (one.tenant_of("in use"), one.tenant_of("key 1"), one.tenant_of("key 999")) == (A, None, B)
    assert len(one._keys) == 100


def test_the_settings_bound_it_and_0_does_not(settings: Settings) -> None:
    given = {"tenant_calls_per_second": 3.5, "tenant_calls_at_once": 4, "tenant_time_share": 0.5}
    assert Bounds.of(settings.model_copy(update=given)) == Bounds(3.5, 4, 0.5)
    free = Throttle(Bounds.of(settings.model_copy(update=dict.fromkeys(given, 0))))
    assert admitted(free, A, 10_000, seconds=60) == 10_000


def call(owner: Person) -> int:
    return int(owner.api("GET", "/collections").status_code)


def test_beyond_its_share_the_api_says_429_and_asks_the_database_nothing(
    app: Flask, owner: Person, stranger: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    owner.key(), stranger.key()
    bound(Bounds(calls=1, at_once=2, share=MANY))
    assert [call(owner) for _ in range(4)] == [200, 200, 429, 429]
    with statements(app) as sent:
        refused = owner.api("GET", "/collections")
    assert sent == []
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.headers["Content-Type"] == "application/problem+json"
    body = refused.json()
    assert body["type"] == "urn:freehold:problem:too-many-calls"
    assert body["detail"] == "The most requests a second are 1. Nothing was changed; try again in a second."
    assert body["request_id"] == refused.headers["X-Request-ID"]
    assert call(stranger) == 200
    clock.now += 1
    assert call(owner) == 200


def test_the_door_refuses_in_the_same_words_as_the_gate(
    owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    owner.key()
    one = bound(Bounds(calls=1, at_once=2, share=MANY))
    assert [call(owner) for _ in range(2)] == [200, 200]
    gate = owner.api("GET", "/collections")
    one._keys.clear()
    door = owner.api("GET", "/collections")
    for answer in (gate, door):
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert {**gate.json(), "request_id": ""} == {**door.json(), "request_id": ""}


def test_a_refused_call_is_none_of_the_months(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    owner.key()
    bound(Bounds(calls=1, at_once=2, share=MANY))
    flows.of(app).flush()
    with app.app_context():
        before = flows.used(owner.tenant, API_CALLS)
    assert [call(owner) for _ in range(5)] == [200, 200, 429, 429, 429]
    flows.of(app).flush()
    with app.app_context():
        assert flows.used(owner.tenant, API_CALLS) == before + 2


def test_nobody_can_use_up_anothers_share(
    owner: Person, stranger: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    """Neither with keys that name the tenant and are none of its own, nor with its workspace's pages."""
    key = owner.key()
    forged = key[:-1] + ("A" if key[-1] != "A" else "B")
    one = bound(Bounds(calls=1, at_once=2, share=MANY))
    for _ in range(5):
        headers = {"Authorization": f"Bearer {forged}"}
        assert stranger.browser.request("GET", f"{owner.home}/api/v1/collections", headers=headers).status_code == 401
        assert stranger.browser.open(f"{owner.home}/home").status in {200, 403}  # sent to sign in, or no member
    assert one._account(owner.tenant).calls == throttle.BURST
    assert call(owner) == 200
    assert one._account(owner.tenant).calls == throttle.BURST - 1


def test_pages_count_as_well_and_answer_with_a_page(
    owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    bound(Bounds(calls=1, at_once=2, share=MANY))
    assert [owner.open("/collections").status for _ in range(3)] == [200, 200, 429]
    page = owner.open("/collections")
    assert "This workspace asks for more than its share" in page.text
    clock.now += 1
    assert owner.open("/collections").status == 200


def test_what_a_call_takes_is_put_on_its_tenants_account(
    owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    one = bound(Bounds(calls=MANY, at_once=2, share=0.25))
    before = one.left(owner.tenant)
    assert owner.open("/collections").status == 200
    assert one.left(owner.tenant) < before
    assert one._account(owner.tenant).running == 0


def test_a_call_that_fails_has_ended_too(owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock) -> None:
    one = bound(Bounds(calls=MANY, at_once=1, share=MANY))
    assert owner.open("/collections/none").status == 404
    assert owner.api("GET", "/collections/none/records").status_code == 404
    assert one._account(owner.tenant).running == 0
    assert owner.open("/collections").status == 200


def test_no_statement_may_take_longer_than_what_its_tenant_has_left(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    """Half a second at least, and the setting's time-out at most."""
    seen = list[str]()
    for left in (2.5, -1.0, 1_000.0):
        bound(Bounds(calls=MANY, at_once=2, share=MANY))._account(owner.tenant).seconds = left
        with app.test_request_context():
            routing._bind(owner.tenant)
            seen.append(driver(db.session()).prefix().partition("statement_timeout = ")[2])
    assert seen == [f"{most}; " for most in (2500, 500, app.config["STATEMENT_TIMEOUT_MS"])]


def test_a_long_statement_is_ended_by_what_is_left(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    one, numbers = bound(Bounds(calls=MANY, at_once=2, share=MANY)), "SELECT count(*) FROM generate_series(1, {})"
    for left, most, ends in ((-1.0, 100_000_000, pytest.raises(OperationalError)), (1_000.0, 1_000, nullcontext())):
        one._account(owner.tenant).seconds = left
        with app.test_request_context():
            routing._bind(owner.tenant)
            with ends:
                db.session.execute(sa.text(numbers.format(most)))


def test_waiting_for_the_database_is_put_on_the_account(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    one = bound(Bounds(calls=MANY, at_once=2, share=0.25))
    environ: dict[str, object] = {}
    throttle.admit(app, environ, owner.tenant)
    with context(app) as session:
        session.execute(sa.text("SELECT pg_sleep(0.3)"))
    throttle.leave(app, environ)
    assert one.left(owner.tenant) <= 0.25 * throttle.SAVED - 0.3


def test_neither_others_nor_a_slow_network_use_up_a_tenants_time(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    """A call that waits for its own body takes ever so long by the clock, and nothing of the share."""
    owner.define("things", title="text")
    key, length = owner.key(), 100
    one = bound(Bounds(calls=MANY, at_once=2, share=MANY))
    before = one.left(owner.tenant)

    class Trickle(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, into: bytearray) -> int:  # type: ignore[override]
            waiting.wait(0.01)
            into[:1] = b" "
            return 1

    waiting = threading.Event()
    began = time.monotonic()
    answer = app.test_client().post(
        "/api/v1/collections/things/records",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": Trickle(), "CONTENT_LENGTH": str(length)},
        base_url=owner.home,
    )
    took = time.monotonic() - began
    assert answer.status_code in {400, 404}
    assert took > 1, "the body was read"
    assert before - one.left(owner.tenant) < took - 0.9, "of which a second at least was the body's"


def test_a_key_is_the_same_however_it_is_sent(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    key = owner.key()
    one = bound(Bounds(calls=1, at_once=2, share=MANY))
    assert [call(owner) for _ in range(3)] == [200, 200, 429]
    with statements(app) as sent:
        for text in (f"bearer {key}", f"Bearer    {key}  ", f"BEARER {key}"):
            answer = owner.browser.request("GET", f"{owner.home}/api/v1/collections", headers={"Authorization": text})
            assert answer.status_code == 429
    assert sent == []
    assert len(one._keys) == 1


def test_a_good_key_on_anothers_host_is_put_on_its_own_account(
    owner: Person, stranger: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    owner.key()
    one = bound(Bounds(calls=1, at_once=2, share=MANY))
    answers = [owner.api("GET", "/collections", host=stranger.home).status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    assert one._account(stranger.tenant).calls == throttle.BURST


def test_a_revoked_key_uses_up_nothing_of_its_tenants_share(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    owner.key()
    one = bound(Bounds(calls=3, at_once=2, share=MANY))
    assert call(owner) == 200
    with context(app, owner.tenant), transaction():
        for key in keys.every():
            keys.revoke(key.id, actor="test")
    assert [call(owner) for _ in range(10)] == [401] * 10
    assert one._account(owner.tenant).calls == 3 * throttle.BURST - 2, "one that was good, and the first that was not"


def test_refused_for_want_of_a_turn_costs_a_call(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a flood beside two slow calls is soon refused for its number, without asking the database."""
    monkeypatch.setattr(throttle, "PATIENCE", 0.001)
    one = Throttle(Bounds(calls=2, at_once=1, share=MANY), clock)
    one.enter(A)
    assert admitted(one, A, 10) == 0
    assert (one.refused["at_once"], one.refused["calls"]) == (3, 7)


def test_who_has_waited_while_the_time_ran_out_is_refused(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PATIENCE", 60.0)
    one, found = Throttle(Bounds(calls=MANY, at_once=1, share=0.25), clock), list[int]()
    one.enter(A)
    thread = threading.Thread(target=lambda: found.append(admitted(one, A, 1)))
    thread.start()
    while not one._account(A).waiting:
        time.sleep(0.001)
    one.leave(A, seconds=100)
    thread.join(30)
    assert found == [0]


def test_a_teardown_that_fails_keeps_no_place(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_error: BaseException | None) -> None:
        raise RuntimeError("a module's")

    one = bound(Bounds(calls=MANY, at_once=1, share=MANY))
    monkeypatch.setitem(app.teardown_request_funcs, "collections", [fail])
    with pytest.raises(RuntimeError, match="a module's"):
        owner.open("/collections")
    assert one._account(owner.tenant).running == 0


def test_what_is_refused_is_held_but_for_more_than_there_are_threads_for(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.key()
    bound(Bounds(calls=1, at_once=2, share=MANY))
    held = list[float]()
    monkeypatch.setattr(gate, "HELD", 0.25)
    monkeypatch.setattr(gate, "time", SimpleNamespace(sleep=held.append))
    assert [call(owner) for _ in range(4)] == [200, 200, 429, 429]
    assert owner.open("/collections").status == 429
    assert held == [0.25] * 3
    door = gate_of(app)
    for _ in range(gate.MOST_HELD):
        door._held.acquire()
    assert call(owner) == 429
    for _ in range(gate.MOST_HELD):
        door._held.release()
    assert held == [0.25] * 3


def test_fewer_requests_are_worked_on_than_there_are_connections(settings: Settings) -> None:
    door, most = (
        slow_site(settings, together := threading.Barrier(2 * settings.database_pool_size)),
        together.parties - 1,
    )
    threads = [threading.Thread(target=door, args=({}, lambda *_: None)) for _ in range(most)]
    for thread in threads:
        thread.start()
    eventually(lambda: door._at_work._value == 0)  # the last of them has come in
    answer = Client(door).get("/home")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert Client(door).get("/healthz/live").status_code == 200
    together.wait(30)
    for thread in threads:
        thread.join(30)
    assert Client(door).get("/healthz/live").status_code == 200


def slow_site(settings: Settings, together: threading.Barrier) -> gate.Gate:
    """Behind a gate, what answers when so many are there; and whether it is alive, at once."""
    app = Flask("slow")
    throttle.init_app(app, settings)

    def work(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        if environ.get("PATH_INFO") != "/healthz/live":
            together.wait(30)
        start_response("200 OK", [])
        return []

    app.wsgi_app = work  # type: ignore[method-assign, assignment]
    return gate.Gate(app, settings)


@pytest.mark.parametrize("spare", [True, False], ids=["as it is", "control without the spare connection"])
def test_requests_that_need_a_second_connection_do_not_wait_for_each_other(
    settings: Settings, spare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As signing in does, which counts the attempt in a transaction of its own."""
    with application(settings, database_pool_size=2) as app:
        with app.app_context():
            monkeypatch.setattr(db.engine.pool, "_timeout", 60.0 if spare else 1.0)  # seconds
        door, failed = gate_of(app), list[Exception]()
        most = door._at_work._value + (0 if spare else 1)
        first = threading.Barrier(most)

        def request() -> None:
            with app.app_context():
                try:
                    db.session.execute(sa.text("SELECT 1"))
                    first.wait(30)
                    with separate() as connection:
                        connection.execute(sa.text("SELECT 1"))
                except PoolTimeout as error:
                    failed.append(error)

        threads = [threading.Thread(target=request) for _ in range(most)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert bool(failed) is not spare


def gate_of(app: Flask) -> gate.Gate:
    """Below what wraps it outside of production."""
    found: object = app.wsgi_app
    while not isinstance(found, gate.Gate):
        found = found.app
    return found


def test_what_the_process_asks_itself_is_nobodys(
    app: Flask, owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock
) -> None:
    key = owner.key()
    bound(Bounds(calls=1, at_once=2, share=MANY))
    client = app.test_client()
    for _ in range(5):
        answer = client.get(
            "/api/v1/collections", headers={"Authorization": f"Bearer {key}"}, environ_overrides={UNLOGGED: True}
        )
        assert answer.status_code == 200


def test_metrics_tell_how_many_were_refused(owner: Person, bound: Callable[[Bounds], Throttle], clock: Clock) -> None:
    owner.key()
    bound(Bounds(calls=1, at_once=2, share=MANY))
    assert [call(owner) for _ in range(4)] == [200, 200, 429, 429]
    text = owner.browser.open(f"{owner.browser.site}/metrics").text
    assert 'freehold_throttled_total{bound="calls"} 2.0' in text
