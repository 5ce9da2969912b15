"""A browser for each journey, which at its end has seen the pages that places.py says it visits."""

from collections.abc import Iterator

import pytest
from flask import Flask

from billing import sync
from tests.journeys.places import SEEN_BY
from tests.support.live import Running
from tests.support.payments import Stripe
from tests.support.visit import WIDE, Visit, visiting


@pytest.fixture
def visit(app: Flask, running: Running, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Light and wide, unless a test asks for another look."""
    scheme, width = getattr(request, "param", ("light", WIDE))
    with visiting(app, running, scheme, width) as visit:
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
