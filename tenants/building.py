"""Builds tenants' schemas, some at a time, as the administrator.

Schemas, roles and rows of a batch are one transaction. So whatever is killed in its middle, this process, its
connection or the server, nothing of the batch is there afterwards; and killed after its commit, all of it is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import current_app

from saas.core.administrator import administrator
from tenants.isolation import schemas
from tenants.models import State, Tenant

# Processor time of server and client for one tenant in a batch of 1, 4, 16, 50: 11.2, 9.0, 7.2, 6.8 ms; locks held at
# its end: 34, 103, 379, 1161. Of those a server has 6,400 by default (64 for each of 100 connections), and all that
# build at the same time share them. Sixteen have nearly all of the gain, and who waits, waits a fifth of a second.
BATCH = 16

PATIENCE = "30s"  # after which the server ends a builder that hangs in a transaction, and holds up the others
_POOL_LOCK = 7_301_001  # of the advisory lock that lets one process at a time fill the pool


class Blueprint(NamedTuple):
    """How a tenant's schema looks at the migrations' head."""

    revision: str
    modules: dict[str, str]  # each module's own revision
    script: str  # SQL

    @property
    def ledger(self) -> dict[str, Any]:
        """What a tenant's row says of a schema made from it."""
        return {"revision": self.revision, "module_revisions": self.modules}


def blueprint() -> Blueprint:
    made: Callable[[], Blueprint] = current_app.extensions["freehold.blueprint"]
    return made()


def spares(most: int) -> int:
    """Build a batch of spares, or what the pool lacks of `most`.

    Returns how many; 0 when the pool is full, maybe by another process.
    """
    plan = blueprint()
    with administrator() as connection:
        _be_ended_when_hung(connection)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POOL_LOCK)))
        pool = sa.select(sa.func.count()).where(Tenant.state == State.SPARE)
        wanted = min(BATCH, most - (connection.scalar(pool) or 0))
        if wanted <= 0:
            return 0
        made = [schemas.new_id() for _ in range(wanted)]
        schemas.create(connection, made, plan.script)
        rows = [{"id": tenant, "state": State.SPARE, **plan.ledger} for tenant in made]
        connection.execute(sa.insert(Tenant), rows)
        return len(made)


def waiting(tenant: str, most: int = BATCH) -> int:
    """Build the schema of a tenant that waits for it, and of those that came next after it, `most` in all.

    Returns how many; 0 when this one waits no more, maybe because another process has built it a moment ago.
    """
    plan = blueprint()
    with administrator() as connection:
        _be_ended_when_hung(connection)
        batch = _take(connection, tenant, most)
        if batch:
            built = sa.update(Tenant).where(Tenant.id.in_(batch))
            connection.execute(built.values(state=State.ACTIVE, **plan.ledger))
            schemas.create(connection, batch, plan.script)
        return len(batch)


def _take(connection: sa.Connection, tenant: str, most: int) -> list[str]:
    """Lock some that wait. Only the first is queued for, with nothing locked yet, so that builders never deadlock."""
    preparing = sa.select(Tenant.id, Tenant.opened_at).where(Tenant.state == State.PREPARING)
    first = connection.execute(preparing.where(Tenant.id == tenant).with_for_update(key_share=True)).one_or_none()
    if first is None:
        return []
    order = sa.tuple_(Tenant.opened_at, Tenant.id)
    later = preparing.where(order > sa.tuple_(first.opened_at, first.id)).order_by(Tenant.opened_at, Tenant.id)
    others = connection.scalars(later.limit(most - 1).with_for_update(skip_locked=True, key_share=True))
    return [tenant, *others]


def _be_ended_when_hung(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}'")
