"""Thousands of requests of 50 tenants at once while everything breaks: no row reaches the wrong tenant.

Half of the requests meet a fault: an exception at some layer, or something that happens to the database or to the
connection. PgBouncer, in transaction mode, has fewer connections than the application, hands them out in turn and
resets nothing between two clients.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from saas.core.settings import Settings
from tests import conftest
from tests.support import counts, database, pgbouncer
from tests.support.storm import controls, crowd, faults, outcome, run, views
from tests.support.storm.crowd import Business
from tests.support.storm.faults import Superuser

WAYS = ["direct", "through PgBouncer"]
CONNECTIONS = 4
A_HANDFUL = 5  # a control has at least four times as many, at CI's counts
SHARED = {"default_pool_size": 3, "server_round_robin": 1, "server_reset_query": ""}

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def superuser(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Superuser]:
    server, _, _ = request.config.stash[conftest._URLS]["superuser"].rpartition("/")
    made = Superuser(f"{server}/{settings.database_url.rpartition('/')[2]}")
    yield made
    made.close()


@pytest.fixture(params=WAYS)
def stormy(request: pytest.FixtureRequest, settings: Settings, superuser: Superuser, tmp_path: Path) -> Iterator[Flask]:
    """An application whose layers can fail, with a way to the database."""
    with way(request.param, settings, tmp_path) as url:
        changes = {"database_url": url, "database_pool_size": CONNECTIONS}
        with database.application(settings, **changes) as made:
            views.plant(made)
            faults.install(made, superuser)
            yield made
            outcome.forget_calls(made)


@contextmanager
def way(name: str, settings: Settings, folder: Path) -> Iterator[str]:
    with ExitStack() as stack:
        through = pgbouncer.running(settings.database_url, folder, **SHARED)
        yield settings.database_url if name == "direct" else stack.enter_context(through)


def test_no_request_sees_or_writes_a_row_of_another_tenant(
    app: Flask, stormy: Flask, superuser: Superuser, record_property: Tell
) -> None:
    found = storm(app, stormy, superuser)
    assert found.wrong_rows == found.empty == found.misplaced == 0
    assert found.lost == found.half == found.miscounted == 0
    assert outcome.left_behind(stormy) == []
    assert found.good > found.requests * 0.4, "too few requests got through for this to say anything"
    assert found.unasked < found.requests * 0.05
    rare = {kind: found.faults[kind] for kind in run.EVERY_FAULT if found.faults[kind] < counts.HITS}
    assert not rare, "these faults hardly happened"
    record_property("tried", found.requests)
    record_property("faults", found.faults.total())
    record_property("leaks", found.leaks)


@pytest.mark.parametrize("bind", [controls.bind_the_session, controls.bind_apart], ids=["SET", "SET beforehand"])
def test_control_a_binding_of_the_session_leaks(
    app: Flask,
    stormy: Flask,
    superuser: Superuser,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Tell,
    bind: Callable[[pytest.MonkeyPatch, Flask], None],
) -> None:
    """The same storm, over the same connections, with `SET` where ours is `SET LOCAL`.

    A request that binds writes over what another has left, so most of it shows where code has no tenant.
    """
    found = storm(app, stormy, superuser, lambda: bind(monkeypatch, stormy))
    assert len(found.wrong) > A_HANDFUL, "so few that the storm might have found none by chance"
    record_property("tried", found.requests)
    record_property("control leaked", found.leaks)


def storm(
    app: Flask, stormy: Flask, superuser: Superuser, prepare: Callable[[], None] = lambda: None
) -> outcome.Outcome:
    """Businesses of its own, since a control spoils what is theirs."""
    people: list[Business] = crowd.gather(app, counts.TENANTS)
    planned = run.plan(counts.SEED, counts.REQUESTS, people)
    prepare()
    run.run(stormy, planned)
    found = outcome.judge(planned, people, superuser)
    print(f"seed {counts.SEED} (FREEHOLD_SEED): {found}")
    return found
