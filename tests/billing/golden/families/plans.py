"""A larger or a smaller plan in the middle of a period of the same length."""

from tests.billing.golden.model import Case, Change, Invoiced, Previewed, Price
from tests.billing.golden.steps import Balance, NoInvoice, Renewed, Standing, Subscribe

PRORATIONS = "billing/subscriptions/prorations"
PRICES = "billing/subscriptions/change-price"
TEN, TWENTY = Price(1000), Price(2000)
SMALL, LARGE = Price(1900), Price(4900)

_UP_ON_18_MARCH = Change("2027-03-18", {"plan": LARGE}, date="2027-03-18")

UP = (
    Case(
        "up_at_half_of_april",
        PRORATIONS,
        "the page's own example: -10 USD * 15/30 d = -500; +20 USD * 15/30 d = 1000; together 500",
        "2027-04-01",
        (
            Subscribe({"plan": TEN}),
            Invoiced((1000,), total=1000),
            Change("2027-04-16", {"plan": TWENTY}),
            Invoiced((-500, 1000), total=500),
            Standing("active", until="2027-05-01"),
            Balance(0),
        ),
        platform="upgrade",
    ),
    Case(
        "up_in_a_month_of_31_days",
        PRORATIONS,
        "14 of 31 days are left: -1900 * 14/31 = -858.06 → -858; 4900 * 14/31 = 2212.90 → 2213; 2213 - 858 = 1355",
        "2027-03-01",
        (
            Subscribe({"plan": SMALL}),
            Change("2027-03-18", {"plan": LARGE}),
            Invoiced((-858, 2213), total=1355),
            Renewed("2027-04-01"),
            Invoiced((4900,), total=4900),
        ),
        platform="upgrade",
    ),
    Case(
        "up_in_february",
        PRORATIONS,
        "21 of 28 days are left, 3/4: -1900 * 3/4 = -1425; 4900 * 3/4 = 3675; together 2250",
        "2027-02-01",
        (
            Subscribe({"plan": SMALL}),
            Change("2027-02-08", {"plan": LARGE}),
            Invoiced((-1425, 3675), total=2250),
        ),
        platform="upgrade",
    ),
    Case(
        "up_in_the_february_of_a_leap_year",
        PRORATIONS,
        "22 of 29 days: -1900 * 22/29 = -1441.38 → -1441; 4900 * 22/29 = 3717.24 → 3717; together 2276",
        "2028-02-01",
        (
            Subscribe({"plan": SMALL}),
            Change("2028-02-08", {"plan": LARGE}),
            Invoiced((-1441, 3717), total=2276),
            Standing("active", until="2028-03-01"),
        ),
        platform="upgrade",
    ),
    Case(
        "up_to_the_second",
        PRORATIONS,
        "20 April 13:37:11 is 49,031 s into its day; left are 11 * 86,400 - 49,031 = 901,369 of "
        "30 * 86,400 = 2,592,000 s; "
        "-1900 * 901369/2592000 = -660.73 → -661; 4900 * 901369/2592000 = 1703.98 → 1704; together 1043",
        "2027-04-01",
        (
            Subscribe({"plan": SMALL}),
            Change("2027-04-20 13:37:11", {"plan": LARGE}),
            Invoiced((-661, 1704), total=1043),
        ),
        platform="upgrade",
    ),
    Case(
        "up_after_one_second",
        PRORATIONS,
        "2,591,999 of 2,592,000 s: -1900 * … = -1899.9993 → -1900; 4900 * … = 4899.998 → 4900; together 3000",
        "2027-04-01",
        (
            Subscribe({"plan": SMALL}),
            Change("2027-04-01 00:00:01", {"plan": LARGE}),
            Invoiced((-1900, 4900), total=3000),
        ),
        platform="upgrade",
    ),
    Case(
        "up_in_the_last_hour",
        PRORATIONS,
        "1 of 720 hours: -190000/720 = -263.89 → -264; 490000/720 = 680.56 → 681; together 417",
        "2027-04-01",
        (
            Subscribe({"plan": Price(190_000)}),
            Change("2027-04-30 23:00:00", {"plan": Price(490_000)}),
            Invoiced((-264, 681), total=417),
        ),
        platform="upgrade",
    ),
    Case(
        "up_in_a_period_that_starts_at_half_past_nine",
        PRORATIONS,
        "15 January 9:30 to 15 February 9:30 are 31 d = 744 h; from 1 February 0:00 14 d 9.5 h = 345.5 h are left; "
        "-1900 * 345.5/744 = -882.33 → -882; 4900 * 345.5/744 = 2275.47 → 2275; together 1393",
        "2027-01-15 09:30:00",
        (
            Subscribe({"plan": SMALL}),
            Change("2027-02-01", {"plan": LARGE}),
            Invoiced((-882, 2275), total=1393),
            Standing("active", until="2027-02-15 09:30:00"),
        ),
        platform="upgrade",
    ),
    Case(
        "up_twice",
        PRORATIONS,
        "20 of 30 d: -1800 * 2/3 = -1200, 4800 * 2/3 = 3200; 10 of 30 d: -4800/3 = -1600, 9600/3 = 3200",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1800)}),
            Change("2027-04-11", {"plan": Price(4800)}),
            Invoiced((-1200, 3200), total=2000),
            Change("2027-04-21", {"plan": Price(9600)}),
            Invoiced((-1600, 3200), total=1600),
            Renewed("2027-05-01"),
            Invoiced((9600,), total=9600),
        ),
        platform="upgrade",
    ),
    Case(
        "up_is_charged_as_it_was_previewed",
        PRORATIONS,
        "as of 18 March 0:00, though the change comes 90 s later: -1900 * 14/31 → -858; 4900 * 14/31 → 2213",
        "2027-03-01",
        (
            Subscribe({"plan": SMALL}),
            Previewed(_UP_ON_18_MARCH, Invoiced((-858, 2213), total=1355)),
            Change("2027-03-18 00:01:30", {"plan": LARGE}, date="2027-03-18"),
            Invoiced((-858, 2213), total=1355),
        ),
        platform="upgrade",
    ),
    Case(
        "up_as_of_an_earlier_day",
        PRORATIONS,
        "proration_date 16 April, half of 30 d, though it is the 20th: -500, +1000",
        "2027-04-01",
        (
            Subscribe({"plan": TEN}),
            Change("2027-04-20 12:34:56", {"plan": TWENTY}, date="2027-04-16"),
            Invoiced((-500, 1000), total=500),
        ),
    ),
    Case(
        "up_is_billed_with_the_renewal",
        PRICES,
        "half of April: -500 + 1000; May in advance 2000; together 2500",
        "2027-04-01",
        (
            Subscribe({"plan": TEN}),
            Invoiced((1000,), total=1000),
            Previewed(
                Change("2027-04-16", {"plan": TWENTY}, "create_prorations"),
                Invoiced((-500, 1000, 2000), total=2500),
            ),
            Change("2027-04-16", {"plan": TWENTY}, "create_prorations"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((-500, 1000, 2000), total=2500),
        ),
    ),
    Case(
        "up_twice_before_the_renewal",
        PRICES,
        "20 of 30 d: -900 * 2/3 = -600, 1800 * 2/3 = 1200; 10 of 30 d: -1800/3 = -600, 3600/3 = 1200; May 3600; 4800",
        "2027-04-01",
        (
            Subscribe({"plan": Price(900)}),
            Invoiced((900,), total=900),
            Change("2027-04-11", {"plan": Price(1800)}, "create_prorations"),
            Change("2027-04-21", {"plan": Price(3600)}, "create_prorations"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((-600, 1200, -600, 1200, 3600), total=4800),
        ),
    ),
    Case(
        "up_without_proration",
        PRORATIONS,
        "0 for the rest of April, 4900 in full for May",
        "2027-04-01",
        (
            Subscribe({"plan": SMALL}),
            Invoiced((1900,), total=1900),
            Change("2027-04-16", {"plan": LARGE}, "none"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((4900,), total=4900),
        ),
    ),
)

DOWN = (
    Case(
        "down_lowers_the_next_invoice",
        PRORATIONS,
        "half of April: -2000/2 = -1000, 1000/2 = 500; May in advance 1000; together 500",
        "2027-04-01",
        (
            Subscribe({"plan": TWENTY}),
            Invoiced((2000,), total=2000),
            Change("2027-04-16", {"plan": TEN}, "create_prorations"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((-1000, 500, 1000), total=500),
        ),
    ),
    Case(
        "down_at_once_leaves_a_balance",
        "billing/customer/balance",
        "-4900 * 14/31 = -2212.90 → -2213; 1900 * 14/31 = 858.06 → 858; -1355 stays with the "
        "customer; 1900 - 1355 = 545",
        "2027-03-01",
        (
            Subscribe({"plan": LARGE}),
            Change("2027-03-18", {"plan": SMALL}),
            Invoiced((-2213, 858), total=-1355),
            Balance(-1355),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900, due=545),
            Balance(0),
        ),
    ),
    Case(
        "down_credits_what_was_billed_not_what_it_would_have_cost",
        PRORATIONS + "#credit-prorations",
        "the page's own example (flexible): 20 USD were never billed, so -1000/3 = -333.33 → -333; "
        "1000/3 = 333.33 → 333",
        "2027-04-01",
        (
            Subscribe({"plan": TEN}),
            Invoiced((1000,), total=1000),
            Change("2027-04-11", {"plan": TWENTY}, "none"),
            NoInvoice(),
            Change("2027-04-21", {"plan": TEN}),
            Invoiced((-333, 333), total=0),
            Balance(0),
        ),
    ),
    Case(
        "up_and_down_again_in_one_month",
        PRORATIONS,
        "up for 20 of 30 d: -1200 + 3200; down for 10 of 30 d: -4800/3 = -1600, 1800/3 = 600; May 1800 - 1000 = 800",
        "2027-04-01",
        (
            Subscribe({"plan": Price(1800)}),
            Change("2027-04-11", {"plan": Price(4800)}),
            Invoiced((-1200, 3200), total=2000),
            Change("2027-04-21", {"plan": Price(1800)}, "create_prorations"),
            Renewed("2027-05-01"),
            Invoiced((-1600, 600, 1800), total=800),
        ),
    ),
)

CASES = UP + DOWN
