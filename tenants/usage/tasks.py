"""Measuring what can't be counted as it changes, and keeping the tables of batches and hours short."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from saas.core.database import db
from saas.core.jobs import handler
from tenants.isolation import schemas
from tenants.models import State, Tenant
from tenants.usage.limits import STORAGE
from tenants.usage.models import Usage, UsageBatch, UsageHour

KEEP_BATCHES = timedelta(days=1)
KEEP_HOURS = timedelta(days=400)  # more than a year, so that a month can be held against the same one a year ago


@handler("usage.measure", queue="slow", limit_seconds=300, every=600)
def measure() -> None:
    """How large each tenant's tables are, with their indexes."""
    sizes = schemas.sizes()
    size = sa.select(Tenant.id, sa.literal(STORAGE.name), sa.literal(""), sizes.c.bytes).join(
        sizes, sizes.c.tenant == Tenant.id
    )
    written = insert(Usage).from_select(
        ["tenant", "resource", "period", "used"], size.where(Tenant.state == State.ACTIVE)
    )
    db.session.execute(
        written.on_conflict_do_update(
            index_elements=["tenant", "resource", "period"],
            set_={"used": written.excluded.used},
            where=Usage.used != written.excluded.used,
        )
    )


@handler("usage.sweep", every=3600)
def sweep() -> None:
    db.session.execute(sa.delete(UsageBatch).where(UsageBatch.at < sa.func.now() - KEEP_BATCHES))
    db.session.execute(sa.delete(UsageHour).where(UsageHour.hour < sa.func.now() - KEEP_HOURS))
