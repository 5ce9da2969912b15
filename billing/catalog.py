"""The plans as data. A price that changes gets a new version: those who pay the old one keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from billing.errors import UnknownPlan
from tenants.models import FREE
from tenants.usage import limits
from tenants.usage.limits import API_CALLS, COLLECTIONS, JOBS_AT_ONCE, RECORDS, SEATS, STORAGE, Limit

CURRENCY = "usd"
MINOR_UNITS = 100  # in one of the currency

_GIB = 2**30


class Interval(StrEnum):
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Plan:
    code: str
    name: str
    summary: str
    limits: Mapping[str, int | None] = field(default_factory=dict)  # as in `tenants.limits`; missing: the default
    prices: Mapping[Interval, int] = field(default_factory=dict)  # in the currency's minor unit; none: it is free
    trial_days: int = 0  # for those who have never subscribed
    version: int = 1  # of the prices

    @property
    def free(self) -> bool:
        return not self.prices

    @property
    def product_id(self) -> str:
        """At Stripe."""
        return f"freehold_{self.code}"

    def allowances(self) -> list[tuple[Limit, int | None]]:
        """Each limit with how much of it the plan allows; None: as much as they like."""
        return [(limit, limits.allowed(self.limits, limit)) for limit in limits.every()]


@dataclass(frozen=True)
class Price:
    plan: Plan
    interval: Interval
    amount: int  # in the currency's minor unit, for one interval

    @property
    def lookup_key(self) -> str:
        """By which Stripe finds its price for this one."""
        return f"freehold_{self.plan.code}_{self.interval}_v{self.plan.version}"


PLANS = (
    Plan(FREE, "Free", "To try it, and for a small thing that stays small."),
    Plan(
        "starter",
        "Starter",
        "For a shop or a club with its first customers.",
        {
            SEATS.name: 5,
            RECORDS.name: 20_000,
            COLLECTIONS.name: 20,
            STORAGE.name: 2 * _GIB,
            API_CALLS.name: 200_000,
            JOBS_AT_ONCE.name: 8,
        },
        {Interval.MONTH: 1_900, Interval.YEAR: 19_000},
    ),
    Plan(
        "growth",
        "Growth",
        "For a business whose site and app live on it.",
        {
            SEATS.name: 20,
            RECORDS.name: 250_000,
            COLLECTIONS.name: 100,
            STORAGE.name: 20 * _GIB,
            API_CALLS.name: 2_000_000,
            JOBS_AT_ONCE.name: 16,
        },
        {Interval.MONTH: 7_900, Interval.YEAR: 79_000},
        trial_days=14,
    ),
    Plan(
        "scale",
        "Scale",
        "For many people, many records and steady traffic.",
        {
            SEATS.name: 100,
            RECORDS.name: 5_000_000,
            COLLECTIONS.name: None,
            STORAGE.name: 200 * _GIB,
            API_CALLS.name: 20_000_000,
            JOBS_AT_ONCE.name: 32,
        },
        {Interval.MONTH: 29_900, Interval.YEAR: 299_000},
    ),
)
_BY_CODE = {plan.code: plan for plan in PLANS}


def plan(code: str) -> Plan:
    """Raises UnknownPlan."""
    try:
        return _BY_CODE[code]
    except KeyError:
        raise UnknownPlan(fields={"plan": _choices("plan", code, _BY_CODE)}) from None


def price(code: str, interval: str) -> Price:
    """What a plan costs. Raises UnknownPlan, also for the free one, which has no price."""
    wanted = plan(code)
    if wanted.free:
        raise UnknownPlan(fields={"plan": f"{wanted.name} costs nothing: choose another plan to pay for."})
    if interval not in list(Interval):
        raise UnknownPlan(fields={"interval": _choices("interval", interval, list(Interval))})
    return Price(wanted, Interval(interval), wanted.prices[Interval(interval)])


def prices() -> list[Price]:
    return [Price(plan, interval, amount) for plan in PLANS for interval, amount in plan.prices.items()]


def of_product(product_id: str) -> str | None:
    """The code of the plan that a product at Stripe stands for; None of one that is not ours.

    Not by a price's lookup key: a price that is replaced loses it, and who pays it keeps their plan.
    """
    return next((plan.code for plan in PLANS if plan.product_id == product_id and not plan.free), None)


def name_of(code: str) -> str:
    """As people read it; a plan that the catalogue no longer has is shown by its code."""
    found = _BY_CODE.get(code)
    return found.name if found else code.capitalize()


def _choices(kind: str, given: str, known: object) -> str:
    return f"There is no {kind} {given[:40]!r}. Choose one of {', '.join(str(one) for one in list(known))}."  # type: ignore[call-overload]
