"""A module's tables come to all schemas in batches, whenever the module does; and they stay when it goes."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from migrations import fleet
from saas.core.administrator import administrator
from saas.core.database import transaction
from saas.core.settings import Settings
from tenants import provisioning
from tenants.isolation import schemas
from tenants.modules import ModuleUnfit
from tests.migrations.catalogue import built_both_ways, catalogue, differences
from tests.support import database, modules

INIT = """
from tenants.extend import Module
MODULE = Module("parcels")
"""
REVISION = """
from alembic import op
revision, down_revision, branch_labels = {}, {}, {}
def upgrade():
    op.execute("{}")
"""
FIRST = REVISION.format('"0001"', None, '("parcels",)', "CREATE TABLE fh_parcels_sent (id uuid PRIMARY KEY)")
SECOND = REVISION.format('"0002"', '"0001"', None, "ALTER TABLE fh_parcels_sent ADD COLUMN label text")

TENANTS = 8
POOL = {"spare_tenants_low": TENANTS, "spare_tenants_high": TENANTS}
WithModule = Callable[..., Flask]


@pytest.fixture
def own(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    empty = database.empty_database(request.config, settings)
    return empty.model_copy(update={**POOL, "modules_dir": None})


@pytest.fixture
def without(own: Settings) -> Iterator[Flask]:
    """An application without modules, on a database of its own with eight tenants."""
    with database.application(own) as app:
        database.migrate(app)
        with app.app_context():
            assert provisioning.refill() == TENANTS
        yield app


@pytest.fixture
def with_module(own: Settings, without: Flask, tmp_path: Path) -> Iterator[WithModule]:
    """The application on the same database, with the module and these of its revisions; each in a folder of its own."""
    started: list[Flask] = []

    def make(*revisions: str) -> Flask:
        home = tmp_path / str(len(started))
        folder = home / "parcels" / "migrations"
        folder.mkdir(parents=True)
        (home / "parcels" / "__init__.py").write_text(INIT)
        for number, text in enumerate(revisions, 1):
            (folder / f"{number:04}.py").write_text(text)
        with modules.forgotten(tmp_path):
            started.append(ending.enter_context(database.application(own, modules_dir=home)))
        return started[-1]

    with contextlib.ExitStack() as ending:
        yield make


def columns(app: Flask) -> dict[str, int]:
    """How many schemas have which column of the module's table."""
    query = (
        "SELECT a.attname, count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relname = 'fh_parcels_sent' AND a.attnum > 0 GROUP BY a.attname"
    )
    return dict(tuple(row) for row in database.sql(app, query))


def ledger(app: Flask) -> list[tuple[str, int]]:
    query = "SELECT module_revisions::text, count(*) FROM platform.tenants GROUP BY 1 ORDER BY 1"
    return [tuple(row) for row in database.sql(app, query)]


def test_it_is_rolled_out_over_all_schemas_in_batches_and_killed_goes_on_where_it_was(
    with_module: WithModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_module(FIRST)
    monkeypatch.setattr(fleet, "BATCH", 3)
    upgrade, batches = schemas.upgrade, list[int]()

    def killed_in_the_second(connection: sa.Connection, tenants: list[str], script: str) -> None:
        upgrade(connection, tenants, script)
        batches.append(len(tenants))
        if len(batches) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(schemas, "upgrade", killed_in_the_second)
    with app.app_context():
        assert len(fleet.behind()) == TENANTS
    with pytest.raises(KeyboardInterrupt):
        database.migrate(app)
    assert columns(app) == {"id": 3}, "the second batch, killed before its commit, has left nothing"
    assert ledger(app) == [('{"parcels": "0001"}', 3), ("{}", 5)]
    assert database.migrate(app) == ["parcels: 5 schemas → 0001"]
    assert columns(app) == {"id": TENANTS}
    assert batches == [3, 3, 3, 2]
    assert database.migrate(app) == []
    with app.app_context():
        assert fleet.behind() == []


def test_two_runs_at_once_are_one(with_module: WithModule, monkeypatch: pytest.MonkeyPatch) -> None:
    app = with_module(FIRST, SECOND)
    monkeypatch.setattr(fleet, "BATCH", 3)
    lines: list[str] = []
    threads = [threading.Thread(target=lambda: lines.extend(database.migrate(app))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(int(line.split()[1]) for line in lines) == TENANTS
    assert columns(app) == {"id": TENANTS, "label": TENANTS}


def test_a_new_tenant_has_it_at_once(with_module: WithModule) -> None:
    app = with_module(FIRST)
    database.migrate(app)
    with app.app_context():
        with transaction():
            claimed = provisioning.claim("Early", "early-1").id
        assert provisioning.refill() == 1
        database.sql(app, "UPDATE platform.tenants SET state = 'active', address = id WHERE state = 'spare'")
    with app.app_context(), transaction():
        prepared = provisioning.claim("Late", "late-1").id  # the pool is empty
    with app.app_context():
        provisioning.provision(prepared)
        assert fleet.behind() == []
    assert claimed != prepared
    assert columns(app) == {"id": TENANTS + 2}
    assert ledger(app) == [('{"parcels": "0001"}', TENANTS + 2)]


def test_the_script_and_the_revisions_of_all_branches_build_the_same(with_module: WithModule) -> None:
    app = with_module(FIRST, SECOND)
    with app.app_context(), built_both_ways() as (connection, stepwise, replayed):
        one = catalogue(connection, stepwise)
        assert differences(one, catalogue(connection, replayed)) == {}
    assert [row[2] for row in one["columns"] if row[0] == "fh_parcels_sent"] == ["id", "label"]


def test_its_next_revision_starts_from_where_each_schema_is(with_module: WithModule, without: Flask) -> None:
    first = with_module(FIRST)
    database.migrate(first)
    spare = "UPDATE platform.tenants SET module_revisions = '{}' WHERE id = (SELECT min(id) FROM platform.tenants)"
    ((late,),) = database.sql(first, f"{spare} RETURNING id")
    with first.app_context(), administrator() as connection:
        connection.exec_driver_sql(f'DROP TABLE "{late}".fh_parcels_sent')
    second = with_module(FIRST, SECOND)
    with second.app_context():
        assert len(fleet.behind()) == TENANTS
    assert database.migrate(second) == [f"parcels: {TENANTS} schemas → 0002"]
    assert columns(second) == {"id": TENANTS, "label": TENANTS}


def test_removed_it_leaves_its_tables_and_comes_back_to_those_who_missed_it(
    with_module: WithModule, without: Flask
) -> None:
    app = with_module(FIRST)
    database.migrate(app)
    assert database.migrate(without) == []
    with without.app_context():
        assert fleet.behind() == []
        with transaction():
            provisioning.claim("Meanwhile", "meanwhile-1")
        assert provisioning.refill() == 1
    assert columns(without) == {"id": TENANTS}
    assert ledger(without) == [('{"parcels": "0001"}', TENANTS), ("{}", 1)]
    assert database.migrate(app) == ["parcels: 1 schemas → 0001"]
    assert columns(app) == {"id": TENANTS + 1}


def test_a_schema_where_it_fails_keeps_its_batch_at_the_old_revision(with_module: WithModule) -> None:
    app = with_module(FIRST)
    with app.app_context(), administrator() as connection:
        spoilt = connection.scalar(sa.text("SELECT min(id) FROM platform.tenants"))
        connection.exec_driver_sql(f'CREATE TABLE "{spoilt}".fh_parcels_sent (id text)')
    with pytest.raises(sa.exc.ProgrammingError, match="already exists"):
        database.migrate(app)
    assert ledger(app) == [("{}", TENANTS)]
    with app.app_context(), administrator() as connection:
        connection.exec_driver_sql(f'DROP TABLE "{spoilt}".fh_parcels_sent')
    assert database.migrate(app) == [f"parcels: {TENANTS} schemas → 0001"]


def test_an_older_version_of_it_than_the_schemas_are_at_is_told(with_module: WithModule) -> None:
    database.migrate(with_module(FIRST, SECOND))
    older = with_module(FIRST)
    with pytest.raises(ModuleUnfit, match=r"parcels: there are schemas at revision 0002, which .* does not have"):
        database.migrate(older)
