"""Tax on top of a price and inside it; with discounts tax is of what is left, and a credit takes its tax back."""

from tests.billing.golden.model import Case, Change, Coupon, Invoiced, Price, Tax
from tests.billing.golden.steps import Balance, Cancel, Subscribe

RATES = "billing/taxes/tax-rates"
RECURRING = "billing/taxes/collect-taxes?tax-calculation=tax-rates"
SMALL, LARGE = {"plan": Price(1900)}, {"plan": Price(4900)}
ON_TOP, INSIDE = (Tax(20),), (Tax(20, inclusive=True),)

CASES = (
    Case(
        "tax_on_top",
        RATES,
        "1900 * 20 % = 380; 2280",
        "2027-03-01",
        (Subscribe(SMALL, taxes=ON_TOP), Invoiced((1900,), tax=380, total=2280)),
    ),
    Case(
        "tax_on_top_that_is_no_whole_cent",
        RATES,
        "1999 * 19 % = 379.81 → 380; 2379",
        "2027-03-01",
        (Subscribe({"plan": Price(1999)}, taxes=(Tax(19),)), Invoiced((1999,), tax=380, total=2379)),
    ),
    Case(
        "tax_inside",
        RATES,
        "1900 * 20/120 = 316.67 → 317 of 1900",
        "2027-03-01",
        (Subscribe(SMALL, taxes=INSIDE), Invoiced((1900,), included=317, total=1900)),
    ),
    Case(
        "tax_inside_at_19_per_cent",
        RATES,
        "4900 * 19/119 = 782.35 → 782 of 4900",
        "2027-03-01",
        (Subscribe(LARGE, taxes=(Tax(19, inclusive=True),)), Invoiced((4900,), included=782, total=4900)),
        currency="eur",
    ),
    Case(
        "tax_inside_yen",
        RATES,
        "2980 * 10/110 = 270.91 → ¥271 of ¥2,980",
        "2027-03-01",
        (
            Subscribe({"plan": Price(2980)}, taxes=(Tax(10, inclusive=True),)),
            Invoiced((2980,), included=271, total=2980),
        ),
        currency="jpy",
    ),
    Case(
        "two_taxes_on_top",
        RATES,
        "4900 * 5 % = 245; 4900 * 9.975 % = 488.78 → 489; together 734; 5634",
        "2027-03-01",
        (Subscribe(LARGE, taxes=(Tax(5), Tax(9.975))), Invoiced((4900,), tax=734, total=5634)),
    ),
    Case(
        "tax_on_top_after_a_coupon",
        RATES,
        "1900 * 75 % = 1425; 1425 * 20 % = 285; 1710",
        "2027-03-01",
        (
            Subscribe(SMALL, coupons=(Coupon(percent=25),), taxes=ON_TOP),
            Invoiced((1900,), discount=475, tax=285, total=1710),
        ),
    ),
    Case(
        "tax_inside_after_a_coupon",
        RATES,
        "1900 * 90 % = 1710; 1710 * 20/120 = 285 of 1710",
        "2027-03-01",
        (
            Subscribe(SMALL, coupons=(Coupon(percent=10),), taxes=INSIDE),
            Invoiced((1900,), discount=190, included=285, total=1710),
        ),
    ),
    Case(
        "tax_on_top_of_two_items",
        RATES,
        "1900 * 20 % = 380; 3 * 500 * 20 % = 300; 3400 + 680 = 4080",
        "2027-03-01",
        (
            Subscribe(SMALL | {"seats": Price(500) * 3}, taxes=ON_TOP),
            Invoiced((1900, 1500), tax=680, total=4080),
        ),
    ),
    Case(
        "tax_on_top_of_a_larger_plan",
        RECURRING,
        "14 of 31 d: -858 * 20 % = -171.6 → -172; 2213 * 20 % = 442.6 → 443; together 271, as 1355 * 20 %; 1626",
        "2027-03-01",
        (
            Subscribe(SMALL, taxes=ON_TOP),
            Invoiced((1900,), tax=380, total=2280),
            Change("2027-03-18", LARGE),
            Invoiced((-858, 2213), tax=271, total=1626),
        ),
    ),
    Case(
        "tax_inside_a_larger_plan",
        RECURRING,
        "half of April at 25 %: -500 * 25/125 = -100; 1000 * 25/125 = 200; 100 of 500",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1000)}, taxes=(Tax(25, inclusive=True),)),
            Invoiced((1000,), included=200, total=1000),
            Change("2027-04-16", {"plan": Price(2000)}),
            Invoiced((-500, 1000), included=100, total=500),
        ),
    ),
    Case(
        "tax_comes_back_with_a_smaller_plan",
        RECURRING,
        "half of April: -4900/2 = -2450, tax -490; 1900/2 = 950, tax 190; -1500 - 300 = -1800",
        "2027-04-01",
        (
            Subscribe(LARGE, taxes=ON_TOP),
            Change("2027-04-16", SMALL),
            Invoiced((-2450, 950), tax=-300, total=-1800),
            Balance(-1800),
        ),
    ),
    Case(
        "tax_comes_back_with_a_cancellation",
        RECURRING,
        "half of April: -1900/2 = -950, tax -190; -1140",
        "2027-04-01",
        (
            Subscribe(SMALL, taxes=ON_TOP),
            Cancel("2027-04-16", prorate=True, invoice_now=True),
            Invoiced((-950,), tax=-190, total=-1140),
            Balance(-1140),
        ),
    ),
    Case(
        "tax_coupon_and_a_larger_plan",
        RECURRING,
        "half of April at half the price: -250, tax -50; 500, tax 100; 250 + 50 = 300",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1000)}, coupons=(Coupon(percent=50, duration="forever"),), taxes=ON_TOP),
            Invoiced((1000,), discount=500, tax=100, total=600),
            Change("2027-04-16", {"plan": Price(2000)}),
            Invoiced((-250, 500), tax=50, total=300, net=True),
        ),
    ),
)
