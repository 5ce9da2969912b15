"""The pool of spare schemas, and what a business meets when it is empty."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from migrations import fleet
from saas.core.jobs import registry
from saas.core.settings import Settings, SettingsError
from tenants import provisioning
from tenants.provisioning import Blueprint
from tests.support.database import application, browser, empty_database, left, migrate, more, schema_and_role, sql
from tests.support.pages import heading, words
from tests.support.people import PASSWORD, Person, unique
from tests.support.threads import together

LOW, HIGH = 2, 4


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """An application on a database of its own, without a spare schema and without a worker."""
    own = empty_database(request.config, settings)
    with application(own, spare_tenants_low=LOW, spare_tenants_high=HIGH) as app:
        migrate(app)
        yield app


@pytest.fixture
def pool(empty: Flask) -> Iterator[Flask]:
    """The same, for tests that fill the pool."""
    yield empty
    sql(empty, "DELETE FROM platform.tenants WHERE state = 'spare'")


@pytest.fixture
def early(empty: Flask) -> Person:
    """Somebody who signed up while the pool was empty."""
    mark = unique()
    visitor = browser(empty)
    form = {"business": "Early & <b>Bird</b>", "address": f"early-{mark}", "email": f"{mark}@example.com"}
    page = visitor.send(visitor.open("/sign-up"), "", "business", password=PASSWORD, **form)
    assert heading(page) == "Preparing Early & <b>Bird</b>"
    ((tenant,),) = sql(empty, "SELECT id FROM platform.tenants WHERE address = :a", a=f"early-{mark}")
    return Person(visitor, form["email"], form["address"], tenant)


def test_without_a_spare_schema_the_account_still_opens_at_once(empty: Flask, early: Person) -> None:
    assert schema_and_role(empty, early.tenant) == (0, 0)
    for path in ("/home", "/collections", "/keys", "/collections/anything"):
        page = early.open(path)
        assert (page.status, heading(page)) == (200, "Preparing Early & <b>Bird</b>")
        assert f"{early.address} is yours already." in words(page)
        assert "<b>Bird" not in page.text
    jobs = sql(
        empty, "SELECT state, queue FROM platform.jobs WHERE name = 'tenants.provision' AND args ? :id", id=early.tenant
    )
    assert jobs == [("waiting", "slow")]


@pytest.mark.parametrize("by", ["workspace", "site"])
def test_the_api_asks_to_come_back(empty: Flask, early: Person, by: str) -> None:
    key = f"fh_test_{early.tenant.removeprefix('t_')}_{'A' * 43}"
    host = early.home if by == "workspace" else early.browser.site
    answer = early.browser.request("GET", f"{host}/api/v1/collections", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:freehold:problem:being-prepared"
    assert answer.json()["title"] == "This workspace is being prepared"


def test_a_visitor_of_a_workspace_being_prepared_has_to_sign_in_first(empty: Flask, early: Person) -> None:
    page = browser(empty).open(f"{early.home}/home")
    assert heading(page) == "Sign in"
    assert "Bird" not in page.text


def test_the_job_builds_the_schema_and_the_workspace_opens(empty: Flask, early: Person) -> None:
    run(empty, *waiting(empty, early))
    assert schema_and_role(empty, early.tenant) == (1, 1)
    assert heading(early.open("/home")) == "Home"
    early.define("orders", title="text")
    assert early.api("POST", "/collections/orders/records", json={"title": "First"}).status_code == 201


def test_the_job_run_twice_does_the_same_as_once(empty: Flask, early: Person) -> None:
    job = waiting(empty, early)
    run(empty, *job)
    early.define("orders", title="text")
    run(empty, *job)
    assert heading(early.open("/collections/orders")) == "Orders"
    assert state(empty, early) == ("active", fleet.tenant_head())


def test_the_job_run_twice_at_the_same_moment_does_the_same_as_once(empty: Flask, early: Person) -> None:
    job = waiting(empty, early)
    together(*[lambda: run(empty, *job)] * 3)
    assert state(empty, early) == ("active", fleet.tenant_head())
    assert heading(early.open("/home")) == "Home"
    assert sql(empty, "SELECT state, tries FROM platform.jobs WHERE id = :id", id=job[0]) == [("done", 1)]


def test_provisioning_twice_and_at_the_same_moment_builds_one_schema(empty: Flask, early: Person) -> None:
    def provision() -> None:
        with empty.app_context():
            provisioning.provision(early.tenant)

    together(*[provision] * 3)
    provision()
    assert (state(empty, early), schema_and_role(empty, early.tenant)) == (("active", fleet.tenant_head()), (1, 1))


def test_provisioning_what_is_not_there_builds_nothing(empty: Flask) -> None:
    with empty.app_context():
        ghost = provisioning.schemas.new_id()
        provisioning.provision(ghost)
    assert schema_and_role(empty, ghost) == (0, 0)


def test_a_build_that_fails_leaves_nothing_and_can_be_tried_again(empty: Flask, early: Person) -> None:
    whole = empty.extensions["freehold.blueprint"]
    empty.extensions["freehold.blueprint"] = lambda: Blueprint("0001", {}, "CREATE TABLE half (id int); SELECT 1 / 0;")
    try:
        with empty.app_context(), pytest.raises(sa.exc.DataError, match="division by zero"):
            provisioning.provision(early.tenant)
        with empty.app_context(), pytest.raises(sa.exc.DataError, match="division by zero"):
            provisioning.refill()
    finally:
        empty.extensions["freehold.blueprint"] = whole
    assert (state(empty, early), schema_and_role(empty, early.tenant)) == (("preparing", None), (0, 0))
    assert spares(empty) == 0
    with empty.app_context():
        provisioning.provision(early.tenant)
    assert heading(early.open("/home")) == "Home"


def test_the_pool_is_filled_to_its_high_mark_and_only_below_its_low_one(pool: Flask) -> None:
    with pool.app_context():
        assert (provisioning.refill(), spares(pool)) == (HIGH, HIGH)
        assert (provisioning.refill(), spares(pool)) == (0, HIGH)
        take(pool, HIGH - LOW)
        assert (provisioning.refill(), spares(pool)) == (0, LOW)
        take(pool, 1)
        assert (provisioning.refill(), spares(pool)) == (HIGH - LOW + 1, HIGH)


def test_two_who_fill_the_pool_at_the_same_moment_do_not_fill_it_twice(pool: Flask) -> None:
    def refill() -> int:
        with pool.app_context():
            return provisioning.refill()

    assert sum(together(*[refill] * 3)) == HIGH
    assert spares(pool) == HIGH


def test_a_sign_up_takes_a_spare_schema_and_asks_for_another(pool: Flask) -> None:
    with pool.app_context():
        provisioning.refill()
    visitor, mark = browser(pool), unique()
    before, had = left(pool), spares(pool)
    form = {"business": "B", "address": f"shop-{mark}", "email": f"{mark}@example.com", "password": PASSWORD}
    assert heading(visitor.send(visitor.open("/sign-up"), "", "business", **form)) == "Home"
    assert spares(pool) == had - 1
    assert more(before, left(pool))["active"] == 1
    assert sql(pool, "SELECT 1 FROM platform.jobs WHERE name = 'tenants.refill' AND state = 'waiting'")


def test_a_refused_sign_up_gives_its_schema_back(pool: Flask, early: Person) -> None:
    """The address is found taken only when the spare schema is already marked."""
    with pool.app_context():
        provisioning.refill()
        with pytest.raises(provisioning.AddressTaken):
            provisioning.claim("Late", early.address)
        provisioning.db.session.rollback()
    assert spares(pool) == HIGH


def test_a_process_without_the_administrator_builds_nothing(settings: Settings) -> None:
    with (
        application(settings, database_admin_url=None) as web,
        web.app_context(),
        pytest.raises(SettingsError, match="DATABASE_ADMIN_URL"),
    ):
        provisioning.refill()


def test_ids_are_opaque_and_fit_for_names_of_schemas() -> None:
    made = {provisioning.schemas.new_id() for _ in range(500)}
    assert len(made) == 500
    assert {len(one) for one in made} == {18}
    assert set("".join(made)) <= set("abcdefghijklmnopqrstuvwxyz234567_")


def waiting(app: Flask, person: Person) -> tuple[str, int]:
    """Lease the job that builds a person's schema, as a dispatcher does; returns its id and the lease's number."""
    rows = sql(
        app,
        "UPDATE platform.jobs SET state = 'leased', lease = lease + 1, due_at = now() + interval '1 minute'"
        " WHERE name = 'tenants.provision' AND args ? :id RETURNING id::text, lease",
        id=person.tenant,
    )
    return tuple(rows[0])


def run(app: Flask, job: str, lease: int) -> None:
    with app.app_context():
        registry.get("tenants.provision")(job, lease)


def state(app: Flask, person: Person) -> tuple[str, str | None]:
    return tuple(sql(app, "SELECT state, revision FROM platform.tenants WHERE id = :id", id=person.tenant)[0])


def spares(app: Flask) -> int:
    return int(sql(app, "SELECT count(*) FROM platform.tenants WHERE state = 'spare'")[0][0])


def take(app: Flask, count: int) -> None:
    """Use up some of the spare schemas."""
    sql(
        app,
        "DELETE FROM platform.tenants WHERE id IN (SELECT id FROM platform.tenants WHERE state = 'spare' LIMIT :n)",
        n=count,
    )
