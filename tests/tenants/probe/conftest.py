"""A database of these tests' own, in which defences are taken away for good."""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from tenants import provisioning
from tenants.probe import canaries
from tests.support import database
from tests.tenants.isolation.conftest import loose_settings, roles_settings, superuser  # noqa: F401  fixtures


@pytest.fixture(scope="module")
def yard_settings(request: pytest.FixtureRequest, roles_settings: Settings) -> Settings:  # noqa: F811
    made = database.empty_database(request.config, roles_settings)
    return made.model_copy(update={"spare_tenants_low": 2, "spare_tenants_high": 2})


@pytest.fixture(scope="module")
def yard(yard_settings: Settings) -> Iterator[Flask]:
    with database.application(yard_settings) as app:
        database.migrate(app)
        with app.app_context():
            provisioning.refill()
            canaries.ready()
        yield app
