"""A real PgBouncer in front of a PostgreSQL, where one is installed."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from saas.devstack import account, ports, processes
from saas.devstack.account import Account
from saas.devstack.cluster import ENVIRONMENT
from saas.devstack.errors import PortBusyError
from saas.devstack.processes import Child, Program

_READY_WITHIN = 30.0  # seconds
_DEFAULTS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "max_client_conn": "500",
    "default_pool_size": "10",
    "log_connections": "0",
    "log_disconnections": "0",
}


@contextlib.contextmanager
def running(database_url: str, folder: Path, mode: str = "transaction", **settings: object) -> Iterator[str]:
    """A PgBouncer of its own in pool mode `mode`; yields the URL to use as DATABASE_URL instead.

    `settings` are more lines of `[pgbouncer]`. Skips the test where none is installed, unless
    FREEHOLD_PGBOUNCER=required. Its log is `<folder>/pgbouncer.log`.
    """
    program, parts = _program(), urlsplit(database_url)
    who = account.for_postgres()  # PgBouncer refuses root as well
    with tempfile.TemporaryDirectory(prefix="freehold-pgbouncer-") as private:
        _write(Path(private) / "users", f'"{parts.username}" "{unquote(parts.password or "")}"\n', who)
        if who:
            os.chown(private, who.uid, who.gid)
        lines = _DEFAULTS | {"pool_mode": mode, "auth_file": f"{private}/users"} | settings
        text = f"[databases]\n* = host={parts.hostname} port={parts.port or 5432}\n[pgbouncer]\n"
        text += "".join(f"{name} = {value}\n" for name, value in lines.items())

        def start(port: int) -> tuple[Child, int]:
            file = Path(private) / "pgbouncer.ini"
            _write(file, f"{text}listen_port = {port}\n", who)
            return _start(
                Program("pgbouncer", [program, file], folder / "pgbouncer.log", ENVIRONMENT, account=who), port
            )

        child, port = ports.on_a_free_port(None, start)
        try:
            yield parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()
        finally:
            child.stop()


def _program() -> str:
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        missing = "no PgBouncer on this machine: install the package pgbouncer"
        if os.environ.get("FREEHOLD_PGBOUNCER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _write(file: Path, text: str, who: Account | None) -> None:
    """The password in it is of a test's database, and still nobody's business."""
    file.touch(mode=0o600)
    file.write_text(text)
    if who:
        os.chown(file, who.uid, who.gid)


def _start(program: Program, port: int) -> tuple[Child, int]:
    child = processes.start(program)
    deadline = time.monotonic() + _READY_WITHIN
    while "process up" not in child.tail():  # the port alone may be somebody else's by now
        if child.poll() is not None:
            tail = child.tail()
            raise PortBusyError(tail) if "Address already in use" in tail else AssertionError(tail)
        assert time.monotonic() < deadline, f"not within {_READY_WITHIN} s:\n{child.tail()}"
        time.sleep(0.01)
    return child, port
