"""How often a network may sign up."""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from saas.devstack.browser import Page
from tests.conftest import network
from tests.signup.conftest import Values
from tests.support.database import application, browser, left, more, skip_at_the_end_of_the_hour
from tests.support.pages import heading, words
from tests.support.threads import together

LIMIT = 2


@pytest.fixture(autouse=True)
def _within_one_hour(app: Flask) -> None:
    skip_at_the_end_of_the_hour(app)


def test_a_network_may_sign_up_twice_an_hour(strict: Flask, values: Values) -> None:
    here = network()
    assert [attempt(strict, here, values()).status for _ in range(LIMIT)] == [200, 200]
    before = left(strict)
    page = attempt(strict, here, values())
    assert (page.status, heading(page)) == (429, "Too many attempts")
    assert "Wait " in words(page)
    assert 1 <= int(page.response.headers["Retry-After"]) <= 3600
    assert more(before, left(strict)) == {}
    assert attempt(strict, network(), values()).status == 200  # the control: a neighbour is not held back


def test_refused_attempts_count_as_well(strict: Flask, values: Values) -> None:
    here = network()
    refused = [attempt(strict, here, values(address="admin")).status for _ in range(LIMIT)]
    assert refused == [422, 422]
    assert attempt(strict, here, values()).status == 429


def test_a_form_that_is_not_filled_in_does_not_count(strict: Flask, values: Values) -> None:
    here = network()
    assert {attempt(strict, here, values(email="")).status for _ in range(LIMIT + 1)} == {422}
    assert attempt(strict, here, values()).status == 200


def test_an_ipv6_customer_is_one_network(strict: Flask, values: Values) -> None:
    prefix = "2001:db8:" + network().rpartition(".")[0].replace("10.", "").replace(".", ":")
    refused = values(address="admin")
    addresses = [f"{prefix}::1", f"{prefix}:ffff:1:2:3", f"{prefix}::9"]
    assert [attempt(strict, here, refused).status for here in addresses] == [422, 422, 429]
    assert attempt(strict, "2001:db9::1", refused).status == 422


def test_the_limit_holds_for_many_at_once(strict: Flask, values: Values) -> None:
    here = network()
    forms = [values(address="admin") for _ in range(8)]
    pages = together(*(lambda form=form: attempt(strict, here, form) for form in forms))
    assert sorted(page.status for page in pages) == [422] * LIMIT + [429] * (len(forms) - LIMIT)


@pytest.fixture
def strict(settings: Settings) -> Iterator[Flask]:
    with application(settings, signups_per_hour=LIMIT) as app:
        yield app


def attempt(app: Flask, network: str, form: dict[str, str]) -> Page:
    """From a new browser in a network."""
    visitor = browser(app, network)
    return visitor.send(visitor.open("/sign-up"), "", "business", **form)
