"""An older PostgreSQL, where Debian's package of it is installed."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from saas.devstack import account, ports
from saas.devstack.cluster import ENVIRONMENT

_BINARIES = Path("/usr/lib/postgresql")


@contextmanager
def running(version: int, language: str = "en") -> Iterator[str]:
    """The URL of its superuser. Skips the test where there is none.

    Its messages are in `language` (Debian's package has translations) once `lc_messages` is other than C.
    """
    programs = _BINARIES / str(version) / "bin"
    if not programs.exists():
        pytest.skip(f"no PostgreSQL {version} on this machine: install the package postgresql-{version}")
    who = account.for_postgres()
    become = {"user": who.uid, "group": who.gid, "extra_groups": []} if who else {}

    def run(program: str, *arguments: str) -> None:
        command = [programs / program, "-D", f"{folder}/data", *arguments]
        done = subprocess.run(
            command,
            env=ENVIRONMENT | {"LANGUAGE": language},
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            **become,
        )
        assert done.returncode == 0, done.stdout

    with tempfile.TemporaryDirectory(prefix="freehold-postgres-") as folder:
        if who:
            os.chown(folder, who.uid, who.gid)
        run("initdb", "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")
        port = ports.free()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        run("pg_ctl", "start", "-w", "-o", options, "-l", f"{folder}/log")
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
