"""More and fewer seats in the middle of a period. A change credits all old seats and bills all new ones."""

from tests.billing.golden.model import Case, Change, Invoiced, Previewed, Price
from tests.billing.golden.steps import Balance, NoInvoice, Renewed, Subscribe

QUANTITIES = "billing/subscriptions/quantities"
PRORATIONS = "billing/subscriptions/prorations"
PLAN, SEAT = Price(1900), Price(500)
_SIX = Change("2027-03-18", {"seats": SEAT * 6})

CASES = (
    Case(
        "seats_more",
        QUANTITIES,
        "20 of 30 d: -3 * 700 * 2/3 = -1400; 5 * 700 * 2/3 = 2333.33 → 2333; together 933",
        "2027-04-01",
        (
            Subscribe({"seats": Price(700) * 3}),
            Change("2027-04-11", {"seats": Price(700) * 5}),
            Invoiced((-1400, 2333), total=933),
            Renewed("2027-05-01"),
            Invoiced((3500,), total=3500),
        ),
    ),
    Case(
        "seats_more_beside_a_plan",
        QUANTITIES,
        "14 of 31 d: -4 * 500 * 14/31 = -903.23 → -903; 6 * 500 * 14/31 = 1354.84 → 1355; together 452",
        "2027-03-01",
        (
            Subscribe({"plan": PLAN, "seats": SEAT * 4}),
            Invoiced((1900, 2000), total=3900),
            Previewed(_SIX, Invoiced((-903, 1355), total=452)),
            _SIX,
            Invoiced((-903, 1355), total=452),
            Renewed("2027-04-01"),
            Invoiced((1900, 3000), total=4900),
        ),
        platform="seats",
    ),
    Case(
        "the_first_extra_seat",
        PRORATIONS,
        "14 of 31 d: 500 * 14/31 = 225.81 → 226",
        "2027-03-01",
        (
            Subscribe({"plan": PLAN}),
            Change("2027-03-18", {"seats": SEAT}),
            Invoiced((226,), total=226),
            Renewed("2027-04-01"),
            Invoiced((1900, 500), total=2400),
        ),
        platform="seats",
    ),
    Case(
        "the_last_extra_seat_goes",
        PRORATIONS,
        "-500 * 14/31 = -225.81 → -226, kept for the next invoice: 1900 - 226 = 1674",
        "2027-03-01",
        (
            Subscribe({"plan": PLAN, "seats": SEAT}),
            Change("2027-03-18", {"seats": None}),
            Invoiced((-226,), total=-226),
            Balance(-226),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900, due=1674),
        ),
    ),
    Case(
        "seats_fewer_lower_the_next_invoice",
        QUANTITIES,
        "half of April: -5 * 700/2 = -1750; 3 * 700/2 = 1050; May 2100; together 1400",
        "2027-04-01",
        (
            Subscribe({"seats": Price(700) * 5}),
            Invoiced((3500,), total=3500),
            Change("2027-04-16", {"seats": Price(700) * 3}, "create_prorations"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((-1750, 1050, 2100), total=1400),
        ),
    ),
    Case(
        "seats_fewer_without_proration",
        PRORATIONS,
        "nothing comes back for April; May is 3 * 700 = 2100",
        "2027-04-01",
        (
            Subscribe({"plan": PLAN, "seats": Price(700) * 5}),
            Invoiced((1900, 3500), total=5400),
            Change("2027-04-16", {"seats": Price(700) * 3}, "none"),
            NoInvoice(),
            Renewed("2027-05-01"),
            Invoiced((1900, 2100), total=4000),
        ),
        platform="fewer seats",
    ),
    Case(
        "a_larger_plan_and_more_seats_in_one",
        PRORATIONS,
        "14 of 31 d: plan -858 + 2213; seats -903 + 1355; together 1807",
        "2027-03-01",
        (
            Subscribe({"plan": PLAN, "seats": SEAT * 4}),
            Change("2027-03-18", {"plan": Price(4900), "seats": SEAT * 6}),
            Invoiced((-858, 2213, -903, 1355), total=1807),
        ),
    ),
    Case(
        "seats_more_for_the_rest_of_a_year",
        QUANTITIES,
        "1 April: 275 of 365 d are left: -10 * 7200 * 275/365 = -54246.58 → -54247; "
        "15 * 7200 * 275/365 = 81369.86 → 81370; together 27123",
        "2027-01-01",
        (
            Subscribe({"seats": Price(7200, "year") * 10}),
            Change("2027-04-01", {"seats": Price(7200, "year") * 15}),
            Invoiced((-54_247, 81_370), total=27_123),
        ),
    ),
)
