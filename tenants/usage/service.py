"""Usage against limits, for pages and spreadsheets."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC

import sqlalchemy as sa

from saas.core.database import db
from tenants.models import Tenant
from tenants.usage import flows, hours, limits
from tenants.usage.limits import Limit
from tenants.usage.models import Usage
from tenants.usage.over import Over


@dataclass(frozen=True)
class Meter:
    limit: Limit
    used: int
    allowed: int | None  # None: no limit
    also: int = 0  # spoken for, though nobody has it yet: the seats of those who are invited
    note: str = ""  # beside the numbers: "1 by open invitations"
    up_to: str = "no limit"  # where there is none

    @property
    def taken(self) -> int:
        return self.used + self.also

    @property
    def beyond(self) -> Over | None:
        """Of a stock of which there is more than is allowed, how much, and what becomes of it."""
        if self.limit.kind != "stock" or self.allowed is None or self.used <= self.allowed:
            return None
        return Over(self.limit, self.used, self.allowed)

    @property
    def percent(self) -> int | None:
        """Of what is allowed, rounded down, so that 100 is reached only when it is; None: there is no limit."""
        if self.allowed is None:
            return None
        return 100 if self.allowed == 0 else self.taken * 100 // self.allowed


def meters(tenant: str) -> list[Meter]:
    """A tenant's limits of what can be used up with what is used of them, in two queries, bound or not."""
    allowed = db.session.scalar(sa.select(Tenant.limits).where(Tenant.id == tenant)) or {}
    rows = db.session.execute(
        sa.select(Usage.resource, Usage.used).where(Usage.tenant == tenant, Usage.period.in_(["", flows.period()]))
    )
    used: dict[str, int] = {row.resource: row.used for row in rows}
    counted = limits.of_kind("stock", "flow")
    return [Meter(limit, used.get(limit.name, 0), limits.allowed(allowed, limit)) for limit in counted]


def hours_as_csv(tenant: str) -> str:
    """Each hour that is kept, as it began in UTC, with what was used of each flow; bound or not."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["hour", "resource", "used"])
    for row in hours.every(tenant):
        lines.writerow([f"{row.hour.astimezone(UTC):%Y-%m-%dT%H:%MZ}", row.resource, row.used])
    return text.getvalue()
