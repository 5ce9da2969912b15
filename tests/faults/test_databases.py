"""Databases that can't carry the platform: too old, without rights, or out of connections."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg2
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from flask import Flask

from migrations.roles import DatabaseUnfit
from saas import app as application_module
from saas.cli import main
from saas.core.database import db
from saas.core.settings import Settings
from saas.devstack.postgres import Server
from tenants.isolation import enforcement
from tenants.isolation.enforcement import Unenforced
from tenants.usage import flows
from tests.support import debian_postgres, managed
from tests.support.database import application, browser, migrate
from tests.support.people import sign_up
from tests.support.production import PRODUCTION, ready


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with managed.cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def own(server: Server, settings: Settings) -> Settings:
    """A database that nobody has migrated, its administrator a superuser."""
    return managed.database(server, settings, "superuser")


@pytest.fixture
def saas(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def run(settings: Settings, *words: str) -> Result:
        for name, value in settings.model_dump().items():
            if value is not None:
                monkeypatch.setenv(name.upper(), str(value))
        return CliRunner().invoke(main, words, obj=application_module.create_app)

    return run


def test_one_that_is_too_old_is_told_so(settings: Settings, saas) -> None:  # type: ignore[no-untyped-def]
    with debian_postgres.running(15) as superuser:
        say(superuser, "CREATE ROLE app LOGIN")
        url = superuser.replace("postgres@", "app@")
        old = settings.model_copy(update={"database_admin_url": superuser, "database_url": url})
        migration, doctor = saas(old, "migrate"), saas(old, "doctor")
        with (
            application(old, **PRODUCTION) as app,
            pytest.raises(Unenforced, match=r"^server-version: PostgreSQL is old"),
        ):
            enforcement.require(app)
        assert tables(superuser) == 0
    assert (migration.exit_code, migration.output) == (1, "Error: PostgreSQL 17 or newer is needed.\n")
    assert doctor.exit_code == 1
    assert "fault     server-version        PostgreSQL is older than 17" in doctor.output


WITHOUT_RIGHTS = {
    "can't make roles": ("ALTER ROLE {admin} NOSUPERUSER NOCREATEROLE", "ALTER ROLE {admin} CREATEROLE"),
    "does not own the database": (
        "ALTER ROLE {admin} NOSUPERUSER CREATEROLE; ALTER DATABASE {admin} OWNER TO postgres",
        "ALTER DATABASE {admin} OWNER TO {admin}",
    ),
}


@pytest.mark.parametrize("complaint", WITHOUT_RIGHTS)
def test_an_administrator_without_rights_is_told_which_and_nothing_is_made(
    server: Server, own: Settings, complaint: str
) -> None:
    taken, mend = WITHOUT_RIGHTS[complaint]
    admin = urlsplit(own.database_admin_url or "").username
    managed.say(server, taken.format(admin=admin))
    with application(own) as app, pytest.raises(DatabaseUnfit) as refused:
        migrate(app)
    assert str(refused.value) == (f"DATABASE_ADMIN_URL: {admin} {complaint}. As superuser: {mend.format(admin=admin)}")
    managed.say(server, f"ALTER ROLE {admin} SUPERUSER")
    assert tables(own.database_admin_url or "") == 0
    with application(own) as app:
        assert migrate(app)  # with all rights it goes on where it was


def test_a_login_without_rights_is_not_ready_and_the_doctor_says_why(
    server: Server,
    own: Settings,
    saas,  # type: ignore[no-untyped-def]
) -> None:
    stranger = own.model_copy(update={"database_url": own.database_url.replace("app_superuser_", "no_superuser_")})
    with application(own) as app:
        migrate(app)
    name = urlsplit(stranger.database_url).username
    managed.say(server, f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    with application(stranger) as app:
        assert ready(app)[0] == 503
    doctor = saas(stranger, "doctor")
    assert doctor.exit_code == 1
    assert "fault     login-rights          The application's login does not have the rights of fh_app" in doctor.output
    managed.say(server, f"REVOKE CONNECT ON DATABASE {own.database_url.rpartition('/')[2]} FROM PUBLIC")
    assert "User does not have CONNECT privilege" in saas(stranger, "doctor").output


def test_one_that_is_out_of_connections_answers_503_loses_nothing_and_recovers(server: Server, own: Settings) -> None:
    database = own.database_url.rpartition("/")[2]
    with application(own) as app:
        migrate(app)
        person = sign_up(app, browser(app))
        person.define("orders", note="text")
        record = {"json": {"note": "kept"}}
        assert person.api("POST", "/collections/orders/records", **record).status_code == 201
        managed.say(server, f"ALTER DATABASE {database} CONNECTION LIMIT 0")
        forget_connections(app)
        refused = person.api("POST", "/collections/orders/records", **record)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json()["detail"].startswith("The database did not answer in time. Nothing was changed")
        assert ready(app) == (503, "not ready: the database does not answer, the log says why\n")
        managed.say(server, f"ALTER DATABASE {database} CONNECTION LIMIT -1")
        assert ready(app) == (200, "ready\n")
        listed = person.api("GET", "/collections/orders/records")
        assert [record["note"] for record in listed.json()["data"]] == ["kept"]
        flows.of(app).flush()  # before the server is gone


def test_production_starts_while_there_is_no_connection_left(server: Server, own: Settings) -> None:
    """Were it to end, its start would be tried again and again, and each try takes a connection."""
    with application(own) as app:
        migrate(app)
    managed.say(server, f"ALTER DATABASE {own.database_url.rpartition('/')[2]} CONNECTION LIMIT 0")
    with application(own, **PRODUCTION) as app:
        assert enforcement.require(app) is False


def forget_connections(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def tables(url: str) -> int:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM pg_namespace WHERE nspname = 'platform'")) or 0)


def say(url: str, statement: str) -> None:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    connection.cursor().execute(statement)
    connection.close()
