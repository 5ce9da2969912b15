"""Billing against the stand-in, which is a process of its own.

The application has a database and a key of its own, so that no worker of other tests' is quicker with a job, and no
webhook arrives that a test has not sent.
"""

import os
import secrets
from collections.abc import Iterator

import pytest
import requests
from flask import Flask

from billing.gateway import connection
from billing.offering import sync
from saas.core.settings import Settings
from tenants import provisioning
from tests.support.database import application, empty_database, migrate
from tests.support.payments import Stripe


@pytest.fixture(scope="session", autouse=True)
def _no_proxy_is_asked_for() -> Iterator[None]:
    """All calls are to this machine. To look through the environment for a proxy costs a third of what a call costs."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("STRIPE_TEST_KEY"):
            patch.setattr(requests.sessions, "get_environ_proxies", lambda *_, **__: {})
            patch.setattr(requests.sessions, "get_netrc_auth", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    own = empty_database(request.config, settings)
    return own.model_copy(update={"stripe_secret_key": f"sk_test_{secrets.token_hex(8)}"})


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    with application(settings) as made:
        migrate(made)
        with made.app_context():
            provisioning.refill()
        yield made


@pytest.fixture(scope="session")
def catalogue(app: Flask) -> list[str]:
    """What had to be done so that Stripe has our plans."""
    with app.app_context():
        return list(sync.sync())


@pytest.fixture
def stripe(app: Flask, catalogue: list[str]) -> Stripe:
    made = Stripe(app)
    made.mend()
    made.events()
    return made


@pytest.fixture
def unrepeated(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is tried again by itself: an answer that is lost stays lost, and nobody waits for repeats."""
    with app.app_context():
        monkeypatch.setattr(connection, "RETRIES", 0)
        monkeypatch.setitem(app.extensions, connection._KEY, connection._build())
