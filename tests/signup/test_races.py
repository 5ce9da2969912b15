"""Two people want the same thing at the same moment: one gets it, the other is told at the field."""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.administrator import administrator
from saas.core.settings import Settings
from saas.devstack.browser import Page
from tenants import provisioning
from tests.signup.conftest import Values
from tests.signup.test_sign_up import ONE
from tests.support.database import application, browser, empty_database, left, migrate, more, sql
from tests.support.pages import error_at
from tests.support.people import unique
from tests.support.threads import meeting_at, together


def test_of_two_who_claim_one_address_one_gets_it(app: Flask, values: Values) -> None:
    address = f"wanted-{unique()}"
    before = left(app)
    with meeting_at(app, "UPDATE platform.tenants"):
        pages = both(app, values(address=address), values(address=address))
    winner, loser = sorted(pages, key=lambda page: page.status)
    assert (winner.status, winner.url) == (200, f"http://{address}.localhost:8000/home")
    assert (loser.status, error_at(loser, "address")) == (422, f"{address} is taken. Choose another address.")
    assert more(before, left(app)) == ONE


def test_of_two_who_claim_one_email_one_gets_it(app: Flask, values: Values) -> None:
    email = f"{unique()}@example.com"
    before = left(app)
    with meeting_at(app, "INSERT INTO platform.users"):
        pages = both(app, values(email=email), values(email=email))
    winner, loser = sorted(pages, key=lambda page: page.status)
    assert (winner.status, winner.url[-5:]) == (200, "/home")
    assert (loser.status, error_at(loser, "email")[:35]) == (422, "This email already has an account. ")
    assert more(before, left(app)) == ONE


def test_control_without_the_constraint_both_get_the_address(unconstrained: Flask, values: Values) -> None:
    address = f"wanted-{unique()}"
    with meeting_at(unconstrained, "UPDATE platform.tenants"):
        both(unconstrained, values(address=address), values(address=address))
    assert sql(unconstrained, "SELECT count(*) FROM platform.tenants WHERE address = :a", a=address) == [(2,)]


def test_many_at_once_each_get_a_schema_of_their_own(app: Flask, values: Values) -> None:
    with app.app_context():
        provisioning.refill()
    before = left(app)
    pages = both(app, *(values() for _ in range(4)))
    assert [page.status for page in pages] == [200] * 4
    assert more(before, left(app)) == {name: count * 4 for name, count in ONE.items()}


@pytest.fixture
def unconstrained(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """An application on a database that would give an address to two."""
    own = empty_database(request.config, settings)
    with application(own, spare_tenants_low=1, spare_tenants_high=2) as app:
        migrate(app)
        with app.app_context():
            provisioning.refill()
            with administrator() as connection:
                connection.exec_driver_sql("ALTER TABLE platform.tenants DROP CONSTRAINT tenants_address_key")
        yield app


def both(app: Flask, *forms: dict[str, str]) -> list[Page]:
    """Send forms at the same moment, each from a browser of its own."""
    browsers = [browser(app) for _ in forms]
    pages = [one.open("/sign-up") for one in browsers]
    return together(
        *(
            lambda one=one, page=page, form=form: one.send(page, "", "business", **form)
            for one, page, form in zip(browsers, pages, forms, strict=True)
        )
    )
