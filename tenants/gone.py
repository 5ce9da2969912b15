"""A tenant that is taken away while a request for it is on its way, as when it is reclaimed."""

import sqlalchemy as sa
import structlog
from flask import g, request

from saas.core.database import db
from saas.core.errors import PlatformError
from tenants import routing
from tenants.backend.keys.errors import BadKey
from tenants.models import Tenant

log = structlog.get_logger()


def answer(tenant: str) -> PlatformError | None:
    """What the next request for the tenant will get as well; None while its row is there.

    It looks in a transaction of its own, which no tenant is bound to. The caller's is over.
    """
    with db.engine.connect() as connection:
        if connection.scalar(sa.select(sa.exists().where(Tenant.id == tenant))):
            return None
    log.info("tenant.gone", tenant=tenant)
    g.pop("identity", None)  # the error page must not look like a workspace's
    return BadKey() if request.path.startswith("/api/") else routing.unknown()
