"""`saas tenants doctor`: what it finds, what it mends, and what it leaves alone.

In both modes, each on a server of its own, since roles belong to the whole cluster.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner, Result
from flask import Flask

from saas import app as application
from saas.cli import main
from saas.core.administrator import administrator
from saas.core.settings import Settings
from saas.devstack import postgres
from tenants import provisioning
from tenants.doctor import looking
from tenants.doctor.faults import Fault
from tenants.isolation import modes, schemas, traces
from tests.migrations.catalogue import catalogue
from tests.support import live
from tests.support.database import browser, schema_and_role, sql, whole
from tests.support.people import Person, sign_up
from tests.support.servers import Alone, alone

HEALTHY = "Each tenant has its schema and its rights, and nothing is left over.\n"
HIGH = 2

Doctor = Callable[..., Result]
ELSEWHERE = "elsewhere"  # another database of the same cluster

# What nobody may act for a tenant after, by whether tenants share a role.
NOBODY_ACTS = {
    False: "DROP OWNED BY {0}; DROP ROLE {0}",
    True: "REVOKE ALL ON SCHEMA {0} FROM fh_tenant; REVOKE ALL ON ALL TABLES IN SCHEMA {0} FROM fh_tenant;"
    " ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner IN SCHEMA {0} REVOKE ALL ON TABLES FROM fh_tenant",
}


@pytest.fixture(scope="module", params=["roles", "schema"])
def place(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Alone, Flask]]:
    folder = tmp_path_factory.mktemp("server")
    marks = {"spare_tenants_low": HIGH, "spare_tenants_high": HIGH}
    with alone(folder, settings, tenant_isolation=request.param, **marks) as (server, app):
        postgres.create_database(server.server, ELSEWHERE)
        yield server, app


@pytest.fixture
def here(place: tuple[Alone, Flask]) -> Iterator[Flask]:
    """Healthy before each test and, as the doctor sees it, after it."""
    app = place[1]
    refill(app)
    assert faults(app) == []
    yield app
    assert faults(app) == []


@pytest.fixture
def root(place: tuple[Alone, Flask]) -> Iterator[Callable[..., list[Any]]]:
    """Runs statements as the superuser."""
    opened = []

    def run(statement: str, where: str = "freehold") -> list[Any]:
        connection = psycopg2.connect(place[0].server.superuser_url(where).replace("+psycopg2", ""))
        opened.append(connection)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    yield run
    for connection in opened:
        connection.close()


@pytest.fixture
def doctor(place: tuple[Alone, Flask], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    for name, value in place[0].settings.model_dump().items():
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))
    return lambda *words, **options: CliRunner().invoke(
        main, ["tenants", "doctor", *words], obj=application.create_app, **options
    )


@pytest.fixture
def spare(here: Flask) -> str:
    return str(sql(here, "SELECT id FROM platform.tenants WHERE state = 'spare' LIMIT 1")[0][0])


@pytest.fixture
def person(here: Flask) -> Person:
    """The owner of a workspace, after which the pool is full again."""
    made = sign_up(here, browser(here))
    refill(here)
    return made


def test_a_platform_in_order_is_told_so(here: Flask, person: Person, doctor: Doctor) -> None:
    told = doctor()
    assert (told.exit_code, told.output) == (0, HEALTHY)


def test_an_empty_schema_without_a_row_is_dropped_with_its_role(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    told = doctor()
    assert (told.exit_code, told.output) == (
        1,
        f"1 x schema without a tenant, nothing in it. --fix drops it, with its role.\n    {spare}\n",
    )
    assert schema_and_role(here, spare) == whole(here)
    mended = doctor("--fix", "--yes")
    assert mended.exit_code == 0, mended.output
    assert f"{spare} was mended.\n" in mended.output
    assert mended.output.endswith(f"Afterwards:\n{HEALTHY}")
    assert schema_and_role(here, spare) == (0, 0)
    entries = f"SELECT detail ->> 'fault' FROM platform.audit WHERE action = 'tenant.mended' AND tenant = '{spare}'"
    assert root(entries) == [(Fault.SCHEMA.value,)]


@pytest.mark.parametrize(
    "data",
    [
        "INSERT INTO {}.fh_collections (id, name, label, fields) VALUES (gen_random_uuid(), 'a', 'A', '[]')",
        "CREATE TABLE {}.notes AS SELECT 1 AS id",
        "CREATE VIEW {}.looked AS SELECT 1",
        "CREATE FUNCTION {}.made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE {}.mood AS ENUM ('sad')",
        "CREATE SEQUENCE {}.numbers",
    ],
)
def test_a_schema_with_data_in_it_is_dropped_only_when_that_is_said(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]], data: str
) -> None:
    root(data.format(spare))
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    told = doctor("--fix", "--yes")
    assert (told.exit_code, told.output.startswith("1 x schema without a tenant, with data in it.")) == (1, True)
    assert schema_and_role(here, spare) == whole(here)
    mended = doctor("--fix", "--drop-data", "--yes")
    assert (mended.exit_code, schema_and_role(here, spare)) == (0, (0, 0))


def test_a_schema_that_somebody_fills_meanwhile_stays(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]], place: tuple[Alone, Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A restore's rows are seen by nobody before it commits, and a drop would wait for it and take them along."""
    monkeypatch.setattr("saas.core.administrator.PATIENCE", "60s")  # or it might give up before the restore commits
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    restore = psycopg2.connect(place[0].superuser)
    with contextlib.closing(restore), restore.cursor() as cursor:
        row = "(id, name, label, fields) VALUES (gen_random_uuid(), 'a', 'A', '[]')"
        cursor.execute(f"INSERT INTO {spare}.fh_collections {row}")
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(doctor, "--fix", "--yes")
            live.eventually(lambda: root("SELECT 1 FROM pg_locks WHERE NOT granted"))
            restore.commit()
            assert f"{spare} has changed meanwhile.\n" in told.result().output
    assert root(f"SELECT count(*) FROM {spare}.fh_collections") == [(1,)]
    assert doctor("--fix", "--drop-data", "--yes").exit_code == 0


def test_a_migration_that_is_under_way_is_waited_for_with_nothing_locked(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]], place: tuple[Alone, Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It locks the row, then the tables; in the other order one of the two would be ended as a deadlock."""
    monkeypatch.setattr("saas.core.administrator.PATIENCE", "60s")
    root(f"UPDATE platform.tenants SET revision = '0' WHERE id = '{spare}'")
    migration = psycopg2.connect(place[0].superuser)
    with contextlib.closing(migration), migration.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute(f"SELECT FROM platform.tenants WHERE id = '{spare}' FOR UPDATE")
        told = pool.submit(doctor, "--fix", "--yes")
        live.eventually(lambda: root("SELECT 1 FROM pg_locks WHERE NOT granted"))
        cursor.execute(f"LOCK TABLE {spare}.fh_collections IN ACCESS EXCLUSIVE MODE NOWAIT")
        migration.commit()
        assert told.result().exit_code == 0


def test_it_waits_for_nobody_for_long(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]], place: tuple[Alone, Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A backup may take hours."""
    monkeypatch.setattr("saas.core.administrator.PATIENCE", "10ms")
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    backup = psycopg2.connect(place[0].superuser)
    with contextlib.closing(backup), backup.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {spare}.fh_collections")
        told = doctor("--fix", "--yes")
        assert (told.exit_code, f"{spare} could not be mended: canceling statement" in told.output) == (1, True)
    assert doctor("--fix", "--yes").exit_code == 0


def test_a_spare_that_is_not_whole_and_holds_data_is_dropped_only_when_that_is_said(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    """As when the platform's rows are older than the schemas, since only they were restored."""
    root(f"CREATE TABLE {spare}.notes AS SELECT 1 AS id")
    root(f"UPDATE platform.tenants SET revision = '0' WHERE id = '{spare}'")
    told = doctor("--fix", "--yes")
    assert (told.exit_code, told.output.startswith("1 x schema without a tenant, with data in it.")) == (1, True)
    assert schema_and_role(here, spare) == whole(here)
    assert doctor("--fix", "--drop-data", "--yes").exit_code == 0
    assert root(f"SELECT count(*) FROM platform.tenants WHERE id = '{spare}'") == [(0,)]


def test_a_role_without_a_row_is_dropped_unless_another_database_needs_it(
    here: Flask, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    """Where tenants have no roles, each that looks like one's is somebody else's."""
    ours, theirs = schemas.new_id(), schemas.new_id()
    create(here, ours, theirs)
    root(f"CREATE SCHEMA {theirs}; GRANT USAGE ON SCHEMA {theirs} TO {theirs}", ELSEWHERE)
    told = doctor()
    found = not shared(here)
    assert (told.exit_code, ours in told.output, theirs in told.output) == (int(found), found, False)
    assert doctor("--fix", "--yes").exit_code == 0
    assert (schema_and_role(here, ours), schema_and_role(here, theirs)) == ((0, int(shared(here))), (0, 1))


def test_a_schema_whose_role_another_database_needs_is_dropped_without_it(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a copy of this database was restored beside it."""
    role = modes.MODES[here.extensions["freehold.settings"].tenant_isolation].role_of(spare)
    root(f"CREATE SCHEMA {spare}; GRANT USAGE ON SCHEMA {spare} TO {role}", ELSEWHERE)
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    with monkeypatch.context() as patch:  # the control
        patch.setattr(traces, "needed_elsewhere", lambda _connection, _tenant: False)
        assert ("could not be mended: role" in doctor("--fix", "--yes").output) is not shared(here)
    assert doctor("--fix", "--yes").exit_code == 0
    assert schema_and_role(here, spare) == (0, whole(here)[1])


def test_what_cannot_be_mended_is_told_and_keeps_nobody_else(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    role, schema = schemas.new_id(), schemas.new_id()
    create(here, role)
    root(f"GRANT USAGE ON SCHEMA public TO {role}; CREATE SCHEMA {schema}")
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    told = doctor("--fix", "--yes")
    assert told.exit_code == 1
    assert f"{schema} could not be mended: must be owner of schema" in told.output
    assert (f"{role} could not be mended: role" in told.output) is not shared(here)
    assert f"{spare} was mended." in told.output
    root(f"DROP OWNED BY {role}; DROP ROLE {role}; DROP SCHEMA {schema}")


@pytest.mark.parametrize(
    "harm",
    [
        "DROP SCHEMA {} CASCADE",
        "nobody acts for it",
        "UPDATE platform.tenants SET revision = '0001' WHERE id = '{}'",
        """UPDATE platform.tenants SET module_revisions = '{{"gone": "1"}}', revision = '0000' WHERE id = '{}'""",
    ],
)
def test_a_spare_that_is_not_whole_is_replaced(
    here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]], harm: str
) -> None:
    root((NOBODY_ACTS[shared(here)] if harm == "nobody acts for it" else harm).format(spare))
    told = doctor()
    assert (told.exit_code, told.output.splitlines()[1:]) == (1, [f"    {spare}"])
    assert doctor("--fix", "--yes").exit_code == 0
    assert schema_and_role(here, spare) == (0, 0)
    assert root("SELECT count(*) FROM platform.tenants WHERE state = 'spare'") == [(HIGH,)]


def test_a_workspace_that_lost_its_role_or_its_rights_gets_them_back_as_they_were(
    here: Flask, person: Person, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    person.define("orders", title="text")
    tenant = person.tenant
    with here.app_context(), administrator() as connection:
        before = catalogue(connection, tenant)
    root(NOBODY_ACTS[shared(here)].format(tenant))
    assert faults(here) == [Fault.UNGRANTED]
    assert doctor("--fix", "--yes").exit_code == 0
    with here.app_context(), administrator() as connection:
        assert catalogue(connection, tenant) == before
    assert person.api("POST", "/collections/orders/records", json={"title": "First"}).status_code == 201


def test_a_workspace_that_lost_its_schema_is_told_and_left(
    here: Flask, person: Person, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    root(f"DROP SCHEMA {person.tenant} CASCADE")
    told = doctor("--fix", "--yes")
    assert (told.exit_code, "Restore the schema from a backup" in told.output) == (1, True)
    assert root(f"SELECT state FROM platform.tenants WHERE id = '{person.tenant}'") == [("active",)]
    remove(root, person)


def test_a_workspace_that_waits_without_a_job_is_built(
    here: Flask, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    person = late(here, root)
    assert faults(here) == []  # the control: its job waits
    root("UPDATE platform.jobs SET state = 'dead', due_at = NULL WHERE name = 'tenants.provision'")
    told = doctor()
    assert (told.exit_code, person.tenant in told.output) == (1, True)
    assert doctor("--fix", "--yes").exit_code == 0
    assert schema_and_role(here, person.tenant) == whole(here)
    assert person.open("/home").status == 200


def test_what_lies_in_the_way_of_a_workspace_that_waits_is_cleared(
    here: Flask, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    person = late(here, root)
    with here.app_context(), administrator() as connection:
        schemas.create(connection, [person.tenant], "")
    assert doctor("--fix", "--yes").exit_code == 0
    assert root(f"SELECT state FROM platform.tenants WHERE id = '{person.tenant}'") == [("active",)]


def test_open_jobs_of_a_tenant_that_is_gone_are_cancelled(
    here: Flask, person: Person, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    gone = schemas.new_id()
    job = "INSERT INTO platform.jobs (id, name, tenant, args, queue, limit_seconds, max_tries, state, lease, tries)"
    for tenant, state in ((gone, "waiting"), (gone, "done"), (person.tenant, "waiting")):
        root(f"{job} VALUES (gen_random_uuid(), 'demo.report', '{tenant}', '[]', 'slow', 1, 1, '{state}', 0, 0)")
    told = doctor()
    assert (told.exit_code, gone in told.output, person.tenant in told.output) == (1, True, False)
    assert doctor("--fix", "--yes").exit_code == 0
    states = f"SELECT state FROM platform.jobs WHERE tenant = '{gone}' ORDER BY state"
    assert root(states) == [("cancelled",), ("done",)]
    assert gone not in doctor().output


def test_a_workspace_that_nobody_owns_or_that_is_behind_is_told(
    here: Flask, person: Person, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    root(f"UPDATE platform.memberships SET role = 'admin' WHERE tenant = '{person.tenant}'")
    root(f"UPDATE platform.tenants SET revision = '0001' WHERE id = '{person.tenant}'")
    told = doctor("--fix", "--yes")
    assert told.exit_code == 1
    assert "1 x workspace behind the latest revision. Run `saas migrate`." in told.output
    assert "1 x workspace without an owner." in told.output
    remove(root, person)


def test_by_the_measure_of_another_version_or_mode_it_neither_looks_nor_mends(
    here: Flask, doctor: Doctor, root: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each spare would be replaced by one that does not fit, and each workspace given a role or built without one."""
    with monkeypatch.context() as patch:
        patch.setenv("TENANT_ISOLATION", "roles" if shared(here) else "schema")
        other_mode = doctor("--fix", "--yes")
    ((head,),) = root("SELECT version_num FROM platform.alembic_version")
    root("UPDATE platform.alembic_version SET version_num = '9999'")
    other_version = doctor("--fix", "--yes")
    root(f"UPDATE platform.alembic_version SET version_num = '{head}'")
    assert (other_mode.exit_code, "another TENANT_ISOLATION" in other_mode.output) == (2, True)
    assert (other_version.exit_code, "run `saas migrate` first" in other_version.output) == (2, True)


def test_it_asks_before_it_mends(here: Flask, spare: str, doctor: Doctor, root: Callable[..., list[Any]]) -> None:
    root(f"DELETE FROM platform.tenants WHERE id = '{spare}'")
    told = doctor("--fix", input="n\n")
    assert (told.exit_code, "Mend 1 of 1? [y/N]: n" in told.output) == (1, True)
    assert schema_and_role(here, spare) == whole(here)
    assert doctor("--fix", input="y\n").exit_code == 0


def test_thousands_of_one_kind_are_counted_and_some_of_them_named(
    here: Flask, doctor: Doctor, root: Callable[..., list[Any]]
) -> None:
    gone = sorted(schemas.new_id() for _ in range(23))
    root(";".join(f"CREATE SCHEMA {schema} AUTHORIZATION fh_owner" for schema in gone))
    lines = doctor().output.splitlines()
    assert (lines[0][:4], lines[1:21], lines[21]) == (
        "23 x",
        [f"    {schema}" for schema in gone[:20]],
        "    and 3 more",
    )
    assert doctor("--fix", "--yes").exit_code == 0


def shared(app: Flask) -> bool:
    """Whether one role is all tenants'."""
    return modes.MODES[app.extensions["freehold.settings"].tenant_isolation].shared


def faults(app: Flask) -> list[Fault]:
    with app.app_context():
        return [finding.fault for finding in looking.find()]


def refill(app: Flask) -> None:
    with app.app_context():
        provisioning.refill()


def create(app: Flask, *roles: str) -> None:
    """As whoever makes tenants' roles, who then may drop them."""
    with app.app_context(), administrator() as connection:
        connection.exec_driver_sql(";".join(f"CREATE ROLE {role}" for role in roles))


def late(app: Flask, root: Callable[..., list[Any]]) -> Person:
    """Somebody who signed up while the pool was empty."""
    spares = [row[0] for row in root("DELETE FROM platform.tenants WHERE state = 'spare' RETURNING id")]
    for tenant in spares:
        root(f"DROP SCHEMA {tenant} CASCADE; DROP ROLE IF EXISTS {tenant}")
    mark = schemas.new_id()[2:]
    visitor = browser(app)
    form = {"business": "Late", "address": f"late-{mark}", "email": f"{mark}@example.com"}
    visitor.send(visitor.open("/sign-up"), "", "business", password="correct horse battery", **form)
    ((tenant,),) = root(f"SELECT id FROM platform.tenants WHERE address = 'late-{mark}'")
    return Person(visitor, form["email"], form["address"], tenant)


def remove(root: Callable[..., list[Any]], person: Person) -> None:
    root(f"DELETE FROM platform.users WHERE email = '{person.email}'")
    root(f"DELETE FROM platform.tenants WHERE id = '{person.tenant}'")
    root(f"DROP SCHEMA IF EXISTS {person.tenant} CASCADE; DROP ROLE IF EXISTS {person.tenant}")
