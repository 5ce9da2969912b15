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
from tenants.isolation import schemas
from tenants.models import State, Tenant
from tests import conftest
from tests.support import database

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
def loose_settings(request: pytest.FixtureRequest, settings: Settings, superuser: Superuser) -> Settings:
    """Of a database where everybody may call `set_config`, as on a server that others manage.

    There is an extension's function too. Only the guard stands between an injected statement and the other tenants.
    """
    made = database.empty_database(request.config, settings)
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
    found: Settings = request.getfixturevalue("settings" if request.param == "roles" else "schema_settings")
    return found


@pytest.fixture(scope="module")
def solo_in_both(own: Settings) -> Iterator[Flask]:
    """As `solo`, once in each mode."""
    with database.application(own, database_pool_size=1) as made:
        yield made


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
