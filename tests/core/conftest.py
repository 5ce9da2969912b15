"""A business that tests only look at."""

import pytest
from flask import Flask

from tests.support.database import browser
from tests.support.people import Person, sign_up


@pytest.fixture(scope="session")
def regular(app: Flask) -> Person:
    """Signed in for the whole run; whoever changes something of theirs takes `owner` instead."""
    return sign_up(app, browser(app))
