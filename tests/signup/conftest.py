"""The sign-up form, filled in."""

from collections.abc import Callable

import pytest

from saas.devstack.browser import Browser, Page
from tests.support.people import PASSWORD, unique

Values = Callable[..., dict[str, str]]
SignUp = Callable[..., Page]


@pytest.fixture
def values() -> Values:
    """A form that would be accepted, with some fields changed."""

    def fill_in(**changes: str) -> dict[str, str]:
        mark = unique()
        good = {
            "business": f"Shop {mark}",
            "address": f"shop-{mark}",
            "email": f"{mark}@example.com",
            "password": PASSWORD,
        }
        return good | changes

    return fill_in


@pytest.fixture
def sign_up(browser: Browser, values: Values) -> SignUp:
    """Sends the sign-up form with some fields changed and follows to where it leads."""

    def send(**changes: str) -> Page:
        return browser.send(browser.open("/sign-up"), "", "business", **values(**changes))

    return send
