"""How a business gets its schema: from a pool of ready-made ones (docs/provisioning.md)."""

import math
import time

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from saas.core.administrator import administrator
from saas.core.database import db, violated
from saas.core.jobs import enqueue
from saas.core.settings import current_settings
from tenants import building
from tenants.errors import AddressTaken
from tenants.isolation import schemas
from tenants.models import State, Tenant

log = structlog.get_logger()


def claim(name: str, address: str) -> Tenant:
    """Give a business one of the spare schemas: a row update, without waiting and without DDL.

    When there is none the tenant is opened all the same and a job builds its schema. Raises AddressTaken, after which
    the transaction is to be rolled back.
    """
    # In this order only the index of spares will do; else statistics from when most were spares have all rows read.
    spares = sa.select(Tenant.id).where(Tenant.state == State.SPARE).order_by(Tenant.id)
    spare = spares.limit(1).with_for_update(skip_locked=True)
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
            enqueue("tenants.provision", args=(tenant.id,))
            log.warning("pool.empty", tenant=tenant.id)
    except IntegrityError as error:
        if violated(error) == "tenants_address_key":
            raise AddressTaken(address) from None
        raise
    enqueue("tenants.refill")
    return tenant


def refill(seconds: float = math.inf) -> int:
    """Fill the pool up to its high mark when it is below the low one; returns how many schemas were built.

    First come the businesses that wait, whose own jobs may have died. One that can't be built holds up nobody: its own
    job fails with the reason. Begins no batch after so many seconds, and leaves the rest undone.
    """
    until = time.monotonic() + seconds
    for tenant_id in _waiting():
        try:
            provision(tenant_id)
        except SQLAlchemyError as error:
            log.warning("provision.failed", tenant=tenant_id, error=type(error).__name__)
        if time.monotonic() > until:
            return 0
    return _fill(until)


def provision(tenant_id: str) -> int:
    """Build the schema of a tenant that was opened while the pool was empty, and of those that wait behind it.

    Returns how many were built, 0 the second time. Raises what the database says when this one can't be built; when it
    is one of the others, this one is built alone.
    """
    try:
        return building.waiting(tenant_id)
    except SQLAlchemyError as error:
        log.warning("provision.one_by_one", tenant=tenant_id, error=type(error).__name__)
        return building.waiting(tenant_id, most=1)


def _waiting() -> list[str]:
    query = sa.select(Tenant.id).where(Tenant.state == State.PREPARING).order_by(Tenant.opened_at, Tenant.id)
    with administrator() as connection:
        return list(connection.scalars(query))


def _fill(until: float) -> int:
    """Looks before it waits for its turn, since most of those who ask, ask for nothing."""
    settings = current_settings()
    with administrator() as connection:
        left = connection.scalar(sa.select(sa.func.count()).where(Tenant.state == State.SPARE)) or 0
    if left >= settings.spare_tenants_low:
        return 0
    log.info("pool.low", left=left)
    built = 0
    while time.monotonic() < until and (batch := building.spares(settings.spare_tenants_high)):
        built += batch
    return built
