"""Currencies with and without a minor unit, and prices with an amount for each currency."""

from tests.billing.golden.model import Case, Change, Coupon, Invoiced, Price
from tests.billing.golden.steps import Renewed, Subscribe

ZERO = "currencies#zero-decimal"
SEVERAL = "products-prices/how-products-and-prices-work#multiple-currencies"
SMALL = Price(1900, others=(("eur", 1700), ("gbp", 1500), ("jpy", 2980)))
LARGE = Price(4900, others=(("eur", 4500), ("gbp", 3900), ("jpy", 7980)))
YEARLY = Price(19_000, "year", others=(("eur", 17_000), ("gbp", 15_000), ("jpy", 29_800)))

CASES = (
    Case(
        "yen_are_charged_whole",
        ZERO,
        "unit_amount 2980 is ¥2,980",
        "2027-04-01",
        (Subscribe({"plan": Price(2980)}), Invoiced((2980,), total=2980)),
        currency="jpy",
    ),
    Case(
        "yen_up",
        ZERO,
        "20 of 30 d: -2980 * 2/3 = -1986.67 → -1987; 7980 * 2/3 = 5320; together ¥3,333",
        "2027-04-01",
        (
            Subscribe({"plan": Price(2980)}),
            Change("2027-04-11", {"plan": Price(7980)}),
            Invoiced((-1987, 5320), total=3333),
        ),
        currency="jpy",
        platform="upgrade",
    ),
    Case(
        "yen_up_in_a_month_of_31_days",
        ZERO,
        "14 of 31 d: -980 * 14/31 = -442.58 → -443; 1980 * 14/31 = 894.19 → 894; together ¥451",
        "2027-03-01",
        (
            Subscribe({"plan": Price(980)}),
            Change("2027-03-18", {"plan": Price(1980)}),
            Invoiced((-443, 894), total=451),
        ),
        currency="jpy",
        platform="upgrade",
    ),
    Case(
        "yen_year_up",
        ZERO,
        "183 of 365 d: -29800 * 183/365 = -14940.82 → -14941; 79800 * 183/365 = 40009.32 → 40009; together ¥25,068",
        "2027-01-01",
        (
            Subscribe({"plan": Price(29_800, "year")}),
            Change("2027-07-02", {"plan": Price(79_800, "year")}),
            Invoiced((-14_941, 40_009), total=25_068),
        ),
        currency="jpy",
        platform="upgrade",
    ),
    Case(
        "yen_off",
        ZERO,
        "2980 * 15 % = 447; ¥2,533",
        "2027-04-01",
        (
            Subscribe({"plan": Price(2980)}, coupons=(Coupon(percent=15),)),
            Invoiced((2980,), discount=447, total=2533),
        ),
        currency="jpy",
    ),
    Case(
        "euros_of_a_price_in_dollars",
        SEVERAL,
        "1700 is the euro's own amount, not 1900 converted; 14 of 31 d: -1700 * 14/31 = -767.74 → -768; "
        "4500 * 14/31 = 2032.26 → 2032; together 1264",
        "2027-03-01",
        (
            Subscribe({"plan": SMALL}),
            Invoiced((1700,), total=1700),
            Change("2027-03-18", {"plan": LARGE}),
            Invoiced((-768, 2032), total=1264),
            Renewed("2027-04-01"),
            Invoiced((4500,), total=4500),
        ),
        currency="eur",
        platform="upgrade",
    ),
    Case(
        "pounds_of_a_price_in_dollars_for_a_year",
        SEVERAL,
        "half of April: -1500/2 = -750; 15000; together 14250",
        "2027-04-01",
        (
            Subscribe({"plan": SMALL}),
            Invoiced((1500,), total=1500),
            Change("2027-04-16", {"plan": YEARLY}, anchor_now=True),
            Invoiced((-750, 15_000), total=14_250),
        ),
        currency="gbp",
        platform="interval",
    ),
    Case(
        "yen_of_a_price_in_dollars",
        SEVERAL,
        "¥2,980 each month",
        "2027-04-01",
        (
            Subscribe({"plan": SMALL}),
            Invoiced((2980,), total=2980),
            Renewed("2027-05-01"),
            Invoiced((2980,), total=2980),
        ),
        currency="jpy",
    ),
    Case(
        "dollars_of_a_price_with_other_currencies",
        SEVERAL,
        "14 of 31 d: -858 + 2213 = 1355",
        "2027-03-01",
        (
            Subscribe({"plan": SMALL}),
            Invoiced((1900,), total=1900),
            Change("2027-03-18", {"plan": LARGE}),
            Invoiced((-858, 2213), total=1355),
        ),
        platform="upgrade",
    ),
)
