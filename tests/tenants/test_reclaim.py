"""What was opened and never confirmed is taken back after 72 hours, whole, and nothing else is."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
import structlog
from flask import Flask

from saas.accounts.models import User
from saas.core import audit, jobs
from saas.core.administrator import administrator
from saas.core.database import db, transaction
from saas.core.jobs import JobState
from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tenants import provisioning, reclaim
from tenants.doctor import looking, mending
from tenants.doctor.faults import Fault, Finding
from tenants.isolation import modes, schemas, traces
from tenants.models import State, Tenant
from tests import conftest
from tests.support import database
from tests.support.live import eventually
from tests.support.people import Person, join, unique

HOURS = 73
NOTHING = {"tenant": 0, "schema": 0, "role": 0, "user": 0, "sessions": 0}

# What others do meanwhile, by the lock that it holds until its transaction ends.
USES = {
    "a backup": 'SELECT count(*) FROM "{}".fh_collections',
    "a request": 'DELETE FROM "{}".fh_collections',
    "a job that is about to end": "UPDATE platform.jobs SET error = NULL WHERE tenant = '{}' AND state = 'running'",
}
JOB = """
    INSERT INTO platform.jobs (id, name, tenant, args, queue, limit_seconds, max_tries, state, lease, tries)
    VALUES (gen_random_uuid(), 'tests.tenant', :tenant, '[]', 'fast', 60, 3, :state, 0, 0)
"""
STATES = "SELECT state FROM platform.jobs WHERE tenant = :id ORDER BY state"


@pytest.fixture
def old(app: Flask) -> Callable[..., None]:
    """Let hours pass for a tenant, as far as it is concerned."""

    def make(person: Person, hours: int = HOURS) -> None:
        age = sa.func.make_interval(0, 0, 0, 0, hours)
        with app.app_context(), transaction():
            mine = sa.update(Tenant).where(Tenant.id == person.tenant)
            db.session.execute(mine.values(opened_at=sa.func.now() - age))

    return make


def test_schema_role_rows_and_person_go_together(app: Flask, owner: Person, old: Callable[..., None]) -> None:
    owner.define("products", title="text")
    assert remains(app, owner) == whole(app)
    old(owner)
    run(app)
    assert remains(app, owner) == NOTHING
    with app.app_context():
        entry = sa.select(audit.AuditEntry.detail).where(
            audit.AuditEntry.tenant == owner.tenant, audit.AuditEntry.action == "tenant.reclaimed"
        )
        assert db.session.scalars(entry).all() == [{"address": owner.address}]


def test_what_is_younger_or_confirmed_stays(
    app: Flask, owner: Person, stranger: Person, old: Callable[..., None]
) -> None:
    old(owner)
    old(stranger, HOURS - 2)
    confirm(app, owner)
    run(app)
    assert remains(app, owner)["schema"] == 1
    assert remains(app, stranger)["schema"] == 1


def test_one_confirmed_member_is_enough(app: Flask, owner: Person, teammate: Person, old: Callable[..., None]) -> None:
    old(owner)
    confirm(app, teammate)
    run(app)
    assert remains(app, owner)["schema"] == 1
    assert remains(app, owner)["user"] == 1


def test_a_person_who_belongs_elsewhere_keeps_their_account(
    app: Flask, owner: Person, stranger: Person, old: Callable[..., None], make_browser: Callable[[], Browser]
) -> None:
    mate = join(app, owner, make_browser())
    with app.app_context(), transaction():
        values = {"tenant": stranger.tenant, "email": mate.email}
        db.session.execute(
            sa.text(
                "INSERT INTO platform.memberships (tenant, user_id, role)"
                " SELECT :tenant, id, 'member' FROM platform.users WHERE email = :email"
            ),
            values,
        )
    old(owner)
    run(app)
    assert remains(app, owner)["tenant"] == 0
    assert remains(app, mate)["user"] == 1
    assert remains(app, stranger)["schema"] == 1


def test_two_runs_at_once_take_it_back_once(app: Flask, owner: Person, old: Callable[..., None]) -> None:
    old(owner)
    threads = [threading.Thread(target=run, args=(app,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert remains(app, owner)["schema"] == 0
    count = "SELECT count(*) FROM platform.audit WHERE action = 'tenant.reclaimed' AND tenant = :id"
    assert database.sql(app, count, id=owner.tenant)[0][0] == 1


def test_a_confirmation_that_comes_while_it_is_looked_at_wins(
    app: Flask, owner: Person, old: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overdue when the list was made, confirmed before its turn came."""
    old(owner)
    remove = reclaim._remove

    def confirmed_first(tenant: str) -> int:
        if tenant == owner.tenant:
            confirm(app, owner)
        return remove(tenant)

    monkeypatch.setattr(reclaim, "_remove", confirmed_first)
    run(app)
    assert remains(app, owner)["schema"] == 1


def test_the_address_and_the_email_can_be_used_again(
    app: Flask, owner: Person, old: Callable[..., None], make_browser: Callable[[], Browser]
) -> None:
    old(owner)
    run(app)
    browser = make_browser()
    page = browser.open("/sign-up")
    again = {"business": "Again", "address": owner.address, "email": owner.email, "password": "correct horse battery"}
    assert browser.send(page, "", "business", **again).url == f"{owner.home}/home"


def test_a_visitor_of_what_is_gone_is_told(app: Flask, owner: Person, old: Callable[..., None]) -> None:
    key = owner.key()
    old(owner)
    run(app)
    page = owner.open("/home")
    assert (page.status, "There is no workspace at this address" in page.text) == (404, True)
    answer = owner.browser.request("GET", "/api/v1/collections", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401


def test_a_confirmation_that_is_not_yet_committed_wins_as_well(
    app: Flask, owner: Person, old: Callable[..., None]
) -> None:
    """The click is under way in another transaction, unseen, while the tenant is looked at."""
    old(owner)
    with app.app_context(), ThreadPoolExecutor(1) as pool:
        with administrator() as connection:
            click = sa.update(User).where(User.email == owner.email).values(confirmed_at=sa.func.now())
            connection.execute(click)
            reclaiming = pool.submit(run, app)
            eventually(lambda: database.waits(app))
        reclaiming.result(20)
    assert remains(app, owner) == whole(app)


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_one_that_is_in_use_is_left_for_the_next_run_and_keeps_nobody(
    app: Flask, owner: Person, stranger: Person, old: Callable[..., None], monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    jobs_of(app, owner, "running")
    old(owner)
    old(stranger)
    with app.app_context(), monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr("saas.core.administrator.PATIENCE", "250ms")
        with administrator() as other:
            other.exec_driver_sql(use.format(owner.tenant))
            reclaim.reclaim()
    assert ("reclaim.in_use", owner.tenant) in {(entry["event"], entry.get("tenant")) for entry in logs}
    assert remains(app, owner) == whole(app)
    assert remains(app, stranger) == NOTHING
    run(app)
    assert remains(app, owner) == NOTHING


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_control_without_an_end_to_its_patience_the_run_hangs(
    app: Flask, owner: Person, old: Callable[..., None], monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    monkeypatch.setattr("saas.core.administrator.PATIENCE", "0")
    jobs_of(app, owner, "running")
    old(owner)
    with app.app_context(), ThreadPoolExecutor(1) as pool:
        with administrator() as other:
            other.exec_driver_sql(use.format(owner.tenant))
            reclaiming = pool.submit(run, app)
            eventually(lambda: database.waits(app))
            with pytest.raises(TimeoutError):
                reclaiming.result(0.5)
        reclaiming.result(20)
    assert remains(app, owner) == NOTHING


def test_its_open_jobs_go_with_it_and_those_of_others_stay(
    app: Flask, owner: Person, stranger: Person, old: Callable[..., None]
) -> None:
    for person in (owner, stranger):
        jobs_of(app, person, *JobState)
    old(owner)
    run(app)
    cancelled = len(JobState) - len(["done", "dismissed"])
    assert database.sql(app, STATES, id=owner.tenant) == [("cancelled",)] * cancelled + [("dismissed",), ("done",)]
    reasons = "SELECT DISTINCT reason FROM platform.jobs WHERE tenant = :id AND state = 'cancelled' AND reason <> ''"
    assert database.sql(app, reasons, id=owner.tenant) == [("its tenant is gone",)]
    assert database.sql(app, STATES, id=stranger.tenant) == [(state,) for state in sorted(JobState)]
    assert faults(app, owner) == []


def test_control_a_dead_job_that_stays_is_found_by_the_doctor(
    app: Flask, owner: Person, old: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_of(app, owner, "dead")
    old(owner)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "forget", lambda _connection, _tenant: 0)
        run(app)
    assert faults(app, owner) == [Fault.STRAY]
    with app.app_context():
        assert mending.mend(Finding(owner.tenant, Fault.STRAY))
    assert faults(app, owner) == []


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Any]:
    """A cursor of the superuser's in another database of the cluster."""
    name = database.empty_database(request.config, settings).database_url.rpartition("/")[2]
    server = request.config.stash[conftest._URLS]["superuser"].replace("+psycopg2", "").rpartition("/")[0]
    with contextlib.closing(psycopg2.connect(f"{server}/{name}")) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        yield cursor


def test_its_role_stays_where_another_database_needs_it(
    app: Flask, owner: Person, old: Callable[..., None], elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a copy of this database was restored beside it. The control does not look for one."""
    with app.app_context():
        mode = modes.current()
    role = mode.role_of(owner.tenant)
    elsewhere.execute(f'CREATE SCHEMA copied; GRANT USAGE ON SCHEMA copied TO "{role}"')
    old(owner)
    if not mode.shared:
        with monkeypatch.context() as patch:
            patch.setattr(traces, "needed_elsewhere", lambda _connection, _tenant: False)
            with pytest.raises(reclaim.ReclaimFailed):
                run(app)
        assert remains(app, owner) == whole(app)
    run(app)
    assert remains(app, owner) == {**NOTHING, "role": int(not mode.shared)}
    elsewhere.execute("DROP SCHEMA copied")
    elsewhere.execute(f'DROP ROLE IF EXISTS "{owner.tenant}"')


def test_a_tenant_whose_schema_was_never_built_goes_as_well(app: Flask) -> None:
    tenant = Tenant(id=schemas.new_id(), state=State.PREPARING, name="Never", address=f"never-{unique()}")
    with app.app_context(), transaction():
        tenant.opened_at = sa.func.now() - timedelta(hours=HOURS)
        db.session.add(tenant)
    run(app)
    assert database.sql(app, "SELECT 1 FROM platform.tenants WHERE id = :id", id=tenant.id) == []


def test_spare_schemas_stay_however_old(app: Flask) -> None:
    with app.app_context():
        provisioning.refill()
    database.sql(app, "UPDATE platform.tenants SET created_at = now() - interval '1 year' WHERE state = 'spare'")
    spares = "SELECT id FROM platform.tenants WHERE state = 'spare' ORDER BY id"
    before = database.sql(app, spares)
    run(app)
    assert len(before) >= 8
    assert database.sql(app, spares) == before


def test_the_hours_are_a_setting(app: Flask, settings: Settings, owner: Person, old: Callable[..., None]) -> None:
    old(owner, HOURS - 2)
    run(app)
    assert remains(app, owner)["tenant"] == 1
    with database.application(settings, unconfirmed_hours=70) as stricter:
        run(stricter)
    assert remains(app, owner)["tenant"] == 0


def run(app: Flask) -> None:
    with app.app_context():
        reclaim.reclaim()


def jobs_of(app: Flask, person: Person, *states: str) -> None:
    """Nothing makes them due, so no dispatcher takes them."""
    for state in states:
        database.sql(app, JOB, tenant=person.tenant, state=state)
    database.sql(app, "UPDATE platform.jobs SET due_at = now() + interval '1 day' WHERE tenant = :id", id=person.tenant)


def faults(app: Flask, person: Person) -> list[Fault]:
    """What the doctor finds of one tenant."""
    with app.app_context():
        return [finding.fault for finding in looking.find() if finding.tenant == person.tenant]


def confirm(app: Flask, person: Person) -> None:
    database.sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :email", email=person.email)


def whole(app: Flask) -> dict[str, int]:
    """What `remains` says before anything is taken back."""
    schema, role = database.whole(app)
    return {"tenant": 1, "schema": schema, "role": role, "user": 1, "sessions": 2}


def remains(app: Flask, person: Person) -> dict[str, int]:
    (row,) = database.sql(
        app,
        """
        SELECT (SELECT count(*) FROM platform.tenants WHERE id = :id) AS tenant,
               (SELECT count(*) FROM pg_namespace WHERE nspname = :id) AS schema,
               (SELECT count(*) FROM pg_roles WHERE rolname = :id) AS role,
               (SELECT count(*) FROM platform.users WHERE email = :email) AS "user",
               (SELECT count(*) FROM platform.sessions s JOIN platform.users u ON u.id = s.user_id
                WHERE u.email = :email) AS sessions
        """,
        id=person.tenant,
        email=person.email,
    )
    return dict(row._mapping)
