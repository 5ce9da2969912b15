"""Makes the database cluster, whole or not at all: it gets its name when nothing is left to do."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from saas.devstack.errors import DevstackError
from saas.devstack.place import Place

SUPERUSER = "postgres"
ADMIN = "freehold_admin"
APP = "freehold_app"
DATABASE = "freehold"
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}  # none of the person's own PG* variables

# set_config() lets an injection inside a SELECT leave its role. Grants on functions belong to a database;
# those of template1 are copied into each later one.
_NO_SET_CONFIG = (
    "REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC",
    f"GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO {ADMIN}",
)


def make(place: Place, passwords: Mapping[str, str], *, durable: bool) -> None:
    """Make the cluster at `place.data`: superuser, administrator, and an empty database of the latter."""
    fresh = place.data.with_name("making")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    password_file = place.data.with_name("making.password")
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(passwords[SUPERUSER])
        _give(place, fresh, password_file)
        _initdb(place, fresh, password_file, durable=durable)
    finally:
        password_file.unlink()
    admin = f"CREATE ROLE {ADMIN} LOGIN CREATEROLE PASSWORD '{passwords[ADMIN]}'"
    # So that `saas migrate` can bound the temporary files of the application's connections.
    bounds = f"GRANT SET ON PARAMETER temp_file_limit TO {ADMIN}"
    _say(place, fresh, "template1", [admin, bounds, *_NO_SET_CONFIG, f"CREATE DATABASE {DATABASE} OWNER {ADMIN}"])
    _say(place, fresh, SUPERUSER, _NO_SET_CONFIG)
    fresh.rename(place.data)


def runs(place: Place, pid: int) -> bool:
    """Whether process `pid` is the server of this cluster and not another one that got its number since."""
    command = Path(f"/proc/{pid}/cmdline")
    if command.parent.parent.joinpath("self").exists():
        return command.exists() and str(place.data).encode() in command.read_bytes()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def failure(what: str, output: str) -> DevstackError:
    """The one sentence for a server's output, where it is a known trouble; else the output itself."""
    if "No space left on device" in output:
        return DevstackError("The disk is full: free some space and start again.")
    return DevstackError(f"{what}:\n{output.strip()}")


def _give(place: Place, *paths: Path) -> None:
    if place.account:
        for path in paths:
            os.chown(path, place.account.uid, place.account.gid)


def _initdb(place: Place, data: Path, password_file: Path, *, durable: bool) -> None:
    # The C.UTF-8 of PostgreSQL's own sorts and folds alike on every system, and the wheel has no ICU.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    access = ("-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password_file}")
    sync = () if durable else ("--no-sync",)
    _run(place, "initdb", "-D", str(data), *access, *locale, *sync, "--no-instructions")


def _say(place: Place, data: Path, database: str, statements: tuple[str, ...] | list[str]) -> None:
    """Run statements in a single-user server: before anybody can connect, and with no driver to load."""
    script = "".join(f"{statement}\n" for statement in statements)
    strict = ("-c", "exit_on_error=on", "-c", "log_checkpoints=off")
    _run(place, "postgres", "--single", *strict, "-D", str(data), database, script=script)


def _run(place: Place, program: str, *arguments: str, script: str = "") -> None:
    account = place.account
    done = subprocess.run(  # noqa: S603
        [place.binaries / program, *arguments],
        input=script,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        check=False,
    )
    if done.returncode:
        raise failure(f"{program} failed", done.stdout)
