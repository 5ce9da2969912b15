"""A database of one's own, for tests that take a defence away."""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from tests.support.database import application, empty_database, migrate


@pytest.fixture(scope="package")
def alone(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """Nobody else uses its database, and nothing is dispatched there."""
    with application(empty_database(request.config, settings)) as app:
        migrate(app)
        yield app
