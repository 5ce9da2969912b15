"""The pool of spare schemas, and what a business meets when it is empty."""

import contextlib
import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask

from migrations import fleet
from saas.core.administrator import administrator
from saas.core.jobs import registry
from saas.core.settings import Settings, SettingsError
from tenants import building, provisioning
from tenants.building import Blueprint
from tenants.isolation import schemas
from tests.support import operators
from tests.support.database import (
    application,
    browser,
    empty_database,
    left,
    migrate,
    more,
    schema_and_role,
    sql,
    whole,
)
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
    return early_bird(empty)


def early_bird(empty: Flask) -> Person:
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
    assert schema_and_role(empty, early.tenant) == whole(empty)
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
    assert state(empty, early) == ("active", fleet.tenant_head())
    assert schema_and_role(empty, early.tenant) == whole(empty)


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


def test_a_big_pool_is_filled_a_batch_a_transaction(pool: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "BATCH", 3)
    batches: list[int] = []
    create = schemas.create

    def counted(connection: sa.Connection, tenants: list[str], script: str) -> None:
        batches.append(len(tenants))
        create(connection, tenants, script)

    monkeypatch.setattr(schemas, "create", counted)
    with application(settings_of(pool), spare_tenants_low=1, spare_tenants_high=8) as big, big.app_context():
        assert provisioning.refill() == 8
    assert batches == [3, 3, 2]
    rows = sql(pool, "SELECT id FROM platform.tenants WHERE state = 'spare'")
    assert {schema_and_role(pool, row.id) for row in rows} == {whole(pool)}


def test_a_refill_ends_in_time_and_the_next_one_goes_on(pool: Flask) -> None:
    with pool.app_context():
        assert (provisioning.refill(seconds=0), spares(pool)) == (0, 0)
        assert provisioning.refill(seconds=60) == HIGH


def test_all_that_wait_are_built_by_the_first_ones_job(empty: Flask) -> None:
    people = [early_bird(empty) for _ in range(4)]
    with empty.app_context():
        assert [provisioning.provision(person.tenant) for person in people] == [4, 0, 0, 0]
    assert {(state(empty, person)[0], schema_and_role(empty, person.tenant)) for person in people} == {
        ("active", whole(empty))
    }


def test_many_that_wait_are_built_by_builders_at_the_same_moment_once_each(
    empty: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 2)
    people = [early_bird(empty) for _ in range(6)]

    def provision(person: Person) -> int:
        with empty.app_context():
            return provisioning.provision(person.tenant)

    assert sum(together(*(lambda person=person: provision(person) for person in people))) == 6
    assert [schema_and_role(empty, person.tenant) for person in people] == [whole(empty)] * 6


def test_one_that_cannot_be_built_holds_up_nobody(pool: Flask) -> None:
    """A schema of its name is there already, as somebody left it."""
    before, hopeless, behind = (early_bird(pool) for _ in range(3))
    with pool.app_context():
        with administrator() as connection:
            schemas.create(connection, [hopeless.tenant], "")
        assert provisioning.refill() == HIGH
        assert [state(pool, person)[0] for person in (before, hopeless, behind)] == ["active", "preparing", "active"]
        with pytest.raises(sa.exc.ProgrammingError, match="already exists"):
            provisioning.provision(hopeless.tenant)
        with administrator() as connection:
            schemas.drop(connection, hopeless.tenant)
        assert provisioning.provision(hopeless.tenant) == 1


def test_control_in_one_batch_it_would_hold_up_all(pool: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    before, hopeless = (early_bird(pool) for _ in range(2))
    with pool.app_context(), administrator() as connection:
        schemas.create(connection, [hopeless.tenant], "")
    with pool.app_context(), pytest.raises(sa.exc.ProgrammingError, match="already exists"):
        building.waiting(before.tenant)
    assert [state(pool, person)[0] for person in (before, hopeless)] == ["preparing", "preparing"]
    with pool.app_context():
        with administrator() as connection:
            schemas.drop(connection, hopeless.tenant)
        assert provisioning.provision(before.tenant) == 2


def test_a_builder_that_hangs_is_ended_by_the_server_and_the_next_one_builds(
    empty: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stands still keeps its connection, and with it the locks that all others wait for."""
    person = early_bird(empty)
    with empty.app_context(), contextlib.suppress(sa.exc.PendingRollbackError), administrator() as hung:
        assert building._take(hung, person.tenant, 1) == [person.tenant]
        with monkeypatch.context() as short:  # for this one alone: the next one may be slow as well
            short.setattr(building, "PATIENCE", "100ms")
            building._be_ended_when_hung(hung)
        built = provisioning.provision(person.tenant)  # it waits for the row until the other one is ended
        hung.invalidate()
    assert built == 1
    assert (state(empty, person)[0], schema_and_role(empty, person.tenant)) == ("active", whole(empty))


def test_the_pool_is_measured_and_the_back_office_says_when_it_is_drained(pool: Flask) -> None:
    operator = operators.operator(pool, browser(pool))
    assert "4 spare schemas are ready for more." in words(operator.browser.open("/console")) or spares(pool) != HIGH
    sql(pool, "DELETE FROM platform.tenants WHERE state = 'spare'")
    assert figures(pool) == {"spare_tenants": 0, "spare_tenants_low": LOW, "preparing_tenants": 0}
    assert "The pool of spare schemas is empty." in words(operator.browser.open("/console"))
    late = early_bird(pool)
    assert figures(pool) == {"spare_tenants": 0, "spare_tenants_low": LOW, "preparing_tenants": 1}
    sql(pool, "UPDATE platform.tenants SET opened_at = now() - interval '95 seconds' WHERE id = :id", id=late.tenant)
    assert re.search(r"1 business waits for a workspace, the first for 9[5-9]|1\d\d seconds", console(operator))
    oldest = re.search(r"^freehold_preparing_oldest_seconds ([\d.]+)$", metrics(pool), re.MULTILINE)
    assert oldest
    assert float(oldest[1]) >= 95
    with pool.app_context():
        provisioning.refill()
    assert figures(pool) == {"spare_tenants": HIGH, "spare_tenants_low": LOW, "preparing_tenants": 0}
    assert f"{HIGH} spare schemas are ready for more." in console(operator)
    assert "If it stays so" not in console(operator)


def test_who_finds_the_pool_empty_is_in_the_log(pool: Flask) -> None:
    with structlog.testing.capture_logs() as logs:
        person = early_bird(pool)
        with pool.app_context():
            provisioning.refill()
    told = [(entry["event"], entry["log_level"]) for entry in logs if entry["event"].startswith("pool.")]
    assert told == [("pool.empty", "warning"), ("pool.low", "info")]
    assert person.tenant in {entry.get("tenant") for entry in logs if entry["event"] == "pool.empty"}


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


def settings_of(app: Flask) -> Settings:
    found: Settings = app.extensions["freehold.settings"]
    return found


def metrics(app: Flask) -> str:
    return browser(app).open("/metrics").text


def figures(app: Flask) -> dict[str, int]:
    found = re.findall(
        r"^freehold_(spare_tenants|spare_tenants_low|preparing_tenants) (\d+)\.0$", metrics(app), re.MULTILINE
    )
    return {name: int(value) for name, value in found}


def console(operator: Person) -> str:
    return words(operator.browser.open("/console"))


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
