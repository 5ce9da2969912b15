"""A browser for each journey, which at its end has seen the pages that places.py says it visits."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser

from billing.offering import sync
from saas.core.settings import Settings
from tests.journeys.places import SEEN_BY
from tests.support import live
from tests.support.chromium import chromium as started
from tests.support.live import Running
from tests.support.payments import Stripe
from tests.support.visit import WIDE, Visit, visiting


@pytest.fixture(scope="package")
def running(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all journeys, since none of them runs jobs by hand."""
    with live.start(settings, tmp_path_factory.mktemp("running")) as stack:
        yield stack


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One for all journeys, each of which has a context of its own in it: cookies, storage and cache."""
    with started() as browser:
        yield browser


@pytest.fixture
def visit(app: Flask, running: Running, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Light and wide, unless a test asks for another look."""
    scheme, width = getattr(request, "param", ("light", WIDE))
    with visiting(app, running, chromium, scheme, width) as visit:
        yield visit
    name = f"{request.path.stem}.{request.node.originalname}"
    assert SEEN_BY.get(name, set()) - visit.seen == set(), "pages that places.py says this test visits"


@pytest.fixture(scope="session")
def catalogue(app: Flask) -> None:
    """Stripe has our plans."""
    with app.app_context():
        list(sync.sync())


@pytest.fixture
def stripe(app: Flask, running: Running, catalogue: None) -> Iterator[Stripe]:
    """It delivers its events to the running platform."""
    made = Stripe(app)
    yield made
    made.mend()
    made.shop.control("POST", "release")
