"""Somebody at work in the back office, with the stand-in for Stripe behind it."""

import pytest
from flask import Flask

from billing.offering import sync
from tests.support import operators
from tests.support.database import browser
from tests.support.payments import Stripe
from tests.support.people import Person


@pytest.fixture(scope="module")
def operator(app: Flask) -> Person:
    return operators.operator(app, browser(app))


@pytest.fixture(scope="session")
def catalogue(app: Flask) -> None:
    """Stripe has our plans."""
    with app.app_context():
        list(sync.sync())


@pytest.fixture
def stripe(app: Flask, catalogue: None) -> Stripe:
    made = Stripe(app)
    made.mend()
    made.events()
    return made
