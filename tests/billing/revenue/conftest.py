"""Rows of the books, in the database of the tests of billing; Stripe has no part in it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.books import Books, books


@pytest.fixture
def made(app: Flask) -> Iterator[Books]:
    with books(app) as made:
        yield made
