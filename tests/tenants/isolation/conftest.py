"""A database in which the server itself stops less, and a look at the server as its superuser."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from flask import Flask

from migrations import fleet
from saas.core.administrator import administrator
from saas.core.settings import Settings
from tenants import provisioning
from tenants.isolation import modes, schemas
from tenants.models import State, Tenant
from tests import conftest
from tests.support import database
from tests.support.attacks_by_name import SIDE
from tests.support.injection import Stage, set_up

# As an extension brings it that somebody installs one day: what is forbidden by name does not know this one.
RUN_TEXT = """
GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE FUNCTION public.run_text(text) RETURNS text LANGUAGE plpgsql AS
    'DECLARE found text; BEGIN IF $1 LIKE ''SELECT%'' THEN EXECUTE $1 INTO found; ELSE EXECUTE $1; END IF;
        RETURN found; END'
"""

Superuser = Callable[[Settings], contextlib.AbstractContextManager[Any]]


@pytest.fixture(scope="session")
def superuser(request: pytest.FixtureRequest) -> Superuser:
    """Opens a cursor of the superuser in a settings' database; whatever it does is rolled back, unless it commits."""
    url = request.config.stash[conftest._URLS]["superuser"].replace("+psycopg2", "")

    @contextlib.contextmanager
    def open_(settings: Settings) -> Iterator[Any]:
        connection = psycopg2.connect(url.rpartition("/")[0] + "/" + settings.database_url.rpartition("/")[2])
        with contextlib.closing(connection), connection.cursor() as cursor:
            yield cursor

    return open_


@pytest.fixture(scope="session")
def roles_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Of a database where each tenant has a role: the tests' own, unless they run with one role for all."""
    if not modes.MODES[settings.tenant_isolation].shared:
        return settings
    made = database.own_login(database.empty_database(request.config, settings))
    made = made.model_copy(update={"tenant_isolation": "roles", "spare_tenants_low": 4, "spare_tenants_high": 4})
    with database.application(made) as app:
        prepare(app)
    return made


@pytest.fixture(scope="session")
def loose_settings(request: pytest.FixtureRequest, roles_settings: Settings, superuser: Superuser) -> Settings:
    """Of a database where everybody may call `set_config`, as on a server that others manage.

    There is an extension's function too. Only the guard stands between an injected statement and the other tenants.
    """
    made = database.empty_database(request.config, roles_settings)
    made = made.model_copy(update={"spare_tenants_low": 4, "spare_tenants_high": 4})
    loosen(made, superuser)
    return made


def loosen(made: Settings, superuser: Superuser) -> None:
    """Migrate a database, and give everybody in it what the platform takes away."""
    with database.application(made) as app:
        prepare(app)
    with superuser(made) as cursor:
        cursor.execute("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC")
        cursor.execute("GRANT TEMPORARY ON DATABASE {} TO PUBLIC".format(made.database_url.rpartition("/")[2]))
        cursor.execute(RUN_TEXT)
        cursor.connection.commit()


@pytest.fixture(scope="session")
def schema_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Of a database where one role is that of all tenants."""
    made = database.one_role(database.empty_database(request.config, settings))
    with database.application(made) as app:
        prepare(app)
    return made


def prepare(app: Flask) -> None:
    database.migrate(app)
    with app.app_context():
        provisioning.refill()


@pytest.fixture(scope="module")
def solo(app: Flask, settings: Settings) -> Iterator[Flask]:
    """An application with one connection, so that what a context leaves on it meets the next one."""
    with database.application(settings, database_pool_size=1) as made:
        yield made


@pytest.fixture(scope="module", params=["roles", "schema"])
def own(request: pytest.FixtureRequest) -> Settings:
    """Of a database in each of the two modes, for what holds in both."""
    found: Settings = request.getfixturevalue(f"{request.param}_settings")
    return found


@pytest.fixture(scope="module")
def solo_in_both(own: Settings) -> Iterator[Flask]:
    """As `solo`, once in each mode."""
    with database.application(own, database_pool_size=1) as made:
        yield made


@pytest.fixture(scope="module", params=["roles", "schema"])
def attacked(request: pytest.FixtureRequest, settings: Settings, superuser: Superuser) -> Iterator[Stage]:
    """In each of the two modes, a database where nothing but the guard stands in an attack's way."""
    if request.param == "roles":
        yield from set_up(request.getfixturevalue("loose_settings"))
        return
    made = database.one_role(database.empty_database(request.config, settings))
    loosen(made, superuser)
    for stage in set_up(made):
        put_aside(stage, made, superuser)
        yield stage


@pytest.fixture
def stage(attacked: Stage, record_property: Callable[[str, object], None]) -> Iterator[Stage]:
    attacked.record = record_property
    yield attacked
    attacked.reconnect()


def put_aside(stage: Stage, settings: Settings, superuser: Superuser) -> None:
    """A copy of the victim's table that all tenants' role may read, in a schema that is no tenant's."""
    stage.attacker.define("trim", title="text")
    with superuser(settings) as cursor:
        cursor.execute(
            f"CREATE SCHEMA {SIDE} AUTHORIZATION fh_owner; GRANT USAGE ON SCHEMA {SIDE} TO fh_tenant;"
            f' CREATE TABLE {SIDE}.products AS SELECT * FROM "{stage.victim.tenant}".products;'
            f" GRANT SELECT ON {SIDE}.products TO fh_tenant"
        )
        cursor.connection.commit()


@pytest.fixture
def tenant(solo: Flask) -> str:
    """The id of a tenant of the test's own, without people."""
    return open_tenant(solo)


@pytest.fixture
def other(solo: Flask) -> str:
    return open_tenant(solo)


def open_tenant(app: Flask) -> str:
    """Build a schema at once, so that the pool of spare ones stays for those who sign up."""
    made = schemas.new_id()
    with app.app_context(), administrator() as connection:
        blueprint = fleet.blueprint()
        schemas.create(connection, [made], blueprint.script)
        values = {"id": made, "state": State.ACTIVE, **blueprint.ledger, "address": f"shop-{made[2:]}"}
        connection.execute(sa.insert(Tenant).values(name="Test & Sons", **values))
    return made
