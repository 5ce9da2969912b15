"""What parts the tenants of a database is settled by `saas migrate` and stays while there are any."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from migrations.roles import DatabaseUnfit
from saas.core.database import db
from saas.core.settings import Isolation, Settings
from tenants import provisioning
from tenants.isolation import modes
from tests.support import database

Migrate = Callable[[Isolation], None]


@pytest.fixture
def settings_of_its_own(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    return database.one_role(database.empty_database(request.config, settings))


@pytest.fixture
def migrated(settings_of_its_own: Settings) -> Migrate:
    def migrate(isolation: Isolation) -> None:
        with database.application(settings_of_its_own, tenant_isolation=isolation) as app:
            database.migrate(app)
            assert settled(app) == (isolation, isolation == "schema")

    return migrate


def settled(app: Flask) -> tuple[str | None, bool]:
    """By what the policies go; and whether the login itself may act as the role of all tenants, inheriting nothing."""
    with app.app_context(), db.engine.connect() as connection:
        found = modes.found(connection)
        options = "SELECT set_option AND NOT inherit_option FROM pg_auth_members"
        member = "roleid = 'fh_tenant'::regrole AND member = session_user::regrole"
        may = connection.scalar(sa.text(f"{options} WHERE {member}"))
        return found and found.name, bool(may)


def test_a_database_without_tenants_may_go_from_one_to_the_other_and_back(migrated: Migrate) -> None:
    ways: tuple[Isolation, ...] = ("roles", "schema", "schema", "roles", "roles")
    for isolation in ways:
        migrated(isolation)


@pytest.mark.parametrize(("made", "other"), [("roles", "schema"), ("schema", "roles")])
def test_a_database_with_tenants_stays_with_what_made_them(
    settings_of_its_own: Settings, migrated: Migrate, made: Isolation, other: Isolation
) -> None:
    migrated(made)
    with database.application(settings_of_its_own, tenant_isolation=made) as app, app.app_context():
        provisioning.refill()
    with database.application(settings_of_its_own, tenant_isolation=other) as app:
        with pytest.raises(DatabaseUnfit, match=f"was set up with TENANT_ISOLATION={made} and has 4 tenants"):
            database.migrate(app)
        assert settled(app) == (made, made == "schema")
    migrated(made)  # the control


def test_what_somebody_altered_is_written_anew(settings_of_its_own: Settings, migrated: Migrate) -> None:
    migrated("schema")
    with database.application(settings_of_its_own) as app, app.app_context():
        provisioning.refill()
        admin = sa.create_engine(settings_of_its_own.database_admin_url or "")
        with admin.begin() as connection:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE AS $$SELECT 'x'$$"
            )
        admin.dispose()
        assert settled(app) == (None, True)
    migrated("schema")
