"""Discounts in per cent and in money, by coupon and by promotion code, alone and with prorations."""

from tests.billing.golden.model import Case, Change, Coupon, Invoiced, Price
from tests.billing.golden.steps import Balance, Cancel, NoInvoice, Redeem, Renewed, Subscribe

COUPONS = "billing/subscriptions/coupons"
STACKED = COUPONS + "#stackable-coupons-and-promotion-codes"
CREDITS = "billing/subscriptions/prorations#credit-prorations"
SMALL, LARGE = {"plan": Price(1900)}, {"plan": Price(4900)}
YEARLY = {"plan": Price(19_000, "year")}

ALONE = (
    Case(
        "percent_once",
        COUPONS,
        "1900 * 25 % = 475; 1425; the next one in full",
        "2027-03-01",
        (
            Subscribe(SMALL, coupons=(Coupon(percent=25),)),
            Invoiced((1900,), discount=475, total=1425),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900),
        ),
    ),
    Case(
        "percent_for_three_months",
        COUPONS,
        "4900 * 10 % = 490; 4410 in March, April and May; 4900 in June",
        "2027-03-01",
        (
            Subscribe(LARGE, coupons=(Coupon(percent=10, duration="repeating", months=3),)),
            Invoiced((4900,), discount=490, total=4410),
            Renewed("2027-04-01"),
            Invoiced((4900,), discount=490, total=4410),
            Renewed("2027-05-01"),
            Invoiced((4900,), discount=490, total=4410),
            Renewed("2027-06-01"),
            Invoiced((4900,), total=4900),
        ),
    ),
    Case(
        "percent_for_four_months_on_a_year",
        COUPONS,
        "the page: a coupon of 4 months discounts the whole yearly invoice; 19000 * 50 % = 9500",
        "2027-03-01",
        (
            Subscribe(YEARLY, coupons=(Coupon(percent=50, duration="repeating", months=4),)),
            Invoiced((19_000,), discount=9500, total=9500),
            Renewed("2028-03-01"),
            Invoiced((19_000,), total=19_000),
        ),
    ),
    Case(
        "percent_that_is_no_whole_cent",
        COUPONS,
        "1999 * 12.5 % = 249.875 → 250; 1749",
        "2027-03-01",
        (
            Subscribe({"plan": Price(1999)}, coupons=(Coupon(percent=12.5),)),
            Invoiced((1999,), discount=250, total=1749),
        ),
    ),
    Case(
        "all_of_it",
        COUPONS,
        "1900 * 100 % = 1900; 0, each month",
        "2027-03-01",
        (
            Subscribe(SMALL, coupons=(Coupon(percent=100, duration="forever"),)),
            Invoiced((1900,), discount=1900, total=0),
            Renewed("2027-04-01"),
            Invoiced((1900,), discount=1900, total=0),
        ),
    ),
    Case(
        "amount_for_ever",
        COUPONS,
        "1900 - 500 = 1400, each month",
        "2027-03-01",
        (
            Subscribe(SMALL, coupons=(Coupon(off=500, duration="forever"),)),
            Invoiced((1900,), discount=500, total=1400),
            Renewed("2027-04-01"),
            Invoiced((1900,), discount=500, total=1400),
        ),
    ),
    Case(
        "amount_beyond_the_invoice",
        COUPONS,
        "5000 off 1900 takes 1900 and no more; nothing is carried over",
        "2027-03-01",
        (
            Subscribe(SMALL, coupons=(Coupon(off=5000),)),
            Invoiced((1900,), discount=1900, total=0),
            Balance(0),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900),
        ),
    ),
    Case(
        "percent_and_then_amount",
        STACKED,
        "in the order in which they are given: 4900 * 10 % = 490, then 300: 490 + 300 = 790; 4110",
        "2027-03-01",
        (
            Subscribe(LARGE, coupons=(Coupon(percent=10), Coupon(off=300))),
            Invoiced((4900,), discount=790, total=4110),
        ),
    ),
    Case(
        "amount_and_then_percent",
        STACKED,
        "in the order in which they are given: 300, then 4600 * 10 % = 460: 300 + 460 = 760; 4140",
        "2027-03-01",
        (
            Subscribe(LARGE, coupons=(Coupon(off=300), Coupon(percent=10))),
            Invoiced((4900,), discount=760, total=4140),
        ),
    ),
    Case(
        "percent_of_one_product",
        COUPONS,
        "1900 * 50 % = 950; the seats 2 * 500 in full: 1900 + 1000 - 950 = 1950",
        "2027-03-01",
        (
            Subscribe(SMALL | {"seats": Price(500) * 2}, coupons=(Coupon(percent=50, only="plan"),)),
            Invoiced((1900, 1000), discount=950, total=1950),
        ),
    ),
    Case(
        "promotion_code",
        COUPONS + "#promotion-codes",
        "4900 * 20 % = 980; 3920; once",
        "2027-03-01",
        (
            Subscribe(LARGE, coupons=(Coupon(percent=20, code=True),)),
            Invoiced((4900,), discount=980, total=3920),
            Renewed("2027-04-01"),
            Invoiced((4900,), total=4900),
        ),
        platform="promotion code",
    ),
    Case(
        "promotion_code_for_an_amount",
        COUPONS + "#promotion-codes",
        "19000 - 2500 = 16500",
        "2027-03-01",
        (
            Subscribe(YEARLY, coupons=(Coupon(off=2500, code=True),)),
            Invoiced((19_000,), discount=2500, total=16_500),
        ),
        platform="promotion code",
    ),
)

LATER = (
    Case(
        "promotion_code_in_the_middle_of_a_month",
        STACKED,
        "no proration and no invoice; the next one has it: 4900 * 20 % = 980; 3920; then 4900 again",
        "2027-04-01",
        (
            Subscribe(LARGE),
            Invoiced((4900,), total=4900),
            Redeem("2027-04-16", Coupon(percent=20, code=True)),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((4900,), discount=980, total=3920),
            Renewed("2027-06-01"),
            Invoiced((4900,), total=4900),
        ),
        platform="promotion code",
    ),
)

WITH_PRORATIONS = (
    Case(
        "lasting_percent_and_a_larger_plan",
        "billing/subscriptions/prorations#prorations-and-discounts",
        "half of April at half the price: -1000/2 * 50 % = -250; 2000/2 * 50 % = 500; together 250",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1000)}, coupons=(Coupon(percent=50, duration="forever"),)),
            Invoiced((1000,), discount=500, total=500),
            Change("2027-04-16", {"plan": Price(2000)}),
            Invoiced((-250, 500), total=250, net=True),
            Renewed("2027-05-01"),
            Invoiced((2000,), discount=1000, total=1000),
        ),
    ),
    Case(
        "percent_ends_with_the_change",
        "billing/subscriptions/prorations#prorations-and-discounts",
        "500 was billed, half of it comes back: -250; half of the new plan without the discount: 2000/2 = 1000; 750",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1000)}, coupons=(Coupon(percent=50, duration="forever"),)),
            Invoiced((1000,), discount=500, total=500),
            Change("2027-04-16", {"plan": Price(2000)}, without_coupons=True),
            Invoiced((-250, 1000), total=750, net=True),
        ),
    ),
    Case(
        "used_up_percent_and_a_larger_plan",
        CREDITS,
        "2000 - 500 = 1500 was billed, half of it comes back: -750; 4000/2 = 2000 without a discount; together 1250",
        "2027-04-01",
        (
            Subscribe({"plan": Price(2000)}, coupons=(Coupon(percent=25),)),
            Invoiced((2000,), discount=500, total=1500),
            Change("2027-04-16", {"plan": Price(4000)}),
            Invoiced((-750, 2000), total=1250, net=True),
        ),
    ),
    Case(
        "used_up_amount_and_a_cancellation",
        CREDITS,
        "2000 - 500 = 1500 was billed, half of it comes back: -750",
        "2027-04-01",
        (
            Subscribe({"plan": Price(2000)}, coupons=(Coupon(off=500),)),
            Invoiced((2000,), discount=500, total=1500),
            Cancel("2027-04-16", prorate=True, invoice_now=True),
            Invoiced((-750,), total=-750, net=True),
            Balance(-750),
        ),
    ),
    Case(
        "amount_over_two_items_of_which_one_goes",
        CREDITS,
        "the page's own example: of 5 USD off 10 + 20 USD, 166 fall to the first; half of February: "
        "(1000 - 166) * 14/28 = 417 comes back",
        "2027-02-01",
        (
            Subscribe({"a": Price(1000), "b": Price(2000)}, coupons=(Coupon(off=500, duration="forever"),)),
            Invoiced((1000, 2000), discount=500, total=2500),
            Change("2027-02-15", {"a": None}),
            Invoiced((-417,), total=-417, net=True),
            Balance(-417),
        ),
    ),
)

CASES = ALONE + LATER + WITH_PRORATIONS
