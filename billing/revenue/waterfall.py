"""From what came in by the month at a month's start to what did at its end, movement by movement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from billing.revenue.balances import Balance
from billing.revenue.months import Month
from billing.revenue.movements import KINDS, MOVES, Sum
from billing.revenue.scope import Scope


@dataclass
class Fall:
    """One month. Amounts are in the currency's minor unit; what is lost is below zero."""

    month: Month
    start: int
    end: int  # both by what each tenant paid then, not by the movements
    tenants: int  # that pay at its end
    movements: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*KINDS, *MOVES), 0))

    @property
    def net(self) -> int:
        return sum(self.movements.values())

    @property
    def gap(self) -> int:
        """What the movements leave unexplained. Anything but zero says that changes are missing or counted twice."""
        return self.end - self.start - self.net


def waterfall(scope: Scope, months: Sequence[Month], sums: Iterable[Sum], balances: Iterable[Balance]) -> list[Fall]:
    """Each month, in the order given; the balances are at the start of each and at the end of the last."""
    mine = [one for one in balances if scope.has(one.currency, one.plan)]
    falls = {str(month): _fall(month, mine) for month in months}
    for one in sums:
        if one.currency == scope.currency:
            for name, amount in one.of_plan(scope.plan):
                falls[one.month].movements[name] = falls[one.month].movements.get(name, 0) + amount
    return list(falls.values())


def _fall(month: Month, balances: Iterable[Balance]) -> Fall:
    at_end = [one for one in balances if one.moment == month.end]
    return Fall(month, _amount(balances, month.first), _amount(at_end, month.end), sum(one.tenants for one in at_end))


def _amount(balances: Iterable[Balance], moment: datetime) -> int:
    return sum(one.amount for one in balances if one.moment == moment)
