"""What a golden case is made of: data that a finance person can read and check against Stripe's documentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

DOCS = "https://docs.stripe.com/"


def moment(told: str) -> int:
    """The instant of "2027-04-16" or "2027-04-16 13:37:11" in UTC, in seconds since the epoch."""
    return int(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Tier:
    """Up to so many units (None: all others) at a price per unit, with a fee that is due once the tier is reached."""

    up_to: int | None
    unit: str  # decimal, in the minor unit
    flat: int = 0


@dataclass(frozen=True)
class Price:
    """For one unit and one interval. All amounts are in the currency's minor unit."""

    amount: int = 0
    interval: str = "month"
    decimal: str = ""  # instead of the amount, where it is no whole number
    tiers: tuple[Tier, ...] = ()
    mode: str = "graduated"
    package: int = 0  # units in a package; the amount is for a package
    rounded: str = "up"  # how a package that is not full counts
    metered: bool = False
    others: tuple[tuple[str, int], ...] = ()  # amounts in other currencies; the amount itself is then in usd

    def __mul__(self, quantity: int) -> "Item":
        return Item(self, quantity)


@dataclass(frozen=True)
class Item:
    price: Price
    quantity: int = 1


Items = Mapping[str, Price | Item | None]  # by the part's name; None takes the part away


@dataclass(frozen=True)
class Coupon:
    percent: float = 0
    off: int = 0  # in the case's currency
    duration: str = "once"
    months: int = 0  # of a repeating one
    code: bool = False  # redeemed by a promotion code
    only: str = ""  # the one part whose product it discounts


@dataclass(frozen=True)
class Tax:
    percent: float
    inclusive: bool = False


class Step:
    """Something that is done."""


class Finding(Step):
    """Something that is found."""


@dataclass(frozen=True)
class Invoiced(Finding):
    """The subscription's latest invoice.

    `tax` is on top of the lines, `included` is part of them. `due` is the total less what the customer's balance pays.
    Not `apart`: Stripe may spread the same sum over more lines (a line for each tier). `net`: the lines are told after
    their discount, because a subscription's `proration_discounts` decides where Stripe shows it.
    """

    lines: tuple[int, ...]
    total: int
    discount: int = 0
    tax: int = 0
    included: int = 0
    due: int | None = None
    apart: bool = True
    net: bool = False

    @property
    def amount_due(self) -> int:
        return max(self.total, 0) if self.due is None else self.due

    @property
    def adds_up(self) -> bool:
        return sum(self.lines) - self.discount + self.tax == self.total


@dataclass(frozen=True)
class Case:
    """A story with amounts, and where Stripe says that they are so."""

    id: str
    page: str  # below DOCS
    working: str
    start: str
    steps: tuple[Step, ...]
    currency: str = "usd"
    card: str | None = "pm_card_visa"  # None: the customer has no card
    balance: int = 0  # the customer's, at the start; below zero is the customer's money
    platform: str = ""  # the act of our own that must come to the same amounts; "": we offer none

    @property
    def url(self) -> str:
        return DOCS + self.page

    def amounts(self) -> list[Invoiced]:
        told = [step.invoice if isinstance(step, Previewed) else step for step in self.steps]
        return [step for step in told if isinstance(step, Invoiced)]


@dataclass(frozen=True)
class Change(Step):
    """At an instant, in force at once. `date` calculates the prorations as of another instant."""

    at: str
    items: Items
    behaviour: str = "always_invoice"
    anchor_now: bool = False
    date: str = ""
    without_coupons: bool = False  # they are taken off in the same call


@dataclass(frozen=True)
class Previewed(Finding):
    """What the change would be invoiced with; nothing is changed."""

    change: Change
    invoice: Invoiced
