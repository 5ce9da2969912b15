"""What was charged of each item for the current period: what a change in its midst gives back.

Kept beside the subscription as rows of item, amount, quantity, start, end. A change without prorations leaves them as
they are, so a credit that comes later is for what was paid, not for what the item has become.
"""

from dataclasses import astuple, dataclass
from fractions import Fraction

from billing.sandbox.account import Account
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Debit:
    item: str
    amount: int  # in the currency's minor unit, after discounts
    quantity: int
    start: int
    end: int

    def share(self, at: int) -> Fraction:
        """Of the amount, what falls on the time after `at`."""
        return Fraction(self.amount * max(self.end - max(at, self.start), 0), self.end - self.start)


def of_item(account: Account, subscription: Obj, item: Obj) -> list[Debit]:
    return [debit for debit in _all(account, subscription) if debit.item == item["id"]]


def of_lines(lines: list[Obj]) -> list[Debit]:
    """What the lines charge in advance; credits and usage are none, and what waited was noted when it came about."""
    found = []
    for line in lines:
        details = (line["parent"] or {}).get("subscription_item_details")
        if details and details["invoice_item"] is None and _in_advance(line):
            net = line["amount"] - sum(entry["amount"] for entry in line["discount_amounts"])
            span = (line["period"]["start"], line["period"]["end"])
            found.append(Debit(details["subscription_item"], net, line["quantity"], *span))
    return found


def _in_advance(line: Obj) -> bool:
    return bool(line["amount"] > 0 and line["period"]["end"] > line["period"]["start"])


def replace(account: Account, subscription: Obj, lines: list[Obj], credited: set[str] | None = None) -> None:
    """After new charges: they stand for the items that were `credited`, or for all items in a new period."""
    kept = [] if credited is None else [debit for debit in _all(account, subscription) if debit.item not in credited]
    account.keep(subscription["id"], debits=[astuple(debit) for debit in kept + of_lines(lines)])


def _all(account: Account, subscription: Obj) -> list[Debit]:
    return [Debit(*row) for row in account.private(subscription["id"]).get("debits", [])]
