"""What a plan can limit. Billing writes the numbers into `tenants.limits`; the product reads its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Limit:
    """One resource.

    A stock is what there is now; a flow is what was used in a calendar month (UTC). A bound is on what happens at the
    same time: what is over it waits, so that nothing of it is used up.
    """

    name: str  # "records"
    label: str  # "Records"
    kind: Literal["stock", "flow", "bound"]
    default: int  # for a tenant whose plan says nothing of it: the free plan's
    unit: Literal["count", "bytes"] = "count"


LONGEST_NAME = 40

_table: dict[str, Limit] = {}


def define(limit: Limit) -> Limit:
    """Add a limit; a module calls this for its own, as its module loads."""
    if len(limit.name) > LONGEST_NAME:
        raise ValueError(f"the limit's name {limit.name} is longer than {LONGEST_NAME} characters")
    if _table.setdefault(limit.name, limit) != limit:
        raise ValueError(f"two limits are called {limit.name}")
    return limit


SEATS = define(Limit("seats", "Seats", "stock", 2))
RECORDS = define(Limit("records", "Records", "stock", 1_000))
COLLECTIONS = define(Limit("collections", "Collections", "stock", 5))
STORAGE = define(Limit("storage", "Storage", "stock", 100 * 2**20, "bytes"))
API_CALLS = define(Limit("api_calls", "API calls a month", "flow", 10_000))
JOBS_AT_ONCE = define(Limit("jobs_at_once", "Jobs at once", "bound", 4))  # in each queue, sent to a worker or at one


def every() -> list[Limit]:
    return list(_table.values())


def get(name: str) -> Limit:
    return _table[name]


def allowed(limits: Mapping[str, int | None], limit: Limit) -> int | None:
    """How much of it a tenant's `limits` allow; None: as much as they like."""
    return limits.get(limit.name, limit.default)
