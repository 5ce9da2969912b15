"""The catalogue that the platform sells by, so that its plans cost what the cases say."""

from collections.abc import Iterable, Iterator

from billing.plans import catalog
from billing.plans.catalog import Interval, Plan
from billing.plans.model import Amounts, Trial
from tenants.models import FREE
from tests.billing.golden.model import Case, Change, Item, Items, Previewed, Price
from tests.billing.golden.steps import Later, Subscribe

INCLUDED = 1  # seats, so that each one that a case has is one for more money


def catalogue(cases: Iterable[Case]) -> tuple[Plan, ...]:
    """Every plan that somebody has in a case, and the free one."""
    sold = {plan.code: plan for case in cases for told in prices(case, "plan") for plan in [plan_of(case, told)]}
    return (Plan(FREE, 1, "Free", "For nothing."), *sold.values())


def price_of(case: Case, told: Price | Item | None) -> catalog.Price:
    """The platform's own for one of a case's; to be called where the catalogue is that of the cases."""
    price = _price(told)
    return catalog.price(plan_of(case, price).code, price.interval, case.currency)


def plan_of(case: Case, told: Price) -> Plan:
    """What costs so much is the same plan by the month and by the year, which is ten months here."""
    amounts, seats, trial = _amounts(case, told), next(prices(case, "seats"), None), _trial(case)
    parts = [str(_monthly(told.amount, told.interval)), *amounts]
    parts += [f"seat{seats.amount}"] if seats else []
    parts += [trial.card] if trial.days else []
    return Plan(
        code="-".join(parts),
        version=1,
        name=f"Plan {' '.join(parts)}",
        summary="Of the golden cases.",
        limits={"seats": INCLUDED},
        prices=amounts,
        trial=trial,
        seat=_amounts(case, seats) if seats else {},
    )


def prices(case: Case, part: str) -> Iterator[Price]:
    """Of a part, in the order in which the case has them."""
    for step in case.steps:
        for name, told in _items(step).items():
            if name == part and told:
                yield _price(told)


def quantity(told: Price | Item | None) -> int:
    return told.quantity if isinstance(told, Item) else int(told is not None)


def _items(step: object) -> Items:
    found = step.change if isinstance(step, Previewed) else step
    return found.items if isinstance(found, Subscribe | Change | Later) else {}


def _price(told: Price | Item | None) -> Price:
    assert told, "a plan is changed and never taken away"
    return told.price if isinstance(told, Item) else told


def _amounts(case: Case, told: Price) -> Amounts:
    base = [("usd" if told.others else case.currency, told.amount), *told.others]
    monthly = {currency: _monthly(amount, told.interval) for currency, amount in base}
    return {currency: {Interval.MONTH: each, Interval.YEAR: 10 * each} for currency, each in monthly.items()}


def _monthly(amount: int, interval: str) -> int:
    months, rest = divmod(amount, 1 if interval == "month" else 10)
    assert not rest, f"{amount} is no ten months of anything"
    return months


def _trial(case: Case) -> Trial:
    (first,) = (step for step in case.steps if isinstance(step, Subscribe))
    return Trial(first.trial_days, "optional" if first.without_card else "required") if first.trial_days else Trial()
