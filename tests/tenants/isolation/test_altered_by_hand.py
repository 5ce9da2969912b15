"""Somebody with a superuser's rights alters a tenant's schema or role; its people get a clear answer, others theirs.

In a database of its own, since other tests prove their tenants whole. The application has one connection, which each
failure has to leave fit for the next request.
"""

from collections.abc import Callable, Iterator

import pytest
import requests
from flask import Flask
from structlog.testing import capture_logs

from saas.core.settings import Settings
from saas.devstack.browser import Page
from tenants.isolation import modes
from tests.support import database
from tests.support.pages import heading, words
from tests.support.people import Person, sign_up
from tests.tenants.isolation.conftest import Superuser, prepare

TITLE = "This workspace is out of order"

Tell = Callable[[str, object], None]

# What is done, and what mends it; "" where nothing does.
ALTERED = {
    "its schema is gone": ('DROP SCHEMA "{t}" CASCADE', ""),
    "its schema is called otherwise": (
        'ALTER SCHEMA "{t}" RENAME TO "{t}_old"',
        'ALTER SCHEMA "{t}_old" RENAME TO "{t}"',
    ),
    "its role may not enter the schema": (
        'REVOKE USAGE ON SCHEMA "{t}" FROM "{who}"',
        'GRANT USAGE ON SCHEMA "{t}" TO "{who}"',
    ),
    "its role may not read a table": (
        'REVOKE SELECT ON "{t}".fh_collections FROM "{who}"',
        'GRANT SELECT ON "{t}".fh_collections TO "{who}"',
    ),
    "one of our tables is gone": ('DROP TABLE "{t}".fh_collections', ""),
    "a column is called otherwise": (
        'ALTER TABLE "{t}".fh_collections RENAME label TO title',
        'ALTER TABLE "{t}".fh_collections RENAME title TO label',
    ),
}
# Where each tenant has a role; what is done to one that they share is done to all of them.
ITS_ROLE_ALTERED = {
    "its role is gone": ('DROP OWNED BY "{t}"; DROP ROLE "{t}"', ""),
    "its role is called otherwise": ('ALTER ROLE "{t}" RENAME TO "{t}_old"', 'ALTER ROLE "{t}_old" RENAME TO "{t}"'),
    "its role is no longer ours to take": (
        'REVOKE "{t}" FROM fh_app GRANTED BY freehold_admin',
        'GRANT "{t}" TO fh_app WITH INHERIT FALSE, SET TRUE GRANTED BY freehold_admin',
    ),
}


@pytest.fixture(scope="module")
def apart(request: pytest.FixtureRequest, own: Settings) -> Iterator[Flask]:
    """An application on a database of its own, with one connection."""
    made = database.empty_database(request.config, own)
    made = made.model_copy(update={"spare_tenants_low": 4, "spare_tenants_high": 4})
    with database.application(made, database_pool_size=1) as app:
        prepare(app)
        yield app


@pytest.fixture(scope="module")
def other(apart: Flask) -> Person:
    return opened(apart)


def opened(app: Flask) -> Person:
    """A business with a record."""
    person = sign_up(app, database.browser(app))
    person.define("products", title="text")
    assert person.api("POST", "/collections/products/records", json={"title": "Chair"}).status_code == 201
    return person


@pytest.mark.parametrize(("harm", "mend"), ALTERED.values(), ids=ALTERED.keys())
def test_a_workspace_that_was_altered_by_hand_says_so_and_loses_nothing(
    apart: Flask, other: Person, superuser: Superuser, harm: str, mend: str, record_property: Tell
) -> None:
    alter(apart, other, superuser, harm, mend)
    for name, figure in (("tried", 1), ("faults", 1), ("leaks", 0)):
        record_property(name, figure)


@pytest.mark.parametrize("own", ["roles"], indirect=True)
@pytest.mark.parametrize(("harm", "mend"), ITS_ROLE_ALTERED.values(), ids=ITS_ROLE_ALTERED.keys())
def test_a_workspace_whose_role_was_altered_by_hand_says_so_and_loses_nothing(
    apart: Flask, other: Person, superuser: Superuser, harm: str, mend: str, record_property: Tell
) -> None:
    alter(apart, other, superuser, harm, mend)
    for name, figure in (("tried", 1), ("faults", 1), ("leaks", 0)):
        record_property(name, figure)


def alter(apart: Flask, other: Person, superuser: Superuser, harm: str, mend: str) -> None:
    person = opened(apart)
    mode = modes.MODES[apart.extensions["freehold.settings"].tenant_isolation]
    harm, mend = (text.format(t=person.tenant, who=mode.role_of(person.tenant)) for text in (harm, mend))
    run(apart, superuser, harm)
    with capture_logs() as log:
        answers = [ask(person) for ask in (page, listing, adding)]
        assert listing(other).json()["data"][0]["title"] == "Chair"
        assert page(other).status_code == 200
    expect_clear(person, *answers)
    assert [line["tenant"] for line in log if line["event"] == "tenant.out_of_order"] == [person.tenant] * 3
    if mend:  # the control: it was this, and nothing is lost or added
        run(apart, superuser, mend)
        assert [row["title"] for row in listing(person).json()["data"]] == ["Chair"]
        assert page(person).status_code == 200


def expect_clear(person: Person, shown: requests.Response, *told: requests.Response) -> None:
    assert (shown.status_code, heading(Page("", shown))) == (503, TITLE)
    assert "only those who run this site can mend" in words(Page("", shown))
    for answer in told:
        assert (answer.status_code, answer.json()["title"]) == (503, TITLE)
        assert answer.json()["type"] == "urn:freehold:problem:out-of-order"
    for answer in (shown, *told):
        assert answer.headers["X-Request-ID"] in answer.text
        for word in (person.tenant, "relation", "permission", "psycopg", "SELECT", "fh_collections"):
            assert word not in answer.text


def test_what_fails_for_another_reason_is_still_a_fault_of_ours(
    apart: Flask, other: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement of ours that is wrong in itself is not put down to the workspace."""
    assert listing(other).status_code == 200
    monkeypatch.setitem(apart.config, "STATEMENT_TIMEOUT_MS", "'soon'")
    with capture_logs():
        answer = listing(other)
    assert (answer.status_code, answer.json()["title"]) == (500, "Something went wrong")


def run(app: Flask, superuser: Superuser, statement: str) -> None:
    with superuser(app.extensions["freehold.settings"]) as cursor:
        cursor.execute(statement)
        cursor.connection.commit()


def page(person: Person) -> requests.Response:
    return person.browser.request("GET", f"{person.home}/collections/products")


def listing(person: Person) -> requests.Response:
    return person.api("GET", "/collections/products/records")


def adding(person: Person) -> requests.Response:
    return person.api("POST", "/collections/products/records", json={"title": "Table"})
