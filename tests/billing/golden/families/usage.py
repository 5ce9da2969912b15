"""Metered usage, billed in arrears beside a plan that is billed in advance."""

from tests.billing.golden.model import Case, Change, Coupon, Invoiced, Price, Tax, Tier
from tests.billing.golden.steps import Cancel, Renewed, Subscribe, Used

USAGE = "billing/subscriptions/usage-based"
TIERED = "subscriptions/pricing-models/tiered-pricing"
DECIMALS = "billing/subscriptions/decimal-amounts"
COMPARE = "billing/subscriptions/billing-mode/compare#bill-usage-based-items-based-on-price-at-time-of-reporting"
PLAN = Price(1900)


def _beyond(included: int, unit: str) -> Price:
    """So many for nothing, the others at a price each."""
    return Price(tiers=(Tier(included, "0"), Tier(None, unit)), metered=True)


CALLS = {"plan": PLAN, "calls": _beyond(10_000, "0.04")}

CASES = (
    Case(
        "usage_beyond_what_is_included",
        USAGE,
        "4000 + 4000 + 4500 = 12500 calls in April, 2500 beyond: 2500 * 0.04 = 100; May's plan 1900; together 2000",
        "2027-04-01",
        (
            Subscribe(CALLS),
            Invoiced((1900,), total=1900),
            Used("2027-04-05", (4000, 4000)),
            Used("2027-04-20", (4500,)),
            Renewed("2027-05-01"),
            Invoiced((100, 1900), total=2000, apart=False),
        ),
    ),
    Case(
        "usage_that_is_just_included",
        TIERED,
        "10000 of 10000: 0; 1900",
        "2027-04-01",
        (
            Subscribe(CALLS),
            Used("2027-04-05", (10_000,)),
            Renewed("2027-05-01"),
            Invoiced((0, 1900), total=1900, apart=False),
        ),
    ),
    Case(
        "usage_one_unit_beyond",
        TIERED,
        "1 * 30 = 30; 1930",
        "2027-04-01",
        (
            Subscribe({"plan": PLAN, "calls": _beyond(10_000, "30")}),
            Used("2027-04-05", (10_001,)),
            Renewed("2027-05-01"),
            Invoiced((30, 1900), total=1930, apart=False),
        ),
    ),
    Case(
        "usage_that_comes_to_half_a_cent",
        DECIMALS,
        "beyond: 30 * 0.05 = 1.5 → 2; 1902",
        "2027-04-01",
        (
            Subscribe({"plan": PLAN, "calls": _beyond(1000, "0.05")}),
            Used("2027-04-05", (1030,)),
            Renewed("2027-05-01"),
            Invoiced((2, 1900), total=1902, apart=False),
        ),
    ),
    Case(
        "usage_of_each_month_by_itself",
        USAGE,
        "April 2500 beyond = 100, May 1000 beyond = 40: the first 10000 are included again",
        "2027-04-01",
        (
            Subscribe(CALLS),
            Used("2027-04-05", (12_500,)),
            Renewed("2027-05-01"),
            Invoiced((100, 1900), total=2000, apart=False),
            Used("2027-05-10", (11_000,)),
            Renewed("2027-06-01"),
            Invoiced((40, 1900), total=1940, apart=False),
        ),
    ),
    Case(
        "no_usage",
        USAGE,
        "nothing was used: 0; May's plan 1900",
        "2027-04-01",
        (Subscribe(CALLS), Renewed("2027-05-01"), Invoiced((0, 1900), total=1900, apart=False)),
    ),
    Case(
        "usage_in_yen",
        "currencies#zero-decimal",
        "beyond: 1001 * 0.5 = 500.5 → ¥501; the plan ¥980; together ¥1,481",
        "2027-04-01",
        (
            Subscribe({"plan": Price(980), "calls": _beyond(1000, "0.5")}),
            Used("2027-04-05", (2001,)),
            Renewed("2027-05-01"),
            Invoiced((501, 980), total=1481, apart=False),
        ),
        currency="jpy",
    ),
    Case(
        "usage_with_a_coupon_and_tax",
        "billing/subscriptions/coupons",
        "2500 * 0.04 = 100, the plan 1900; 2000 * 50 % = 1000; 1000 * 20 % = 200; 1200",
        "2027-04-01",
        (
            Subscribe(CALLS, coupons=(Coupon(percent=50, duration="forever"),), taxes=(Tax(20),)),
            Invoiced((1900,), discount=950, tax=190, total=1140),
            Used("2027-04-05", (12_500,)),
            Renewed("2027-05-01"),
            Invoiced((100, 1900), discount=1000, tax=200, total=1200, apart=False),
        ),
    ),
    Case(
        "usage_is_billed_when_cancelled_now",
        "billing/subscriptions/cancel",
        "invoice_now: 2500 * 0.04 = 100; the plan is not prorated",
        "2027-04-01",
        (
            Subscribe(CALLS),
            Used("2027-04-05", (12_500,)),
            Cancel("2027-04-16", invoice_now=True),
            Invoiced((100,), total=100, apart=False),
        ),
    ),
    Case(
        "usage_at_the_price_of_its_time",
        COMPARE,
        "the page's own example: 1000 * 0.1 = 100 before, 500 * 0.15 = 75 after; with the plan 2075",
        "2027-01-01",
        (
            Subscribe({"plan": PLAN, "calls": Price(decimal="0.1", metered=True)}),
            Used("2027-01-05", (1000,)),
            Change("2027-01-15", {"calls": Price(decimal="0.15", metered=True)}, "create_prorations"),
            Used("2027-01-20", (500,)),
            Renewed("2027-02-01"),
            Invoiced((100, 75, 1900), total=2075, apart=False),
        ),
    ),
    Case(
        "usage_is_not_prorated_with_the_plan",
        "billing/subscriptions/prorations#when-prorations-are-applied",
        "half of April for the plan: -1000/2 + 2000/2; the calls in arrears: 2500 beyond = 100, May 2000",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1000), "calls": _beyond(10_000, "0.04")}),
            Used("2027-04-05", (12_500,)),
            Change("2027-04-16", {"plan": Price(2000)}),
            Invoiced((-500, 1000), total=500, apart=False),
            Renewed("2027-05-01"),
            Invoiced((100, 2000), total=2100, apart=False),
        ),
    ),
)
