"""All figures of twelve months, of every currency and plan, in as many queries however much there is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from billing.plans import catalog
from billing.revenue import balances, failures, movements, trials
from billing.revenue.balances import Balance
from billing.revenue.failures import Failures, Overdue
from billing.revenue.months import Month, year_to
from billing.revenue.movements import Sum
from billing.revenue.scope import Scope
from billing.revenue.trials import Conversion, Trials
from billing.revenue.waterfall import Fall, waterfall

QUERIES = 5


@dataclass(frozen=True)
class Share:
    """What a plan brings by the month."""

    plan: str
    tenants: int
    amount: int


@dataclass(frozen=True)
class Report:
    months: Sequence[Month]  # the oldest first
    sums: Sequence[Sum]
    balances: Sequence[Balance]
    trials: Sequence[Trials]
    failures: Sequence[Failures]
    overdue: Sequence[Overdue]

    @property
    def last(self) -> Month:
        return self.months[-1]

    @property
    def currencies(self) -> list[str]:
        """Those in which something happened; the usual one where nothing has."""
        seen = {one.currency for kind in self._all() for one in kind}
        known = [*catalog.currencies(), *sorted(seen)]
        return [currency for currency in dict.fromkeys(known) if currency in seen] or [catalog.CURRENCY]

    @property
    def plans(self) -> list[str]:
        """Those that can be paid for, and what else there was."""
        sold = [one.code for one in catalog.every() if not one.free]
        return list(dict.fromkeys([*sold, *sorted({one.plan for kind in self._all() for one in kind})]))

    def waterfall(self, scope: Scope) -> list[Fall]:
        return waterfall(scope, self.months, self.sums, self.balances)

    def conversion(self, scope: Scope, month: Month) -> Conversion:
        return trials.conversion(scope, month, self.trials)

    def failed(self, scope: Scope, month: Month) -> Failures:
        return failures.failures_of(scope, month, self.failures)

    def overdue_of(self, scope: Scope) -> Overdue:
        return failures.overdue_of(scope, self.overdue)

    def shares(self, scope: Scope) -> list[Share]:
        """What each plan brings at the end of the last month, the largest first."""
        there = [one for one in self.balances if one.moment == self.last.end and scope.has(one.currency, one.plan)]
        return sorted((Share(one.plan, one.tenants, one.amount) for one in there), key=lambda one: -one.amount)

    def _all(self) -> Iterator[Sequence[Sum | Balance | Trials | Failures | Overdue]]:
        yield from (self.sums, self.balances, self.trials, self.failures, self.overdue)


def read(last: Month) -> Report:
    """The year that ends with a month."""
    months = year_to(last)
    moments = [months[0].first, *(month.end for month in months)]
    return Report(
        months=months,
        sums=movements.sums(months),
        balances=balances.balances(moments),
        trials=trials.trials(months),
        failures=failures.failures(months),
        overdue=failures.all_overdue(),
    )
