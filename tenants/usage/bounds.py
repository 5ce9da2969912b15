"""Limits of what happens at the same time, as the platform's own queries count with them."""

import sqlalchemy as sa

from tenants.models import Tenant
from tenants.usage.limits import JOBS_AT_ONCE
from tenants.usage.stocks import most


def jobs_at_once(tenant: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """How many of a tenant's jobs may be out in one queue; null of a tenant that is gone."""
    return sa.select(most(JOBS_AT_ONCE)).where(Tenant.id == tenant).scalar_subquery()
