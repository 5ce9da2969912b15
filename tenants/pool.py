"""How the pool of spare schemas stands, for whoever is to be woken when it drains."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from saas.core.database import db
from saas.core.settings import current_settings
from tenants.models import State, Tenant


class Pool(NamedTuple):
    spares: int
    waiting: int  # businesses whose schema is being built, since there was no spare
    oldest: float  # seconds that the first of them has waited
    low: int  # it is refilled below so many

    @property
    def drained(self) -> bool:
        return not self.spares or self.waiting > 0


def standing() -> Pool:
    """Each state by itself, since each has an index of its own."""
    spares = sa.select(sa.func.count()).where(Tenant.state == State.SPARE).correlate(None).scalar_subquery()
    waited = sa.func.extract("epoch", sa.func.now() - sa.func.min(Tenant.opened_at))
    waiting = sa.select(spares, sa.func.count(), sa.func.coalesce(waited, 0)).where(Tenant.state == State.PREPARING)
    left, count, oldest = db.session.execute(waiting).one()
    return Pool(left, count, max(float(oldest), 0.0), current_settings().spare_tenants_low)


def measures() -> Iterator[Metric]:
    """For /metrics; the alert on them is in docs/provisioning.md."""
    pool = standing()
    yield GaugeMetricFamily("freehold_spare_tenants", "Spare schemas in the pool", pool.spares)
    yield GaugeMetricFamily("freehold_spare_tenants_low", "The pool is refilled below so many", pool.low)
    yield GaugeMetricFamily("freehold_preparing_tenants", "Businesses that wait for their schema", pool.waiting)
    yield GaugeMetricFamily(
        "freehold_preparing_oldest_seconds", "How long the first of them has waited", pool.oldest
    )  # fmt: skip
