"""Cancellations now and later, and changes that wait for the period's end."""

from tests.billing.golden.model import Case, Change, Invoiced, Price
from tests.billing.golden.steps import (
    Balance,
    Cancel,
    CancelAtEnd,
    Later,
    NoInvoice,
    Refund,
    Refunded,
    Renewed,
    Standing,
    Stay,
    Subscribe,
)

CANCEL = "billing/subscriptions/cancel"
SCHEDULES = "billing/subscriptions/subscription-schedules"
CREDITS = "billing/subscriptions/prorations#credit-prorations"
SMALL, LARGE = {"plan": Price(1900)}, {"plan": Price(4900)}

CANCELLED = (
    Case(
        "cancelled_now_with_a_credit",
        CANCEL,
        "half of April: -1900/2 = -950, kept as the customer's balance",
        "2027-04-01",
        (
            Subscribe(SMALL),
            Cancel("2027-04-16", prorate=True, invoice_now=True),
            Invoiced((-950,), total=-950),
            Balance(-950),
            Standing("canceled"),
        ),
    ),
    Case(
        "cancelled_now_with_a_credit_that_waits",
        CANCEL,
        "prorate without invoice_now: -950 is a pending item and neither invoiced nor in the balance, 0",
        "2027-04-01",
        (
            Subscribe(SMALL),
            Invoiced((1900,), total=1900),
            Cancel("2027-04-16", prorate=True),
            NoInvoice(),
            Balance(0),
            Standing("canceled"),
        ),
    ),
    Case(
        "cancelled_now_without_a_credit",
        CANCEL,
        "neither prorate nor invoice_now: 0 comes back, 0 more is due",
        "2027-04-01",
        (
            Subscribe(SMALL),
            Invoiced((1900,), total=1900),
            Cancel("2027-04-16"),
            NoInvoice(),
            Balance(0),
            Standing("canceled"),
        ),
    ),
    Case(
        "cancelled_now_and_the_unused_part_refunded",
        "refunds",
        "12 April 6:00: 18.75 of 30 d are left: 1900 * 18.75/30 = 1187.5; 1187 is refunded of 1900",
        "2027-04-01",
        (
            Subscribe(SMALL),
            Cancel("2027-04-12 06:00:00"),
            Refund(1187),
            Refunded(1187),
            Balance(0),
        ),
    ),
    Case(
        "cancelled_now_with_seats",
        CANCEL,
        "14 of 31 d: -1900 * 14/31 = -858.06 → -858; -4 * 500 * 14/31 = -903.23 → -903; together -1761",
        "2027-03-01",
        (
            Subscribe(SMALL | {"seats": Price(500) * 4}),
            Cancel("2027-03-18", prorate=True, invoice_now=True),
            Invoiced((-858, -903), total=-1761),
            Balance(-1761),
        ),
    ),
    Case(
        "cancelled_after_a_change_that_was_not_billed",
        CREDITS,
        "4800 were never billed, 1800 were: 10 of 30 d of those come back, -600",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1800)}),
            Change("2027-04-11", {"plan": Price(4800)}, "none"),
            Cancel("2027-04-21", prorate=True, invoice_now=True),
            Invoiced((-600,), total=-600),
            Balance(-600),
        ),
    ),
    Case(
        "cancelled_at_the_period_s_end",
        CANCEL,
        "paid until 1 May, and no invoice then",
        "2027-04-01",
        (
            Subscribe(SMALL),
            Invoiced((1900,), total=1900),
            CancelAtEnd("2027-04-16"),
            Standing("active", until="2027-05-01"),
            Renewed("2027-05-01"),
            Standing("canceled"),
            NoInvoice(),
            Balance(0),
        ),
    ),
)

SCHEDULED = (
    Case(
        "down_at_the_period_s_end",
        SCHEDULES,
        "4900 for March stays paid; 1900 from 1 April on, no credit; released afterwards, 1900 again in May",
        "2027-03-01",
        (
            Subscribe(LARGE),
            Invoiced((4900,), total=4900),
            Later(SMALL),
            NoInvoice(),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900),
            Balance(0),
            Renewed("2027-05-01"),
            Invoiced((1900,), total=1900),
        ),
        platform="downgrade",
    ),
    Case(
        "year_to_month_at_the_year_s_end",
        SCHEDULES,
        "19000 for 2027; 1900 a month from 1 January 2028 on",
        "2027-01-01",
        (
            Subscribe({"plan": Price(19_000, "year")}),
            Invoiced((19_000,), total=19_000),
            Later(SMALL),
            Renewed("2028-01-01"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2028-02-01"),
            Balance(0),
        ),
        platform="downgrade",
    ),
    Case(
        "fewer_seats_at_the_period_s_end",
        SCHEDULES,
        "1900 + 5 * 500 = 4400 for March; 1900 + 3 * 500 = 3400 for April",
        "2027-03-01",
        (
            Subscribe(SMALL | {"seats": Price(500) * 5}),
            Invoiced((1900, 2500), total=4400),
            Later(SMALL | {"seats": Price(500) * 3}),
            Renewed("2027-04-01"),
            Invoiced((1900, 1500), total=3400),
        ),
    ),
    Case(
        "staying_after_all",
        SCHEDULES,
        "the schedule is released before 1 April: 4900 as before",
        "2027-03-01",
        (
            Subscribe(LARGE),
            Invoiced((4900,), total=4900),
            Later(SMALL),
            Stay(),
            Renewed("2027-04-01"),
            Invoiced((4900,), total=4900),
        ),
        platform="downgrade",
    ),
)

CASES = CANCELLED + SCHEDULED
