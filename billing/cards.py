"""Plans as pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing import catalog
from billing.catalog import CURRENCY, Interval, Plan
from billing.money import short, shown
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


def cards(interval: Interval, current: tuple[str, str | None] | None = None, *, trials: bool = True) -> list[Card]:
    """All plans; `current` is the code of the one they have, and its interval. Who has subscribed has no trials."""
    return [_card(plan, interval, current, trials=trials) for plan in catalog.PLANS]


def interval_of(given: str | None) -> Interval:
    """What a page's address asks for; the month where it asks for nothing that there is."""
    return Interval.YEAR if given == Interval.YEAR else Interval.MONTH


def differences(plan: Plan, meters: Sequence[Meter]) -> list[Difference]:
    after = {limit.name: allowed for limit, allowed in plan.allowances()}
    return [Difference(meter, after[meter.limit.name]) for meter in meters]


def _card(plan: Plan, interval: Interval, current: tuple[str, str | None] | None, *, trials: bool) -> Card:
    notes = [f"{plan.trial_days} days free to begin with"] if plan.trial_days and trials else []
    if interval == Interval.YEAR and not plan.free:
        saved = plan.prices[Interval.MONTH] * 12 - plan.prices[Interval.YEAR]
        notes.insert(0, f"{shown(plan.prices[Interval.YEAR] // 12, CURRENCY)} a month, {short(saved, CURRENCY)} less")
    return Card(
        code=plan.code,
        name=plan.name,
        summary=plan.summary,
        price=short(plan.prices.get(interval, 0), CURRENCY),
        per="" if plan.free else f"a {interval}",
        notes=tuple(notes),
        allowances=plan.allowances(),
        current=current is not None and current[0] == plan.code and (plan.free or current[1] in {None, interval}),
    )
