"""How a business gets its schema: from a pool of ready-made ones."""

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.exc import IntegrityError

from saas.core.administrator import administrator
from saas.core.database import db, violated
from saas.core.jobs import enqueue
from saas.core.settings import current_settings
from tenants.errors import AddressTaken
from tenants.isolation import schemas
from tenants.models import State, Tenant

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


def claim(name: str, address: str) -> Tenant:
    """Give a business one of the spare schemas: a row update, without waiting and without DDL.

    When there is none the tenant is opened all the same and a job builds its schema. Raises AddressTaken, after which
    the transaction is to be rolled back.
    """
    spare = sa.select(Tenant.id).where(Tenant.state == State.SPARE).limit(1).with_for_update(skip_locked=True)
    values = {"name": name, "address": address, "opened_at": sa.func.now()}
    try:
        tenant = db.session.scalar(
            sa.update(Tenant)
            .where(Tenant.id == spare.scalar_subquery())
            .values(state=State.ACTIVE, **values)
            .returning(Tenant)
        )
        if tenant is None:
            tenant = Tenant(id=schemas.new_id(), state=State.PREPARING, **values)
            db.session.add(tenant)
            db.session.flush()  # for the address' unique constraint
            enqueue("tenants.provision", tenant.id)
    except IntegrityError as error:
        if violated(error) == "tenants_address_key":
            raise AddressTaken(address) from None
        raise
    enqueue("tenants.refill")
    return tenant


def refill() -> int:
    """Fill the pool up to its high mark when it is below the low one; returns how many schemas were built.

    Each is its own transaction, so a kill leaves whole ones and none by half.
    """
    settings = current_settings()
    built = 0
    with administrator() as connection:
        waiting = connection.scalars(sa.select(Tenant.id).where(Tenant.state == State.PREPARING)).all()
    for tenant_id in waiting:  # whose own job may have died
        provision(tenant_id)
    with administrator() as connection:
        _wait_for_turn(connection)
        missing = settings.spare_tenants_high - _spares(connection)
        if missing <= settings.spare_tenants_high - settings.spare_tenants_low:
            return 0
    while built < missing and _build_spare(settings.spare_tenants_high):
        built += 1
    return built


def provision(tenant_id: str) -> None:
    """Build the schema of a tenant that was opened while the pool was empty; a second call does nothing."""
    blueprint = _blueprint()
    with administrator() as connection:
        waiting = (
            sa.update(Tenant)
            .where(Tenant.id == tenant_id, Tenant.state == State.PREPARING)
            .values(state=State.ACTIVE, **blueprint.ledger)
        )
        if connection.execute(waiting).rowcount:
            schemas.create(connection, [tenant_id], blueprint.script)


def _build_spare(most: int) -> bool:
    """Returns False when the pool is full, maybe by another process."""
    blueprint, tenant_id = _blueprint(), schemas.new_id()
    with administrator() as connection:
        _wait_for_turn(connection)
        if _spares(connection) >= most:
            return False
        schemas.create(connection, [tenant_id], blueprint.script)
        row = {"id": tenant_id, "state": State.SPARE, **blueprint.ledger}
        connection.execute(sa.insert(Tenant).values(row))
        return True


def _spares(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).where(Tenant.state == State.SPARE)) or 0


def _wait_for_turn(connection: sa.Connection) -> None:
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POOL_LOCK)))


def _blueprint() -> Blueprint:
    made: Callable[[], Blueprint] = current_app.extensions["freehold.blueprint"]
    return made()
