"""Plans as pages show them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.mirrored import discounts
from billing.money import short, shown
from billing.offering.shaping import METERED
from billing.plans import catalog
from billing.plans.catalog import CURRENCY, Interval, Plan
from tenants.usage import limits
from tenants.usage.limits import Limit
from tenants.usage.service import Meter


@dataclass(frozen=True)
class Card:
    code: str
    name: str
    summary: str
    price: str  # "$19"
    per: str  # "a month"
    notes: tuple[str, ...]
    allowances: Sequence[tuple[Limit, int | None]]
    current: bool


@dataclass(frozen=True)
class Difference:
    """One limit, before and after a change of plan."""

    meter: Meter
    after: int | None

    @property
    def over(self) -> bool:
        """Whether more is there than will be allowed; it stays, but nothing can be added."""
        return self.meter.limit.kind == "stock" and self.after is not None and self.meter.used > self.after


def cards(
    interval: Interval, current: tuple[str, str | None] | None = None, *, currency: str = CURRENCY, trials: bool = True
) -> list[Card]:
    """All plans; `current` is the code of the one they have, and its interval. Who has subscribed has no trials."""
    return [_card(plan, interval, currency, current, trials=trials) for plan in catalog.on_sale()]


def interval_of(given: str | None) -> Interval:
    """What a page's address asks for; the month where it asks for nothing that there is."""
    return Interval.YEAR if given == Interval.YEAR else Interval.MONTH


def differences(after: Mapping[str, int | None], meters: Sequence[Meter]) -> list[Difference]:
    """`after`: as in `tenants.limits`."""
    return [Difference(meter, limits.allowed(after, meter.limit)) for meter in meters]


def _card(
    plan: Plan, interval: Interval, currency: str, current: tuple[str, str | None] | None, *, trials: bool
) -> Card:
    return Card(
        code=plan.code,
        name=plan.name,
        summary=plan.summary,
        price=short(0 if plan.free else plan.amount(interval, currency), currency),
        per="" if plan.free else f"a {interval}",
        notes=tuple(_notes(plan, interval, currency, trials=trials)),
        allowances=plan.allowances(),
        current=current is not None and current[0] == plan.code and (plan.free or current[1] in {None, interval}),
    )


def _notes(plan: Plan, interval: Interval, currency: str, *, trials: bool) -> Iterator[str]:
    if plan.free:
        return
    if interval == Interval.YEAR:
        year = plan.amount(Interval.YEAR, currency)
        saved = plan.amount(Interval.MONTH, currency) * 12 - year
        yield f"{shown(discounts.rounded(Decimal(year) / 12), currency)} a month, {short(saved, currency)} less"
    if plan.trial.days and trials:
        yield f"{plan.trial.days} days free to begin with"
    if plan.seat:
        yield f"{short(plan.seat[currency][interval], currency)} a {interval} for each more seat"
    if overage := plan.overage.get(METERED):
        yield f"{short(overage.prices[currency], currency)} for each {overage.per:,} API calls more, if you allow them"
