"""From month to year and back. A new period starts with the change because it asks for that: flexible subscriptions
never reset their anchor by themselves."""

from tests.billing.golden.model import Case, Change, Invoiced, Previewed, Price
from tests.billing.golden.steps import Balance, Renewed, Standing, Subscribe

CYCLE = "billing/subscriptions/billing-cycle#reset-the-billing-period-to-the-current-time"
COMPARE = "billing/subscriptions/billing-mode/compare#reset-the-billing-cycle-anchor"
PRORATIONS = "billing/subscriptions/prorations"
MONTH, YEAR = Price(1900), Price(19_000, "year")
_YEARLY_FROM_18_MARCH = Change("2027-03-18", {"plan": YEAR}, anchor_now=True)

CASES = (
    Case(
        "month_to_year",
        CYCLE,
        "-1900 * 14/31 = -858.06 → -858; a whole year from now on 19000; together 18142",
        "2027-03-01",
        (
            Subscribe({"plan": MONTH}),
            Previewed(_YEARLY_FROM_18_MARCH, Invoiced((-858, 19_000), total=18_142)),
            _YEARLY_FROM_18_MARCH,
            Invoiced((-858, 19_000), total=18_142),
            Standing("active", until="2028-03-18", anchor="2027-03-18"),
        ),
        platform="interval",
    ),
    Case(
        "month_to_year_on_the_first_day",
        CYCLE,
        "nothing of the month is used: -1900; 19000; together 17100",
        "2027-03-01",
        (
            Subscribe({"plan": MONTH}),
            Change("2027-03-01", {"plan": YEAR}, anchor_now=True),
            Invoiced((-1900, 19_000), total=17_100),
            Standing("active", until="2028-03-01"),
        ),
        platform="interval",
    ),
    Case(
        "month_to_a_larger_year",
        CYCLE,
        "half of April: -1900/2 = -950; 49000; together 48050",
        "2027-04-01",
        (
            Subscribe({"plan": MONTH}),
            Change("2027-04-16", {"plan": Price(49_000, "year")}, anchor_now=True),
            Invoiced((-950, 49_000), total=48_050),
        ),
        platform="interval",
    ),
    Case(
        "month_to_year_without_proration",
        CYCLE,
        "no credit for the rest of the month, 19000 for the year",
        "2027-03-01",
        (
            Subscribe({"plan": MONTH}),
            Change("2027-03-18", {"plan": YEAR}, "none", anchor_now=True),
            Invoiced((19_000,), total=19_000),
            Standing("active", until="2028-03-18"),
        ),
    ),
    Case(
        "month_to_year_in_the_old_rhythm",
        COMPARE,
        "the anchor stays 1 March, so the year ends on 1 March 2028; 349 of its 366 d are left: "
        "19000 * 349/366 = 18117.49 → 18117; -1900 * 14/31 = -858.06 → -858; together 17259",
        "2027-03-01",
        (
            Subscribe({"plan": MONTH}),
            Change("2027-03-18", {"plan": YEAR}),
            Invoiced((-858, 18_117), total=17_259),
            Standing("active", until="2028-03-01", anchor="2027-03-01"),
        ),
    ),
    Case(
        "year_to_month_at_once",
        CYCLE,
        "2 July is day 183 of 365, 183 are left: -19000 * 183/365 = -9526.03 → -9526; 1900; "
        "-7626 stays with the customer; the next month takes 1900 of it: -5726",
        "2027-01-01",
        (
            Subscribe({"plan": YEAR}),
            Change("2027-07-02", {"plan": MONTH}, anchor_now=True),
            Invoiced((-9526, 1900), total=-7626),
            Balance(-7626),
            Standing("active", until="2027-08-02"),
            Renewed("2027-08-02"),
            Invoiced((1900,), total=1900, due=0),
            Balance(-5726),
        ),
    ),
    Case(
        "year_to_a_larger_year_in_a_leap_year",
        PRORATIONS,
        "1 July 2028 has 182 of 366 days behind it, 184 are left: -19000 * 184/366 = -9551.91 → -9552; "
        "49000 * 184/366 = 24633.88 → 24634; together 15082",
        "2028-01-01",
        (
            Subscribe({"plan": YEAR}),
            Change("2028-07-01", {"plan": Price(49_000, "year")}),
            Invoiced((-9552, 24_634), total=15_082),
            Standing("active", until="2029-01-01"),
        ),
        platform="upgrade",
    ),
    Case(
        "year_to_a_larger_year_after_a_day",
        PRORATIONS,
        "364 of 365 d: -19000 * 364/365 = -18947.95 → -18948; 49000 * 364/365 = 48865.75 → 48866; together 29918",
        "2027-01-01",
        (
            Subscribe({"plan": YEAR}),
            Change("2027-01-02", {"plan": Price(49_000, "year")}),
            Invoiced((-18_948, 48_866), total=29_918),
        ),
        platform="upgrade",
    ),
    Case(
        "a_new_period_with_the_same_plan",
        CYCLE,
        "half of April: -950; a whole month from the 16th 1900; together 950",
        "2027-04-01",
        (
            Subscribe({"plan": MONTH}),
            Change("2027-04-16", {}, anchor_now=True),
            Invoiced((-950, 1900), total=950),
            Standing("active", until="2027-05-16"),
        ),
    ),
)
