"""Where periods begin and end."""

from tests.billing.golden.model import Case, Change, Invoiced, Price
from tests.billing.golden.steps import NoInvoice, Renewed, Standing, Subscribe, TrialEnds

CYCLE = "billing/subscriptions/billing-cycle"
PLAN = {"plan": Price(1900)}

CASES = (
    Case(
        "from_31_january",
        CYCLE,
        "the page's own example: 28 February, then 31 March, 30 April; each month in full",
        "2027-01-31",
        (
            Subscribe(PLAN),
            Standing("active", until="2027-02-28"),
            Renewed("2027-02-28"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-03-31"),
            Renewed("2027-03-31"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-04-30"),
            Renewed("2027-04-30"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-05-31"),
        ),
    ),
    Case(
        "from_31_january_of_a_leap_year",
        CYCLE,
        "the page's own example: 29 February, then 31 March",
        "2028-01-31",
        (
            Subscribe(PLAN),
            Standing("active", until="2028-02-29"),
            Renewed("2028-02-29"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2028-03-31"),
        ),
    ),
    Case(
        "from_31_january_and_up_in_a_short_month",
        CYCLE,
        "31 January to 28 February are 28 d; on 14 February 14 are left: -500, +1000",
        "2027-01-31",
        (
            Subscribe({"plan": Price(1000)}),
            Change("2027-02-14", {"plan": Price(2000)}),
            Invoiced((-500, 1000), total=500),
            Standing("active", until="2027-02-28"),
        ),
        platform="upgrade",
    ),
    Case(
        "from_31_january_and_up_in_a_long_month",
        CYCLE,
        "28 February to 31 March are 31 d; on 17 March 14 are left: -858 + 2213 = 1355",
        "2027-01-31",
        (
            Subscribe(PLAN),
            Renewed("2027-02-28"),
            Change("2027-03-17", {"plan": Price(4900)}),
            Invoiced((-858, 2213), total=1355),
            Standing("active", until="2027-03-31"),
        ),
        platform="upgrade",
    ),
    Case(
        "a_year_from_29_february",
        CYCLE,
        "the anchor's month and day: 28 February 2029, the month's last day",
        "2028-02-29",
        (
            Subscribe({"plan": Price(19_000, "year")}),
            Invoiced((19_000,), total=19_000),
            Standing("active", until="2029-02-28"),
        ),
    ),
    Case(
        "from_the_16th_to_the_first",
        CYCLE,
        "15 of the 30 d that end on 1 May: 1900 * 15/30 = 950; then whole months",
        "2027-04-16",
        (
            Subscribe(PLAN, anchor="2027-05-01"),
            Invoiced((950,), total=950),
            Standing("active", until="2027-05-01"),
            Renewed("2027-05-01"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-06-01"),
        ),
    ),
    Case(
        "from_the_16th_to_the_first_for_nothing",
        CYCLE,
        "proration none: no invoice at all until 1 May, then 1900",
        "2027-04-16",
        (
            Subscribe(PLAN, anchor="2027-05-01", behaviour="none"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((1900,), total=1900),
        ),
    ),
    Case(
        "moved_by_a_trial",
        CYCLE + "#change-the-billing-period-using-a-trial-period",
        "the page's own example: on 15 July a trial until 1 August, for 0; nothing on the 23rd; 1900 on 1 August",
        "2027-06-23",
        (
            Subscribe(PLAN),
            Invoiced((1900,), total=1900),
            TrialEnds("2027-07-15", until="2027-08-01", behaviour="none"),
            Invoiced((0,), total=0),
            Renewed("2027-07-23"),
            NoInvoice(),
            Standing("trialing", until="2027-08-01", anchor="2027-08-01"),
            Renewed("2027-08-01"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-09-01"),
        ),
    ),
)
