"""Runs the migrations: the platform's tree once, the tenants' over all their schemas.

Alembic is imported where it is used: the application is built in each process, and most never migrate.
"""

import io
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from migrations import roles
from saas.core.administrator import administrator
from tenants.isolation import schemas
from tenants.models import Tenant
from tenants.provisioning import Blueprint

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

BATCH = 50  # schemas in one transaction: their locks have to fit into max_locks_per_transaction
LOCK_TRIES, LOCK_PAUSE = 30, 1.0  # seconds
_LOCK_NOT_AVAILABLE = "55P03"
_LOCK = 7_301_002  # of the advisory lock that makes two runs one

_HERE = Path(__file__).parent


def migrate(app_url: str) -> Iterator[str]:
    """Bring everything to head; yields what was done, a line each. Killed, it goes on where it was."""
    from alembic import command
    from alembic.config import Config

    with administrator() as connection:
        _wait_for_turn(connection)
        roles.prepare(connection, app_url)
        before = _platform_revision(connection)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_HERE / "platform"))
        command.upgrade(config, "head")
    if before != platform_head():
        yield f"platform: {before or 'nothing'} → {platform_head()}"
    done = 0
    while batch := _patiently(_upgrade_batch):
        done += batch
    if done:
        yield f"tenants: {done} schemas → {tenant_head()}"


def behind() -> list[str]:
    """The ids of the tenants whose schema is not at head."""
    with administrator() as connection:
        return list(connection.scalars(sa.select(Tenant.id).where(_behind())))


def platform_head() -> str:
    return _head("platform")


def tenant_head() -> str:
    return _head("tenant")


@lru_cache(maxsize=1)
def blueprint() -> Blueprint:
    """A new tenant's schema at head: all migrations rendered to one script."""
    return Blueprint(tenant_head(), render(None))


@lru_cache(maxsize=32)
def render(since: str | None) -> str:
    """The SQL that takes a tenant's schema from a revision, or from nothing, to head."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    directory = _directory("tenant")
    steps = reversed(list(directory.iterate_revisions("head", since or "base")))
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        for step in steps:
            step.module.upgrade()
    return buffer.getvalue()


def _patiently(step: Callable[[], int]) -> int:
    """A schema in use is left alone for now and tried again, instead of making its users queue behind us."""
    for _ in range(LOCK_TRIES - 1):
        try:
            return step()
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(LOCK_PAUSE)
    return step()


def _upgrade_batch() -> int:
    """Replay one step for some schemas that are at the same revision, and note it in their rows, in one commit."""
    with administrator() as connection:
        _wait_for_turn(connection)
        since = connection.scalar(sa.select(Tenant.revision).where(_behind()).limit(1))
        if since is None:
            return 0
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        some = sa.select(Tenant.id).where(Tenant.revision == since).limit(BATCH).with_for_update()
        tenants = list(connection.scalars(some))
        schemas.upgrade(connection, tenants, render(since))
        connection.execute(sa.update(Tenant).where(Tenant.id.in_(tenants)).values(revision=tenant_head()))
        return len(tenants)


def _behind() -> sa.ColumnElement[bool]:
    return sa.and_(Tenant.revision.is_not(None), Tenant.revision != tenant_head())


def _platform_revision(connection: sa.Connection) -> str | None:
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"version_table_schema": "platform"})
    return context.get_current_revision()


def _wait_for_turn(connection: sa.Connection) -> None:
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


@lru_cache(maxsize=2)
def _head(tree: str) -> str:
    return _directory(tree).get_current_head() or ""


def _directory(tree: str) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(_HERE / tree))
