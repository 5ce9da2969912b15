"""The tenants' background jobs. They build and drop schemas over the administrator's connection, hence `outside`."""

from uuid import UUID

import structlog

from saas.core.jobs import handler
from tenants import provisioning
from tenants import reclaim as reclaiming

log = structlog.get_logger()


def _refill(_job: UUID) -> int:
    return provisioning.refill(seconds=60)


@handler("tenants.refill", queue="slow", limit_seconds=120, every=60, outside=_refill)
def refill(built: int) -> None:
    if built:
        log.info("tenants.refilled", built=built)


def _provision(_job: UUID, tenant_id: str) -> int:
    return provisioning.provision(tenant_id)


@handler("tenants.provision", queue="slow", limit_seconds=60, outside=_provision)
def provision(tenant_id: str, built: int) -> None:
    if built:
        log.info("tenants.provisioned", first=tenant_id, built=built)


def _reclaim(_job: UUID) -> int:
    return reclaiming.reclaim(seconds=200)


@handler("tenants.reclaim", queue="slow", limit_seconds=300, every=3600, outside=_reclaim)
def reclaim(removed: int) -> None:
    if removed:
        log.info("tenants.reclaimed", removed=removed)
