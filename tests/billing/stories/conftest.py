"""The same lives at the stand-in, and at Stripe when STRIPE_TEST_KEY has a test key of an account of yours."""

import os
from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from tenants import provisioning
from tests.support.database import application, migrate

if KEY := os.environ.get("STRIPE_TEST_KEY"):

    @pytest.fixture(scope="session")
    def app(settings: Settings) -> Iterator[Flask]:
        with application(settings, stripe_secret_key=KEY, stripe_api_url=None) as made:
            migrate(made)
            with made.app_context():
                provisioning.refill()
            yield made
