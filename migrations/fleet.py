"""Runs the migrations: the platform's tree once, the tenants' over all their schemas.

Alembic is imported where it is used: the application is built in each process, and most never migrate.
"""

import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import TypeVar

import sqlalchemy as sa
from flask import Flask

from migrations import branches, parting, roles
from migrations.branches import Branch
from saas.core.administrator import administrator
from tenants.building import Blueprint
from tenants.isolation import modes, schemas
from tenants.models import Tenant
from tenants.modules import ADDED

BATCH = 50  # schemas in one transaction: their locks have to fit into max_locks_per_transaction
LOCK_TRIES, LOCK_PAUSE = 30, 1.0  # seconds
_IMPATIENT = "SET LOCAL lock_timeout = '2s'"
_LOCK_NOT_AVAILABLE = "55P03"
_LOCK = 7_301_002  # of the advisory lock that makes two runs one

Done = TypeVar("Done")


def init_app(app: Flask) -> None:
    """Tell the rooms below what is here. Raises ModuleUnfit when a module's migrations can't be run."""
    app.extensions["freehold.blueprint"] = blueprint
    app.extensions["freehold.platform_head"] = platform_head
    for module in app.extensions[ADDED]:
        branches.check(module)


def migrate(app_url: str) -> Iterator[str]:
    """Bring everything to head; yields what was done, a line each. Killed, it goes on where it was."""
    before = _patiently(partial(_upgrade_platform, app_url))
    if before != platform_head():
        yield f"platform: {before or 'nothing'} → {platform_head()}"
    for branch in branches.every():
        done = 0
        while batch := _patiently(partial(_upgrade_batch, branch)):
            done += batch
        if done:
            yield f"{branch.name}: {done} schemas → {branch.head()}"


def behind() -> list[str]:
    """The ids of the tenants whose schema is not at the head of each branch."""
    late = sa.or_(*(branch.behind() for branch in branches.every()))
    with administrator() as connection:
        return list(connection.scalars(sa.select(Tenant.id).where(late)))


@lru_cache(maxsize=1)
def platform_head() -> str:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(branches.HERE / "platform")).get_current_head() or ""


def tenant_head() -> str:
    return branches.ours().head()


def heads() -> str:
    """The heads of all branches of the tenants' tree, for people to read."""
    return ", ".join(f"{branch.module or 'tenant'} {branch.head()}" for branch in branches.every())


def blueprint() -> Blueprint:
    """A new tenant's schema at head: all migrations rendered to one script."""
    ours, *others = branches.every()
    modules = {branch.name: branch.head() for branch in others}
    return Blueprint(ours.head(), modules, "".join(branch.script(None) for branch in (ours, *others)))


def _patiently(step: Callable[[], Done]) -> Done:
    """A schema in use is left alone for now and tried again, instead of making its users queue behind us."""
    for _ in range(LOCK_TRIES - 1):
        try:
            return step()
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(LOCK_PAUSE)
    return step()


def _upgrade_platform(app_url: str) -> str | None:
    """Returns the revision that it was at."""
    from alembic import command
    from alembic.config import Config

    with administrator() as connection:
        _wait_for_turn(connection)
        mode = modes.current()
        parting.check(connection, mode)
        roles.prepare(connection, app_url, mode)
        before = _platform_revision(connection)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(branches.HERE / "platform"))
        connection.exec_driver_sql(_IMPATIENT)
        command.upgrade(config, "head")
        parting.settle(connection, mode)
        return before


def _upgrade_batch(branch: Branch) -> int:
    """Replay one step for some schemas that are at the same revision, and note it in their rows, in one commit."""
    with administrator() as connection:
        _wait_for_turn(connection)
        late = connection.execute(sa.select(branch.at.label("since")).where(branch.behind()).limit(1)).first()
        if late is None:
            return 0
        connection.exec_driver_sql(_IMPATIENT)
        same = sa.select(Tenant.id).where(branch.behind(), branch.at.is_not_distinct_from(late.since))
        tenants = list(connection.scalars(same.limit(BATCH).with_for_update()))
        schemas.upgrade(connection, tenants, branch.script(late.since))
        connection.execute(sa.update(Tenant).where(Tenant.id.in_(tenants)).values(branch.reached()))
        return len(tenants)


def _platform_revision(connection: sa.Connection) -> str | None:
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"version_table_schema": "platform"})
    return context.get_current_revision()


def _wait_for_turn(connection: sa.Connection) -> None:
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
