"""Many sign-ups at once: a network has its limit, and whatever the pool holds, each business gets its own schema."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.accounts import passwords
from saas.core.settings import Settings
from tenants import provisioning
from tenants.models import State, Tenant
from tests.conftest import network
from tests.signup.conftest import Values
from tests.signup.test_limits import attempt
from tests.signup.test_races import both
from tests.support.database import (
    application,
    empty_database,
    left,
    migrate,
    more,
    schema_and_role,
    skip_at_the_end_of_the_hour,
    sql,
    whole,
)
from tests.support.pages import heading
from tests.support.threads import together

LIMIT, BURST, HIGH = 20, 30, 4  # the limit is the setting's default


@pytest.fixture(scope="module")
def small(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """An application on a database of its own, whose pool is smaller than the bursts."""
    pool = {"spare_tenants_low": HIGH, "spare_tenants_high": HIGH}
    limit = Settings.model_fields["signups_per_hour"].default
    with application(empty_database(request.config, settings), signups_per_hour=limit, **pool) as app:
        migrate(app)
        yield app


@pytest.fixture(autouse=True)
def _passwords_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is what nearly all of a sign-up's time goes to."""
    monkeypatch.setattr(passwords, "make", lambda _password: "nobody signs in with it")


def test_a_network_of_bots_gets_what_its_limit_allows_and_leaves_nothing_beyond(small: Flask, values: Values) -> None:
    skip_at_the_end_of_the_hour(small)
    refill(small)
    bots, neighbour = network(), network()
    before = left(small)
    pages = [attempt(small, bots, values()) for _ in range(LIMIT)]
    assert [page.status for page in pages] == [200] * LIMIT
    added = more(before, left(small))
    assert (added["users"], added["active"], added["preparing"]) == (LIMIT, HIGH, LIMIT - HIGH)
    at_the_limit = left(small)
    forms = [values() for _ in range(BURST - LIMIT)]
    refused = together(*(lambda form=form: attempt(small, bots, form) for form in forms))
    assert {page.status for page in refused} == {429}
    assert more(at_the_limit, left(small)) == {}

    # A neighbour opens at once, though the bots have the whole pool, and with the next refill nobody notices them.
    assert heading(attempt(small, neighbour, values())).startswith("Preparing ")
    refill(small)
    assert counts(small) == {State.SPARE: HIGH, State.ACTIVE: LIMIT + 1}
    assert heading(attempt(small, network(), values())) == "Home"


def test_those_who_race_for_the_last_spare_each_get_a_schema_of_their_own(small: Flask, values: Values) -> None:
    refill(small)
    forms = [values() for _ in range(HIGH + 2)]
    pages = both(small, *forms)
    assert sorted(heading(page).split()[0] for page in pages) == ["Home"] * HIGH + ["Preparing"] * 2
    refill(small)
    found = sql(
        small, "SELECT id FROM platform.tenants WHERE address = ANY(:mine)", mine=[form["address"] for form in forms]
    )
    assert len({row.id for row in found}) == HIGH + 2
    assert {schema_and_role(small, row.id) for row in found} == {whole(small)}


def refill(app: Flask) -> None:
    with app.app_context():
        provisioning.refill()


def counts(app: Flask) -> dict[State, int]:
    with app.app_context():
        rows = provisioning.db.session.execute(sa.select(Tenant.state, sa.func.count()).group_by(Tenant.state))
        return {state: count for state, count in rows}  # noqa: C416  rows are no pairs to mypy
