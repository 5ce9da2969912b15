"""Migrations: a script replayed builds what running the revisions builds; runs may be repeated and doubled."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from flask import Flask

from migrations import branches, fleet
from saas.accounts.models import SignIn
from saas.core.administrator import administrator
from saas.core.database import db
from saas.core.settings import Settings
from tenants import provisioning
from tenants.backend.collections.models import CatalogueEntry
from tenants.backend.keys.models import ApiKey
from tenants.isolation import modes
from tenants.members.models import Membership, Role
from tenants.models import State, Tenant
from tenants.usage import service as usage
from tenants.usage.limits import SEATS
from tests.migrations.catalogue import built_both_ways, catalogue, differences
from tests.support import database
from tests.support.people import Person

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "planted"
down_revision = "HEAD"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("fh_keys", sa.Column("planted", sa.Text))
"""

# A difference in each part of the catalogue, as the owner of the schema or its administrator makes it.
PLANTED = {
    "schema": "GRANT CREATE ON SCHEMA {0} TO {0}",
    "default privileges": "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner IN SCHEMA {0} GRANT TRUNCATE ON TABLES TO {0}",
    "relations": "GRANT TRUNCATE ON {0}.fh_keys TO {0}",
    "columns": "COMMENT ON COLUMN {0}.fh_keys.hint IS 'planted'",
    "indexes": "CREATE INDEX planted_ix ON {0}.fh_keys (label)",
    "constraints": "ALTER TABLE {0}.fh_keys ADD CHECK (label <> '')",
    "policies": "CREATE POLICY planted ON {0}.fh_keys USING (true)",
    "functions": "SET LOCAL ROLE fh_owner; CREATE FUNCTION {0}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE",
    "types": "SET LOCAL ROLE fh_owner; CREATE TYPE {0}.planted AS ENUM ('a'); RESET ROLE",
    "role": "ALTER ROLE {0} INHERIT CREATEROLE",
    "memberships": "GRANT {0} TO fh_owner WITH INHERIT TRUE",
}

PLATFORM = """
import sqlalchemy as sa
from alembic import op

revision = "planted"
down_revision = "HEAD"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("planted", sa.Text), schema="platform")
"""


@pytest.fixture
def own_database(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """An application on a database of its own, with eight spare tenants."""
    own = database.empty_database(request.config, settings)
    with database.application(own, spare_tenants_low=8, spare_tenants_high=8) as made:
        database.migrate(made)
        with made.app_context():
            assert provisioning.refill() == 8
        yield made


@pytest.fixture
def second_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the trees in which the tenants' has one revision more."""
    copy_trees(tmp_path)
    (tmp_path / "tenant" / "versions" / "planted.py").write_text(SECOND.replace("HEAD", fleet.tenant_head()))
    monkeypatch.setattr(branches, "HERE", tmp_path)


def copy_trees(to: Path) -> None:
    for tree in ("platform", "tenant"):
        (to / tree / "versions").mkdir(parents=True)
        for source in [*(branches.HERE / tree).glob("*.mako"), *(branches.HERE / tree).rglob("*.py")]:
            (to / tree / source.relative_to(branches.HERE / tree)).write_text(source.read_text())


def test_the_script_and_the_revisions_run_one_by_one_build_the_same(app: Flask) -> None:
    with app.app_context(), built_both_ways() as (connection, stepwise, replayed):
        one, other = catalogue(connection, stepwise), catalogue(connection, replayed)
        without_role = {"role", "memberships"} if modes.current().shared else set()
    assert differences(one, other) == {}
    assert {row[0] for row in one["relations"]} >= {"fh_collections", "fh_keys"}
    assert {part for part, rows in one.items() if not rows} == {"policies", "triggers", "functions"} | without_role


@pytest.mark.parametrize("part", PLANTED)
def test_control_a_difference_in_any_part_is_seen(app: Flask, part: str) -> None:
    with app.app_context(), built_both_ways() as (connection, stepwise, replayed):
        if modes.current().shared:  # there a role of its own is a difference already
            connection.exec_driver_sql(f"CREATE ROLE {stepwise}")
        connection.exec_driver_sql(PLANTED[part].format(stepwise))
        found = differences(catalogue(connection, stepwise), catalogue(connection, replayed))
    assert part in found


@pytest.mark.parametrize("model", [CatalogueEntry, ApiKey])
def test_the_models_are_what_the_migrations_build(app: Flask, owner: Person, model: type) -> None:
    with app.app_context(), administrator() as connection:
        columns = sa.inspect(connection).get_columns(model.__tablename__, schema=owner.tenant)
    expected = [(c.name, str(c.type.compile(sa.dialects.postgresql.dialect())), c.nullable) for c in model.__table__.c]
    found = [(c["name"], str(c["type"].compile(sa.dialects.postgresql.dialect())), c["nullable"]) for c in columns]
    assert found == expected


def test_the_platforms_models_are_what_the_migrations_build(app: Flask) -> None:
    from alembic.autogenerate import compare_metadata

    from saas.core.database import Base

    with app.app_context(), administrator() as connection:
        options = {
            "version_table_schema": "platform",
            "include_schemas": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == "platform",
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_a_second_run_has_nothing_to_do(app: Flask, settings: Settings) -> None:
    with app.app_context():
        assert list(fleet.migrate(settings.database_url)) == []
        assert fleet.behind() == []


def test_each_schema_is_brought_to_a_new_revision_once(
    own_database: Flask, second_revision: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "BATCH", 3)
    runs: list[list[str]] = []
    url = own_database.extensions["freehold.settings"].database_url

    def run() -> None:
        with own_database.app_context():
            runs.append(list(fleet.migrate(url)))

    with own_database.app_context():
        late = fleet.behind()
        assert len(late) == 8
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with own_database.app_context(), administrator() as connection:
        assert fleet.behind() == []
        planted = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'planted'"
        assert connection.scalar(sa.text(planted)) == len(late)
    upgraded = sum(int(line.split()[1]) for lines in runs for line in lines if line.startswith("tenants"))
    assert upgraded == len(late), "two runs at once are one run"


def test_a_schema_that_fails_leaves_its_batch_at_the_old_revision(own_database: Flask, second_revision: None) -> None:
    url = own_database.extensions["freehold.settings"].database_url
    with own_database.app_context():
        spoilt = db.session.scalars(sa.select(Tenant.id).where(Tenant.state == State.SPARE).limit(1)).one()
        db.session.rollback()
        with administrator() as connection:
            connection.exec_driver_sql(f'ALTER TABLE "{spoilt}".fh_keys ADD COLUMN planted text')
        with pytest.raises(sa.exc.ProgrammingError, match="already exists"):
            list(fleet.migrate(url))
        assert spoilt in fleet.behind()
        with administrator() as connection:
            connection.exec_driver_sql(f'ALTER TABLE "{spoilt}".fh_keys DROP COLUMN planted')
        list(fleet.migrate(url))
        assert fleet.behind() == []


FIRST_ROWS = """
    INSERT INTO platform.users (id, email, operator) SELECT gen_random_uuid(), n || '@example.com', n = 1
        FROM generate_series(1, 3) n;
    INSERT INTO platform.tenants (id, state, revision, name, address, opened_at)
        VALUES ('t_aaaaaaaaaaaaaaaa', 'active', 'HEAD', 'First', 'first', now()),
        ('t_bbbbbbbbbbbbbbbb', 'spare', 'HEAD', NULL, NULL, NULL);
    INSERT INTO platform.memberships (tenant, user_id, role)
        SELECT 't_aaaaaaaaaaaaaaaa', id, CASE WHEN operator THEN 'owner' ELSE 'member' END FROM platform.users;
    INSERT INTO platform.sessions (id, user_id, secret_digest, expires_at)
        SELECT gen_random_uuid(), id, email::bytea, now() + interval '1 day' FROM platform.users;
    INSERT INTO platform.audit (id, actor, action, detail) VALUES (gen_random_uuid(), 'system', 'tests.row', '{}')
"""


def test_what_the_first_revision_has_stored_is_there_at_the_last(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_trees(tmp_path)
    for revision in (tmp_path / "platform" / "versions").glob("0*.py"):
        if not revision.name.startswith("0001"):
            revision.unlink()
    own = database.empty_database(request.config, settings)
    with database.application(own) as app, app.app_context():
        with monkeypatch.context() as before:
            before.setattr(branches, "HERE", tmp_path)
            before.setattr(fleet, "platform_head", lambda: "0001")
            assert next(fleet.migrate(own.database_url)) == "platform: nothing → 0001"
        with administrator() as connection:
            connection.exec_driver_sql(FIRST_ROWS.replace("HEAD", fleet.tenant_head()))
        assert next(fleet.migrate(own.database_url)) == f"platform: 0001 → {fleet.platform_head()}"
        tenants = db.session.scalars(sa.select(Tenant).order_by(Tenant.id)).all()
        assert [(t.plan, t.limits, t.standing, t.suspended_at, t.module_revisions) for t in tenants] == [
            ("free", {}, "good", None, {})
        ] * 2
        roles = db.session.scalars(sa.select(Membership.role).order_by(Membership.role)).all()
        assert roles == [Role.DEVELOPER, Role.DEVELOPER, Role.OWNER]
        assert [meter.used for meter in usage.meters(tenants[0].id) if meter.limit == SEATS] == [3]
        assert all(row.seen_at for row in db.session.scalars(sa.select(SignIn)))
        db.session.rollback()


def test_a_platforms_table_in_use_is_tried_again_and_nobody_queues_behind_it(
    own_database: Flask, second_revision: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for a table's lock makes all who come later wait as well, and here that is every request."""
    planted = PLATFORM.replace("HEAD", fleet.platform_head())
    (branches.HERE / "platform" / "versions" / "planted.py").write_text(planted)
    url = own_database.extensions["freehold.settings"].database_url
    paused: list[float] = []
    with own_database.app_context(), administrator() as connection:
        connection.exec_driver_sql("SELECT 1 FROM platform.tenants LIMIT 1")  # somebody reads, and is in no hurry

        def pause(seconds: float) -> None:
            paused.append(seconds)
            connection.rollback()

        monkeypatch.setattr(fleet, "time", SimpleNamespace(sleep=pause))
        fleet.platform_head.cache_clear()
        try:
            assert next(fleet.migrate(url)).endswith("→ planted")
        finally:
            fleet.platform_head.cache_clear()
    assert len(paused) == 1
