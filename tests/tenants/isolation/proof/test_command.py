"""`saas tenants audit`: what it prints, its exit status, and what it sees of things that change meanwhile."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from flask import Flask

from migrations import fleet
from saas import app as application
from saas.cli import main
from saas.core.administrator import administrator
from saas.core.database import db, transaction
from saas.core.settings import Settings
from saas.devstack import cluster
from tenants import provisioning
from tenants.isolation import modes, schemas
from tenants.isolation.proof import Catalogue, Finding, Proof, prove, walk
from tenants.models import State, Tenant
from tests.support import database
from tests.tenants.isolation.proof.conftest import Installation

Run = Callable[..., Result]
Alter = Callable[[str], None]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `saas …` with these settings in the environment."""

    def start(settings: Settings, *words: str) -> Result:
        for name, value in settings.model_dump().items():
            monkeypatch.delenv(name.upper(), raising=False)
            if value is not None:
                monkeypatch.setenv(name.upper(), str(value))
        return CliRunner().invoke(main, words, obj=application.create_app)

    return start


@pytest.fixture
def altered(installation: Installation) -> Iterator[Alter]:
    """Runs SQL as the superuser, for good; what is then not mended is found by the next test."""
    with installation.engine.connect() as connection:

        def alter(statements: str) -> None:
            connection.exec_driver_sql(statements)
            connection.commit()

        yield alter


def test_everything_is_in_its_place(installation: Installation, run: Run) -> None:
    done = run(installation.settings, "tenants", "audit")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Everything is in its place: ")
    as_json = run(installation.settings, "tenants", "audit", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (0, [])
    assert as_json.stderr.startswith("Everything is in its place: ")


def test_a_finding_is_printed_with_the_command_that_mends_it(
    installation: Installation, run: Run, altered: Alter
) -> None:
    one = installation.one
    altered(f"GRANT SELECT ON {one}.notes TO PUBLIC")
    mend = f"REVOKE SELECT ON TABLE {one}.notes FROM PUBLIC;"
    done = run(installation.settings, "tenants", "audit")
    assert done.exit_code == 1
    first, second, last, _how = done.output.splitlines()
    assert (first, second.strip()) == (f"table grants  {one}.notes grants SELECT to PUBLIC", f"mend: {mend}")
    assert last.startswith("1 found: ")
    as_json = run(installation.settings, "tenants", "audit", "--json")
    assert as_json.exit_code == 1
    finding = {"check": "table grants", "object": f"{one}.notes", "says": "grants SELECT to PUBLIC", "mend": mend}
    assert json.loads(as_json.stdout) == [finding]
    altered(mend)
    assert run(installation.settings, "tenants", "audit").exit_code == 0


@pytest.mark.parametrize(
    ("sql", "check", "says"),
    [
        ("CREATE SCHEMA {new} AUTHORIZATION fh_owner", "schema", "is a schema without a tenant"),
        ("SET ROLE freehold_admin; CREATE ROLE {new} NOLOGIN; RESET ROLE", "role", "is a role without a tenant"),
        ("DROP OWNED BY {one}; DROP ROLE {one}", "role", "does not exist"),
        ("DROP OWNED BY {spare}; DROP ROLE {spare}", "role", "does not exist"),
        ("DROP SCHEMA {spare} CASCADE", "schema", "is a tenant's, and does not exist"),
    ],
)
def test_what_a_command_mends(
    installation: Installation, run: Run, altered: Alter, sql: str, check: str, says: str
) -> None:
    with installation.app.app_context():
        names = {"new": schemas.new_id(), "one": installation.one, "spare": a_spare()}
    altered(sql.format_map(names))
    (found,) = look(installation).findings
    assert (found.check, found.says) == (check, says)
    command, *words = found.mend.split()
    assert command == "saas"
    done = run(installation.settings, *words, "--yes")  # else it asks
    assert done.exit_code in {0, 1}, done.output
    assert look(installation).findings == []


def test_a_business_without_its_schema_is_to_be_restored(installation: Installation, altered: Alter) -> None:
    """From a backup, which is the one thing that has it."""
    with installation.superuser() as superuser:
        superuser.run(f"DROP SCHEMA {installation.one} CASCADE")
        (found,) = superuser.look().findings
        assert found.mend == f'pg_restore --dbname "$DATABASE_ADMIN_URL" --schema {installation.one} BACKUP'


def test_tenants_that_come_and_go_meanwhile_are_whole_or_not_there(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control looks without a snapshot, and sees one tenant at the start and another at the end."""

    def meanwhile(_catalogue: Catalogue) -> Iterator[Finding]:
        replace_a_spare(installation.app)
        yield from ()

    def listed(catalogue: Catalogue) -> Iterator[Finding]:
        seen.append({row.tenant for row in catalogue.rows("SELECT tenant FROM homes")})
        yield from ()

    seen: list[set[str]] = []
    monkeypatch.setattr(walk, "CHECKS", (listed, meanwhile, *walk.CHECKS, listed))
    proof = look(installation)
    assert proof.findings == []
    assert seen[0] == seen[1]
    seen.clear()
    with installation.app.app_context(), administrator() as connection:
        walk.walk(connection, cluster.APP, modes.ROLES)
    assert seen[0] != seen[1]


def replace_a_spare(app: Flask) -> None:
    with app.app_context():
        old = a_spare()
        with transaction():
            db.session.execute(sa.delete(Tenant).where(Tenant.id == old))
        with administrator() as connection:
            schemas.drop(connection, old)
        provisioning.refill()


def a_spare() -> str:
    provisioning.refill()
    return db.session.scalars(sa.select(Tenant.id).where(Tenant.state == State.SPARE).limit(1)).one()


def test_where_it_can_not_look_it_says_so(
    request: pytest.FixtureRequest, settings: Settings, installation: Installation, run: Run, altered: Alter
) -> None:
    altered("CREATE ROLE nosy LOGIN PASSWORD 'nosy'")
    nosy = re.sub("//.*@", "//nosy:nosy@", installation.settings.database_url)
    empty = database.empty_database(request.config, settings)
    away = settings.database_url.rpartition(":")[0] + ":1/nowhere"
    for own, told in {
        empty: f"at nothing, behind {fleet.platform_head()}: run `saas migrate` first.",
        settings.model_copy(update={"database_admin_url": None}): "DATABASE_ADMIN_URL: is needed for this",
        settings.model_copy(update={"database_admin_url": away}): "The database does not answer",
        installation.settings.model_copy(update={"tenant_isolation": "schema"}): "for another TENANT_ISOLATION",
        installation.settings.model_copy(update={"database_admin_url": nosy}): "permission denied for schema platform",
    }.items():
        done = run(own, "tenants", "audit")
        assert (done.exit_code, told in done.output) == (2, True), done.output
    altered("DROP ROLE nosy")


def look(installation: Installation) -> Proof:
    with installation.app.app_context(), administrator() as connection:
        return prove(connection, cluster.APP, modes.ROLES)
