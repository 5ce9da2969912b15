"""What the database enforces is read back, and production does not start on less."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from click.testing import CliRunner

from saas import app as application_module
from saas.cli import main
from saas.core.settings import Settings, SettingsError
from saas.devstack.postgres import Server
from tenants.isolation import enforcement
from tenants.isolation.enforcement import Unenforced
from tenants.isolation.rules import names
from tenants.usage import flows
from tests.support import managed
from tests.support.database import application, browser, empty_database, migrate
from tests.support.live import ROOT, environment
from tests.support.people import sign_up
from tests.support.production import PRODUCTION, SITE, ready

NOWHERE = "postgresql+psycopg2://freehold_app:x@127.0.0.1:1/nowhere"
MANAGED = {"set-config": "gap", "temp-file-limit": "gap"}  # what CREATEROLE is not enough for
Doctor = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with managed.cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def createrole(server: Server, settings: Settings) -> Settings:
    return _migrated(_with_roles(managed.database(server, settings, "createrole")))


@pytest.fixture(scope="module")
def superuser(server: Server, settings: Settings, createrole: Settings) -> Settings:
    """After the other: a role of the cluster belongs to whom made it, and only a superuser can do with another's."""
    return _migrated(_with_roles(managed.database(server, settings, "superuser")))


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Runs `saas doctor` with some settings in the environment; returns its status and what it printed."""

    def run(settings: Settings, *words: str) -> tuple[int, str]:
        for name, value in settings.model_dump().items():
            monkeypatch.delenv(name.upper(), raising=False)
            if value is not None:
                monkeypatch.setenv(name.upper(), str(value))
        done = CliRunner().invoke(main, ["doctor", *words], obj=application_module.create_app)
        return done.exit_code, done.output

    return run


def test_a_superuser_leaves_no_gap(superuser: Settings) -> None:
    assert not_ok(superuser) == {}


def test_a_createrole_only_administrator_leaves_two_gaps(createrole: Settings) -> None:
    assert not_ok(createrole) == MANAGED


def test_the_development_stacks_administrator_leaves_none(settings: Settings) -> None:
    """It is no superuser either, but the launcher that made the cluster was."""
    assert not_ok(settings) == {}


def test_a_database_without_roles_for_tenants_is_told_from_one_with(
    server: Server, settings: Settings, createrole: Settings
) -> None:
    """The groups are there by then, made by the other administrator."""
    without = managed.database(server, settings, "superuser").model_copy(update={"tenant_isolation": "schema"})
    assert not_ok(_migrated(without)) == {}
    for database, mode in ((without, "roles"), (createrole, "schema")):
        assert not_ok(database.model_copy(update={"tenant_isolation": mode}))["isolation-mode"] == "fault"


@pytest.mark.parametrize("administrator", ["superuser", "createrole"])
def test_the_platform_works_under_either_administrator(
    administrator: str, superuser: Settings, createrole: Settings
) -> None:
    chosen = {"superuser": superuser, "createrole": createrole}[administrator]
    with application(chosen) as app:
        person = sign_up(app, browser(app))
        person.define("orders", note="text")
        made = person.api("POST", "/collections/orders/records", json={"note": "first"})
        assert made.status_code == 201, made.text
        listed = person.api("GET", "/collections/orders/records")
        assert [record["note"] for record in listed.json()["data"]] == ["first"]
        flows.of(app).flush()  # before the server is gone


BOUND = "CREATE OR REPLACE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE"
BREAKS = {
    "plain-login": ("ALTER ROLE {login} BYPASSRLS", ""),
    "login-rights": ("REVOKE fh_app FROM {login}", "GRANT fh_app TO {login} WITH INHERIT TRUE, SET TRUE"),
    "row-security": (
        "ALTER TABLE platform.memberships DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE platform.memberships ENABLE ROW LEVEL SECURITY",
    ),
    "escape-strings": ("ALTER ROLE {login} SET standard_conforming_strings = off", ""),
    "isolation-mode": (
        f"{BOUND} AS 'SELECT current_schema()::text'",
        f"{BOUND} AS 'SELECT current_user::text'",
    ),
    "login-inherits": ("GRANT fh_owner TO {login} WITH INHERIT TRUE", "REVOKE fh_owner FROM {login}"),
    "login-powers": ("GRANT pg_read_all_data TO {login}", "REVOKE pg_read_all_data FROM {login}"),
    "set-config": ("GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO PUBLIC", ""),
    "temporary-tables": ("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", ""),
    "create-schemas": ("GRANT CREATE ON DATABASE {database} TO {login}", ""),
    "create-in-public": ("GRANT CREATE ON SCHEMA public TO PUBLIC", ""),
    "login-timeouts": ("ALTER ROLE {login} IN DATABASE {database} SET statement_timeout = 0", ""),
    "temp-file-limit": ("ALTER ROLE {login} IN DATABASE {database} SET temp_file_limit = -1", ""),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_somebody_altered_by_hand_is_found_and_mended_by_what_it_says(
    name: str, server: Server, superuser: Settings
) -> None:
    """Where it says so in words only, the second statement is what somebody who follows them would say."""
    words = {"login": login(superuser), "database": superuser.database_url.rpartition("/")[2]}
    undo = BREAKS[name][1].format(**words)
    managed.say(server, BREAKS[name][0].format(**words), database=words["database"])
    try:
        with application(superuser) as app, app.app_context():
            (found,) = [one for one in enforcement.read() if one.state != "ok"]
        assert (found.name, found.state) == (name, "fault" if name in names(faults=True) else "gap")
    finally:
        managed.say(server, undo or found.sql, database=words["database"])
    assert not_ok(superuser) == {}


def test_each_rule_is_broken_by_a_test() -> None:
    elsewhere = {"server-version", "platform-tables", "pooler-transactions", "pooler-session-state"}
    assert BREAKS.keys() | elsewhere == names(faults=True) | names(faults=False)


def test_the_table_for_people_says_the_same() -> None:
    table = re.findall(
        r"^\| `([\w-]+)` \| (\w+) \|.*\| ([^|]+) \|$", (ROOT / "docs/postgres.md").read_text(), re.MULTILINE
    )
    assert {name for name, kind, _ in table if kind == "fault"} == names(faults=True)
    assert {name for name, kind, _ in table if kind == "gap"} == names(faults=False)
    assert {name for name, _, createrole_only in table if createrole_only.startswith("**no**")} == MANAGED.keys()


def test_doctor_names_each_gap_how_to_mend_it_and_what_to_accept(createrole: Settings, doctor: Doctor) -> None:
    status, output = doctor(createrole)
    assert status == 1
    assert re.search(r"^ok +plain-login +The application's login is neither superuser", output, re.MULTILINE)
    assert re.search(r"^gap +set-config +Everybody may call set_config\(\)", output, re.MULTILINE)
    assert re.search(r"^ +REVOKE EXECUTE ON FUNCTION pg_catalog.set_config", output, re.MULTILINE)
    assert "{" not in output
    assert output.endswith(
        "\nProduction does not start on this database, because of set-config, temp-file-limit.\n"
        "To accept what can't be mended: ACCEPTED_GAPS=set-config,temp-file-limit\n"
    )


def test_doctor_is_content_with_gaps_that_are_accepted(createrole: Settings, doctor: Doctor) -> None:
    status, output = doctor(with_gaps(createrole, "temp-file-limit, set-config"))
    assert (status, output.splitlines()[-1]) == (0, "Production starts on this database.")
    assert len(re.findall(r"^accepted ", output, re.MULTILINE)) == 2


def test_doctor_for_programs(createrole: Settings, doctor: Doctor) -> None:
    status, output = doctor(with_gaps(createrole, "set-config"), "--json")
    found = {one["name"]: one["state"] for one in json.loads(output)}
    assert status == 1
    assert {name: state for name, state in found.items() if state != "ok"} == MANAGED | {"set-config": "accepted"}
    assert found.keys() == names(faults=True) | names(faults=False)


def test_doctor_of_a_database_that_is_away_says_so(settings: Settings, doctor: Doctor) -> None:
    status, output = doctor(settings.model_copy(update={"database_url": NOWHERE}))
    assert (status, "The database does not answer" in output) == (1, True)


@pytest.mark.parametrize("name", ["all", "plain-login", "set_config"])
def test_a_gap_that_is_none_is_not_accepted(settings: Settings, name: str) -> None:
    with pytest.raises(SettingsError, match=f"ACCEPTED_GAPS: {name} can't be accepted; what can is create-in-public"):
        application_module.create_app(with_gaps(settings, f"set-config,{name}"))


def test_production_starts_on_accepted_gaps_and_on_no_others(createrole: Settings) -> None:
    with application(createrole, **PRODUCTION) as app, pytest.raises(Unenforced) as refused:
        enforcement.require(app)
    told = str(refused.value)
    assert [line.partition(":")[0] for line in told.splitlines() if not line.startswith(" ")] == [*MANAGED]
    with application(with_gaps(createrole, ",".join(MANAGED)), **PRODUCTION) as app:
        assert enforcement.require(app)


@pytest.mark.parametrize("command", [("-c", "import wsgi"), ("worker.py", "--queue", "fast")], ids=["web", "worker"])
def test_a_process_of_production_ends_with_a_sentence(createrole: Settings, command: tuple[str, ...]) -> None:
    env = environment(createrole.model_copy(update=PRODUCTION), SITE)
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Production does not start on this database (docs/postgres.md):\nset-config: Every" in done.stderr
    assert "Traceback" not in done.stderr


def test_production_starts_while_its_database_is_away_or_empty(
    request: pytest.FixtureRequest, settings: Settings
) -> None:
    """What mends that is not a restart; readiness asks again."""
    for url in (NOWHERE, empty_database(request.config, settings).database_url):
        with application(settings, **PRODUCTION | {"database_url": url}) as app:
            assert enforcement.require(app) is False
            assert app.test_client().get("/healthz/live", base_url=SITE).status_code == 200
            assert app.test_client().get("/healthz/ready", base_url=SITE).status_code == 503


def test_production_is_not_ready_with_a_gap_and_remembers_when_it_was_found_in_order(
    server: Server, superuser: Settings
) -> None:
    temporary = f"TEMPORARY ON DATABASE {superuser.database_url.rpartition('/')[2]}"
    managed.say(server, f"GRANT {temporary} TO PUBLIC")
    with application(superuser, **PRODUCTION) as app:
        assert ready(app) == (503, "not ready: the database does not enforce temporary-tables: run `saas doctor`\n")
        managed.say(server, f"REVOKE {temporary} FROM PUBLIC")
        assert ready(app) == (200, "ready\n")
        managed.say(server, f"GRANT {temporary} TO PUBLIC")
        try:
            assert ready(app) == (200, "ready\n")
        finally:
            managed.say(server, f"REVOKE {temporary} FROM PUBLIC")


def test_development_tells_of_a_gap_once_in_its_log(createrole: Settings) -> None:
    with application(createrole) as app, structlog.testing.capture_logs() as logs:
        assert ready(app) == ready(app) == (200, "ready\n")
    assert [line["name"] for line in logs if line["event"] == "database.gap"] == [*MANAGED]


def test_a_login_above_row_security_is_not_ready_in_development_either(server: Server, superuser: Settings) -> None:
    managed.say(server, f"ALTER ROLE {login(superuser)} BYPASSRLS")
    try:
        with application(superuser) as app:
            assert ready(app) == (503, "not ready: the database does not enforce plain-login: run `saas doctor`\n")
    finally:
        managed.say(server, f"ALTER ROLE {login(superuser)} NOBYPASSRLS")


def test_backups_can_be_made_where_a_superuser_closed_set_config(
    server: Server, superuser: Settings, tmp_path: Path
) -> None:
    """By the database's owner and by a backup role; the control has no right to the function."""
    managed.say(server, "CREATE ROLE keeper LOGIN BYPASSRLS PASSWORD 'keeper'")
    program = Path(server.process.program.command[0]).with_name("pg_dump")  # type: ignore[arg-type]
    name = superuser.database_url.rpartition("/")[2]
    url = f"postgresql://keeper:keeper@127.0.0.1:{server.port}/{name}"
    dump: list[Any] = [program, "--schema=platform", f"--file={tmp_path / 'dump'}", url]
    refused = subprocess.run(dump, capture_output=True, text=True, check=False)
    assert "permission denied for function set_config" in refused.stderr
    managed.say(server, "GRANT pg_read_all_data TO keeper")
    subprocess.run(dump, check=True)
    assert "CREATE TABLE platform.tenants" in (tmp_path / "dump").read_text()


def not_ok(settings: Settings) -> dict[str, str]:
    with application(settings) as app, app.app_context():
        return {one.name: one.state for one in enforcement.read() if one.state != "ok"}


def login(settings: Settings) -> str:
    return str(urlsplit(settings.database_url).username)


def with_gaps(settings: Settings, accepted: str) -> Settings:
    return settings.model_copy(update={"accepted_gaps": accepted})


def _with_roles(settings: Settings) -> Settings:
    """For each tenant, whichever way the tests' own database has it."""
    return settings.model_copy(update={"tenant_isolation": "roles"})


def _migrated(settings: Settings) -> Settings:
    with application(settings) as app:
        migrate(app)
    return settings
