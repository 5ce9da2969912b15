"""What Stripe says, as values of our own. Amounts are in the currency's minor unit, times are aware and in UTC."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.gateway.payers import CustomerState

# In the metadata of a subscription.
SEATS_PAID, SEATS_PAID_UNTIL, METERED_SINCE = "seats_paid", "seats_paid_until", "metered_since"
ACT = "freehold_act"  # in the metadata of a refund: which act of ours has made it
ENDED = "freehold_ended"  # and which subscription has ended, of whose unused rest it is
OWN_PRICE = "freehold_own_price"  # in the metadata of a coupon: it makes one customer's price of one plan


@dataclass(frozen=True)
class Session:
    """A Checkout session."""

    id: str
    status: str  # "open", "complete" or "expired"
    paid: bool  # or nothing to pay yet
    url: str | None
    subscription: str | None
    codes: tuple[str, ...] = ()  # promotion codes that were typed in there, by their ids


@dataclass(frozen=True)
class ItemState:
    """One thing that a subscription is to."""

    id: str
    product: str
    interval: str | None  # "month", "year"; None of a price that is paid once
    amount: int  # of one, for an interval
    quantity: int  # 0 of a metered one
    metered: bool


@dataclass(frozen=True)
class DiscountState:
    name: str
    percent: Decimal | None
    amount: int | None
    until: datetime | None  # None: for ever, or once
    once: bool
    own_price: bool = False  # it is worth what it is for one plan and interval


@dataclass(frozen=True)
class ChangeState:
    """What a schedule will make of a subscription."""

    schedule: str
    plan: str | None
    version: int | None
    interval: str | None
    at: datetime | None


@dataclass(frozen=True)
class SubscriptionState:
    id: str
    customer: str
    status: str
    items: tuple[ItemState, ...]
    currency: str
    livemode: bool
    started_at: datetime
    period_start: datetime | None
    period_end: datetime | None
    trial_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    latest_invoice: str | None
    discounts: tuple[DiscountState, ...]
    change: ChangeState | None
    seats_paid: int
    seats_paid_until: datetime | None
    metered_since: datetime | None  # from then on what is used counts for its present metered price
    cancel_reason: str | None
    clock_at: datetime | None  # of the test clock, where it has one
    tenant: str | None = None  # as we have noted it at Stripe
    payer: CustomerState | None = None  # where it was asked for too


@dataclass(frozen=True)
class Refund:
    id: str
    amount: int


@dataclass(frozen=True)
class InvoiceState:
    id: str
    customer: str | None
    subscription: str | None
    number: str | None
    status: str
    reason: str | None
    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    due: int
    paid: int
    refunded: int
    credited: int
    attempts: int
    next_attempt_at: datetime | None
    payment: str | None
    confirm: bool
    disputed: bool
    page_url: str | None
    pdf_url: str | None
    created_at: datetime
    finalized_at: datetime | None
    paid_at: datetime | None
    elsewhere: tuple[Refund, ...] = ()  # what was paid back by others than us


@dataclass(frozen=True)
class Payment:
    """How the payment of an invoice stands."""

    intent: str | None = None  # by which it was paid
    refunded: int = 0
    disputed: bool = False
    confirm: bool = False  # the bank wants the payer to confirm it
    elsewhere: tuple[Refund, ...] = ()  # those of `refunded` that others have made
