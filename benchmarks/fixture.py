"""A cluster with many tenants, made once and kept in `.bench/`; each benchmark works on a copy of it.

What is kept is named after what it was made from, so that a new migration makes a new one.
"""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from saas.core.administrator import administrator
from saas.core.settings import current_settings
from saas.devstack import place, postgres
from saas.devstack.state import ROOT
from tenants import provisioning
from tenants.models import State, Tenant

KEPT = ROOT / ".bench"
_MADE_IN = "seconds"  # the file that says how long it took, written last

Start = Callable[[Path], AbstractContextManager[Flask]]


def put(into: Path, tenants: int, start: Start) -> float:
    """Copy the cluster with so many tenants to a folder; `start` runs one while it is made.

    Returns how many seconds it took to make it, when it was made.
    """
    kept = KEPT / f"{tenants}-tenants-{_version()}"
    if not (kept / _MADE_IN).exists():
        _make(kept, tenants, start)
    shutil.copytree(kept / "secrets", into / "secrets")
    from_, to = (place.find(folder / "postgres").data for folder in (kept, into))
    subprocess.run(["cp", "-a", "--reflink=auto", from_, to], check=True)
    return float((kept / _MADE_IN).read_text())


def _version() -> str:
    """Of the code that the tenants are made by."""
    files = [*sorted((ROOT / "migrations").rglob("*.py")), ROOT / "tenants" / "isolation" / "schemas.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _make(kept: Path, tenants: int, start: Start) -> None:
    print(f"Making {tenants} tenants, which are kept for the next time …", file=sys.stderr)
    postgres.remove(kept)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    began = time.perf_counter()
    with start(kept) as app, app.app_context():
        _fill(tenants)
    seconds = time.perf_counter() - began
    (kept / _MADE_IN).write_text(f"{seconds:.0f}")
    print(f"They took {seconds:.0f} s.", file=sys.stderr)


def _fill(tenants: int) -> None:
    """Build the schemas as the pool's job does, and give each to a business that nobody will sign in to."""
    if (built := provisioning.refill()) != tenants:
        raise RuntimeError(f"{built} schemas were built, and not {tenants}")
    address = sa.func.concat("shop-", sa.func.substr(Tenant.id, 3))
    taken = {"state": State.ACTIVE, "name": "Test & Sons", "address": address, "opened_at": sa.func.now()}
    with administrator() as connection:
        connection.execute(sa.update(Tenant).where(Tenant.state == State.SPARE).values(taken))
    _tidy()


def _tidy() -> None:
    """As the server itself does some minutes after: until then its statistics, and what is dead, are of all spares."""
    engine = sa.create_engine(str(current_settings().database_admin_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"VACUUM ANALYZE {Tenant.__table__}")
    engine.dispose()
