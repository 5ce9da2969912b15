"""What a tenant has more of than its plan allows. It stays, can be read and deleted, and comes back with a larger plan.

Requests ask what their identity has brought along, so that it costs no query. Outside of a request nothing is over:
what a job adds is counted all the same (`stocks`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2.filters import do_filesizeformat

from saas.core import identity
from tenants.usage import limits
from tenants.usage.limits import Limit


@dataclass(frozen=True)
class Over:
    limit: Limit
    used: int
    allowed: int

    @property
    def beyond(self) -> int:
        """How many are beyond the limit; bytes of storage."""
        return self.used - self.allowed

    @property
    def consequence(self) -> str:
        """Such as "the newest 7 are read-only"."""
        one = self.limit.beyond_one if self.beyond == 1 else ""
        return (one or self.limit.beyond).format(n=f"{self.beyond:,}")

    @property
    def sentence(self) -> str:
        has, allows = (shown(self.limit, n) for n in (self.used, self.allowed))
        noun = self.limit.noun or self.limit.label.lower()
        what = f"{has} of {noun}" if self.limit.unit == "bytes" else f"{has} {noun}"
        return f"This workspace has {what} and its plan allows {allows}: {self.consequence}."

    @property
    def way_out(self) -> str:
        return f"{self.limit.way_out} or choose a larger plan."


def over(allowances: Mapping[str, int | None], used: Mapping[str, int]) -> list[Over]:
    """Each stock of which there is more than limits (as in `tenants.limits`) allow; both are by the limit's name."""
    found = []
    for limit in limits.of_kind("stock"):
        allowed, there = limits.allowed(allowances, limit), used.get(limit.name, 0)
        if allowed is not None and there > allowed:
            found.append(Over(limit, there, allowed))
    return found


def now(limit: Limit) -> Over | None:
    """How far the workspace of this request is over one limit, as the request began; None: it is not."""
    workspace = identity.current().tenant
    if workspace is None:
        return None
    return next((found for found in over(workspace.limits, workspace.used) if found.limit == limit), None)


def shown(limit: Limit, n: int) -> str:
    return do_filesizeformat(n, binary=True) if limit.unit == "bytes" else f"{n:,}"
