"""What a pooler does to sessions and transactions is found out by trying; with a real PgBouncer."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask

from saas.core.database import db
from saas.core.settings import Settings
from tenants.isolation import enforcement, pooler
from tenants.isolation.enforcement import Unenforced
from tests.support import pgbouncer
from tests.support.database import application
from tests.support.production import PRODUCTION, ready

POOLERS = {
    "transaction mode": ("transaction", {}, {"pooler-session-state": "gap"}),
    "transaction mode, always reset": ("transaction", {"server_reset_query_always": 1}, {}),
    "session mode": ("session", {}, {}),
    "session mode, never reset": ("session", {"server_reset_query": ""}, {"pooler-session-state": "gap"}),
    "statement mode": ("statement", {}, {"pooler-transactions": "fault", "pooler-session-state": "gap"}),
}


@pytest.mark.parametrize("name", POOLERS)
def test_each_mode_is_told_apart(settings: Settings, tmp_path: Path, name: str) -> None:
    mode, options, wanted = POOLERS[name]
    with behind(settings, tmp_path, mode, **options) as app, app.app_context():
        assert {one.name: one.state for one in enforcement.read() if one.state != "ok"} == wanted


def test_many_server_connections_hide_nothing(settings: Settings, tmp_path: Path) -> None:
    """Not even when the pooler takes its connections in turn instead of the last one first."""
    with behind(settings, tmp_path, "transaction", server_round_robin=1) as app, app.app_context():
        open_ten = [db.engine.connect() for _ in range(10)]
        servers = {one.exec_driver_sql("SELECT pg_backend_pid()").scalar() for one in open_ten}  # in a transaction each
        for one in open_ten:
            one.close()
        assert len(servers) == 10
        found = {one.name for one in enforcement.read() if one.state != "ok"}
    assert found == {"pooler-session-state"}


def test_the_probe_leaves_nothing_where_it_was_seen(settings: Settings, tmp_path: Path) -> None:
    with behind(settings, tmp_path, "transaction", default_pool_size=1) as app, app.app_context():
        enforcement.read()
        with db.engine.connect() as connection:
            left = connection.exec_driver_sql("SELECT current_setting('freehold.probe', true)").scalar()
        assert not left


@pytest.mark.parametrize(
    ("mode", "name", "mend"),
    [
        ("transaction", "pooler-session-state", "server_reset_query_always = 1"),
        ("statement", "pooler-transactions", "pool_mode = transaction"),
    ],
)
def test_production_does_not_start_behind_an_unsafe_one(
    settings: Settings, tmp_path: Path, mode: str, name: str, mend: str
) -> None:
    with behind(settings, tmp_path, mode, **PRODUCTION) as app, pytest.raises(Unenforced) as refused:
        enforcement.require(app)
    assert str(refused.value).startswith(f"{name}: The pooler ")
    assert mend in str(refused.value)


def test_production_starts_where_that_is_accepted(settings: Settings, tmp_path: Path) -> None:
    with behind(settings, tmp_path, "transaction", accepted_gaps="pooler-session-state", **PRODUCTION) as app:
        assert enforcement.require(app)


def test_production_starts_behind_one_that_does_not(settings: Settings, tmp_path: Path) -> None:
    with behind(settings, tmp_path, "transaction", server_reset_query_always=1, **PRODUCTION) as app:
        assert enforcement.require(app)
        assert ready(app) == (200, "ready\n")


def test_a_database_that_goes_away_meanwhile_is_not_taken_for_a_pooler(settings: Settings) -> None:
    """As in a failover: the connection breaks between the question and BEGIN, and the next one is answered."""
    broken: list[int] = []

    def break_first(connection: sa.Connection, cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN" and not broken:
            broken.append(cursor.connection.info.backend_pid)
            with admin.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({broken[0]}, 5000)")

    admin, engine = (
        sa.create_engine(settings.database_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT") for _ in range(2)
    )
    sa.event.listen(engine, "before_cursor_execute", break_first)
    assert pooler.keeps_transactions(engine)
    assert broken


def test_nothing_is_ready_behind_one_without_transactions(settings: Settings, tmp_path: Path) -> None:
    with behind(settings, tmp_path, "statement") as app, structlog.testing.capture_logs():
        assert ready(app)[0] == 503


@contextlib.contextmanager
def behind(settings: Settings, folder: Path, mode: str, **options: Any) -> Iterator[Flask]:
    """An application whose database URL is a PgBouncer's; options are settings of ours, or of its own."""
    changes = {name: options.pop(name) for name in [*options] if name in Settings.model_fields}
    with (
        pgbouncer.running(settings.database_url, folder, mode, **options) as url,
        application(settings, **changes | {"database_url": url}) as app,
    ):
        yield app
