"""What a plan is. All amounts are integers in the currency's minor unit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

from tenants.usage import limits
from tenants.usage.limits import Limit

PLAN, SEAT = "plan", "seat"  # what of a plan is paid for; what is beyond a meter's included amount has the meter's name
MONTHS = {"month": 1, "year": 12}


class Interval(StrEnum):
    MONTH = "month"
    YEAR = "year"

    @property
    def months(self) -> int:
        return MONTHS[self]


Amounts = Mapping[str, Mapping[Interval, int]]  # by currency, then by what it is paid for


@dataclass(frozen=True)
class Trial:
    """For those who have never tried."""

    days: int = 0
    card: Literal["required", "optional"] = "required"


@dataclass(frozen=True)
class Overage:
    """What is used beyond the included amount, for those who have agreed to pay for it."""

    per: int  # units that have one price
    prices: Mapping[str, int]  # of so many units, by currency

    def unit_price(self, currency: str) -> Decimal:
        """Of one, in the minor unit: most often a fraction of it."""
        return Decimal(self.prices[currency]) / self.per


@dataclass(frozen=True)
class Plan:
    """One version of a plan. What it costs and allows never changes: another version does."""

    code: str
    version: int
    name: str
    summary: str
    limits: Mapping[str, int | None] = field(default_factory=dict)  # as in `tenants.limits`; missing: the default
    prices: Amounts = field(default_factory=dict)  # none: it is free
    trial: Trial = Trial()
    seat: Amounts = field(default_factory=dict)  # of each member beyond the included ones; none: nobody more
    overage: Mapping[str, Overage] = field(default_factory=dict)  # by the limit's name
    archived: bool = False  # nobody can choose it any more; who has it keeps it

    @property
    def free(self) -> bool:
        return not self.prices

    def amount(self, interval: Interval, currency: str) -> int:
        return self.prices[currency][interval]

    def allowances(self) -> list[tuple[Limit, int | None]]:
        """Each limit with how much of it the plan allows; None: as much as they like."""
        return [(limit, limits.allowed(self.limits, limit)) for limit in limits.every()]

    def included(self, resource: str) -> int | None:
        """How much of a limit the plan allows; None: as much as they like."""
        return limits.allowed(self.limits, limits.get(resource))

    def parts(self) -> list["Part"]:
        """What of it Stripe has a product of."""
        if self.free:
            return []
        return [Part(self, name) for name in (PLAN, *([SEAT] if self.seat else []), *self.overage)]


@dataclass(frozen=True)
class Part:
    """Something that a subscription can be to: the plan, more seats, or what is used beyond a meter's included."""

    plan: Plan
    name: str  # "plan", "seat" or a limit's

    @property
    def product_id(self) -> str:
        """At Stripe."""
        return part_id(self.plan.code, self.plan.version, self.name)

    @property
    def title(self) -> str:
        """As it stands on invoices."""
        if self.name == PLAN:
            return self.plan.name
        what = "Additional seat" if self.name == SEAT else limits.get(self.name).label
        return f"{self.plan.name}: {what}"

    @property
    def metered(self) -> bool:
        return self.name not in {PLAN, SEAT}

    def amounts(self, interval: Interval) -> dict[str, int]:
        """What one of it costs in each currency; of a metered one see `Plan.overage`."""
        by_currency = self.plan.prices if self.name == PLAN else self.plan.seat
        return {currency: amounts[interval] for currency, amounts in by_currency.items()}


@dataclass(frozen=True)
class Price:
    """What a plan costs somebody."""

    plan: Plan
    interval: Interval
    currency: str
    amount: int

    @property
    def seat(self) -> int | None:
        """What one more member costs for the interval; None: there can be no more."""
        return self.plan.seat[self.currency][self.interval] if self.plan.seat else None


@dataclass(frozen=True)
class Dunning:
    """Days after the first failed payment at which an account may do less; None: that step is left out."""

    read_only: int | None
    suspended: int | None
    cancelled: int | None


@dataclass(frozen=True)
class Catalogue:
    plans: tuple[Plan, ...]  # every version that there ever was
    dunning: Dunning


# The first version's products had no version in their ids once.
_PRODUCT = re.compile(r"freehold_(?P<code>[a-z0-9-]+)(?:_v(?P<version>[0-9]{1,6})(?:_(?P<part>[a-z_]+))?)?")


class Named(NamedTuple):
    """Which part of which plan a product at Stripe is for, whether this catalogue has it or not."""

    code: str
    version: int
    part: str


def part_id(code: str, version: int, name: str) -> str:
    product = f"freehold_{code}_v{version}"
    return product if name == PLAN else f"{product}_{name}"


def named(product_id: str) -> Named | None:
    """None of a product that is not ours."""
    found = _PRODUCT.fullmatch(product_id)
    return Named(found["code"], int(found["version"] or 1), found["part"] or PLAN) if found else None
