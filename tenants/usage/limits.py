"""What a plan can limit. Billing writes the numbers into `tenants.limits`; the product reads its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["stock", "flow", "bound", "feature"]


@dataclass(frozen=True)
class Limit:
    """One resource.

    A stock is what there is now; a flow is what was used in a calendar month (UTC). A bound is on what happens at the
    same time: what is over it waits, so that nothing of it is used up. A feature is had (1, or no limit) or not (0).
    """

    name: str  # "records"
    label: str  # "Records"
    kind: Kind
    default: int  # for a tenant whose plan says nothing of it: the free plan's
    unit: Literal["count", "bytes"] = "count"
    noun: str = ""  # of what is counted, where that is not the label: "members" of seats
    # Of a stock of which there is more than is allowed: what becomes of the `n` beyond it, and of one alone where that
    # reads otherwise; and what somebody does about it, besides choosing a larger plan.
    beyond: str = "none can be added"
    beyond_one: str = ""
    way_out: str = "Delete some"


LONGEST_NAME = 40

_table: dict[str, Limit] = {}


def define(limit: Limit) -> Limit:
    """Add a limit; a module calls this for its own, as its module loads."""
    if len(limit.name) > LONGEST_NAME:
        raise ValueError(f"the limit's name {limit.name} is longer than {LONGEST_NAME} characters")
    if _table.setdefault(limit.name, limit) != limit:
        raise ValueError(f"two limits are called {limit.name}")
    return limit


_UNCHANGED = "no record can be added or changed"

SEATS = define(
    Limit(
        "seats",
        "Seats",
        "stock",
        2,
        noun="members",
        beyond="the {n} who joined last may only read",
        beyond_one="who joined last may only read",
        way_out="Remove somebody",
    )
)
RECORDS = define(Limit("records", "Records", "stock", 1_000, beyond=_UNCHANGED))
COLLECTIONS = define(
    Limit(
        "collections",
        "Collections",
        "stock",
        5,
        beyond="the newest {n} are read-only",
        beyond_one="the newest one is read-only",
    )
)
STORAGE = define(Limit("storage", "Storage", "stock", 100 * 2**20, "bytes", beyond=_UNCHANGED))
API_CALLS = define(Limit("api_calls", "API calls a month", "flow", 10_000))
JOBS_AT_ONCE = define(Limit("jobs_at_once", "Jobs at once", "bound", 4))  # in each queue, sent to a worker or at one
USAGE_EXPORT = define(Limit("usage_export", "Usage as CSV", "feature", 0))


def every() -> list[Limit]:
    return list(_table.values())


def of_kind(*kinds: Kind) -> list[Limit]:
    """Those of some kinds, in the order in which pages list them."""
    return [limit for limit in every() if limit.kind in kinds]


def get(name: str) -> Limit:
    return _table[name]


def allowed(limits: Mapping[str, int | None], limit: Limit) -> int | None:
    """How much of it a tenant's `limits` allow; None: as much as they like."""
    return limits.get(limit.name, limit.default)


def has(limits: Mapping[str, int | None], feature: Limit) -> bool:
    """Whether a tenant of these `limits` has a feature."""
    return allowed(limits, feature) != 0
