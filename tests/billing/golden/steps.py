"""What is done in a case and what is found, beside the changes and invoices of `model`."""

from dataclasses import dataclass

from tests.billing.golden.model import Coupon, Finding, Items, Step, Tax


@dataclass(frozen=True)
class Subscribe(Step):
    items: Items
    coupons: tuple[Coupon, ...] = ()
    taxes: tuple[Tax, ...] = ()
    trial_days: int = 0
    without_card: str = ""  # what happens when a trial ends without one
    anchor: str = ""  # an instant in the future
    behaviour: str = ""  # of the time until the anchor


@dataclass(frozen=True)
class Redeem(Step):
    """A coupon or a promotion code, in the middle of a period."""

    at: str
    coupon: Coupon


@dataclass(frozen=True)
class Renewed(Step):
    """The clock reaches a period's end, and the invoice that comes with it is finalised."""

    at: str


@dataclass(frozen=True)
class TrialEnds(Step):
    """By an update at an instant: "now" or later. A subscription that is active has a trial from then on."""

    at: str
    until: str = "now"
    behaviour: str = "create_prorations"


@dataclass(frozen=True)
class Cancel(Step):
    at: str
    prorate: bool = False
    invoice_now: bool = False


@dataclass(frozen=True)
class CancelAtEnd(Step):
    at: str


@dataclass(frozen=True)
class Later(Step):
    """A schedule: these items from the period's end on."""

    items: Items


@dataclass(frozen=True)
class Stay(Step):
    """The schedule is released before it did anything."""


@dataclass(frozen=True)
class Used(Step):
    """Meter events at an instant."""

    at: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class CreditNote(Step):
    """On the latest invoice, of an amount or of all of its lines."""

    amount: int = 0
    whole: bool = False
    refund: int = 0
    credit: int = 0
    outside: int = 0
    before_payment: int = 0  # expected: what lowers the invoice's amount due
    after_payment: int = 0  # expected: what goes back


@dataclass(frozen=True)
class Refund(Step):
    amount: int


@dataclass(frozen=True)
class Paid(Step):
    """The latest invoice, with a test card, by hand."""

    card: str = "pm_card_visa"


@dataclass(frozen=True)
class Refused(Step):
    """Stripe refuses the step, and nothing is done."""

    step: Step


@dataclass(frozen=True)
class NoInvoice(Finding):
    """None has come since the last one that was looked at."""


@dataclass(frozen=True)
class Standing(Finding):
    status: str
    until: str = ""  # the period's end
    anchor: str = ""  # what the periods are aligned with


@dataclass(frozen=True)
class Balance(Finding):
    """The customer's; below zero is the customer's money."""

    amount: int


@dataclass(frozen=True)
class Invoice(Finding):
    """Where the latest invoice stands, apart from its lines."""

    status: str
    due: int
    paid: int = 0
    remaining: int = 0
    credited_before: int = 0  # by credit notes before it was paid
    credited_after: int = 0


@dataclass(frozen=True)
class Refunded(Finding):
    """What has gone back of the latest invoice's charge."""

    amount: int
