"""Graduated and volume tiers at their edges, packages, prices that are no whole minor unit."""

from tests.billing.golden.model import Case, Change, Invoiced, Price, Step, Tier
from tests.billing.golden.steps import Subscribe

TIERED = "subscriptions/pricing-models/tiered-pricing"
DECIMALS = "billing/subscriptions/decimal-amounts"
PACKAGES = "api/prices/create#create_price-transform_quantity"
FONTS = (Tier(5, "700"), Tier(10, "650"), Tier(None, "600"))  # the page's own
FEES = (Tier(5, "0", flat=1000), Tier(None, "200", flat=500))
GRADUATED, VOLUME = Price(tiers=FONTS), Price(tiers=FONTS, mode="volume")
PLAN = Price(1900)


def _bought(price: Price, quantity: int, *lines: int) -> tuple[Step, ...]:
    return Subscribe({"fonts": price * quantity}), Invoiced(lines, total=sum(lines), apart=False)


GRADUATED_TIERS = (
    Case("graduated_last_of_the_first_tier", TIERED, "5 * 700 = 3500", "2027-03-01", _bought(GRADUATED, 5, 3500)),
    Case(
        "graduated_first_of_the_second_tier",
        TIERED,
        "5 * 700 + 1 * 650 = 4150",
        "2027-03-01",
        _bought(GRADUATED, 6, 3500, 650),
    ),
    Case(
        "graduated_last_of_the_second_tier",
        TIERED,
        "5 * 700 + 5 * 650 = 6750",
        "2027-03-01",
        _bought(GRADUATED, 10, 3500, 3250),
    ),
    Case(
        "graduated_into_the_third_tier",
        TIERED,
        "5 * 700 + 5 * 650 + 10 * 600 = 12750",
        "2027-03-01",
        _bought(GRADUATED, 20, 3500, 3250, 6000),
    ),
    Case(
        "graduated_with_fees",
        TIERED,
        "the fee of each tier that is reached: 1000 + 5 * 0, 500 + 1 * 200; 1700",
        "2027-03-01",
        _bought(Price(tiers=FEES), 6, 1000, 700),
    ),
    Case(
        "graduated_more_in_the_middle",
        TIERED,
        "half of April: -3500/2 = -1750; 3500/2 = 1750 and 3250/2 = 1625; together 1625",
        "2027-04-01",
        (
            Subscribe({"fonts": GRADUATED * 5}),
            Invoiced((3500,), total=3500, apart=False),
            Change("2027-04-16", {"fonts": GRADUATED * 10}),
            Invoiced((-1750, 1750, 1625), total=1625, apart=False),
        ),
    ),
)

VOLUME_TIERS = (
    Case("volume_last_of_the_first_tier", TIERED, "the page: 5 * 700 = 3500", "2027-03-01", _bought(VOLUME, 5, 3500)),
    Case(
        "volume_first_of_the_second_tier",
        TIERED,
        "the page: all at the second price, 6 * 650 = 3900",
        "2027-03-01",
        _bought(VOLUME, 6, 3900),
    ),
    Case(
        "volume_first_of_the_third_tier",
        TIERED,
        "11 * 600 = 6600, less than 10 * 650 + 600",
        "2027-03-01",
        _bought(VOLUME, 11, 6600),
    ),
    Case("volume_of_twenty", TIERED, "the page: 20 * 600 = 12000", "2027-03-01", _bought(VOLUME, 20, 12_000)),
    Case(
        "volume_with_fees",
        TIERED,
        "the fee of the one tier that counts: 6 * 200 + 500 = 1700; 5 would be 1000",
        "2027-03-01",
        _bought(Price(tiers=FEES, mode="volume"), 6, 1700),
    ),
    Case(
        "volume_over_the_edge_in_the_middle",
        TIERED,
        "half of April: -3500/2 = -1750; 3900/2 = 1950; together 200",
        "2027-04-01",
        (
            Subscribe({"fonts": VOLUME * 5}),
            Invoiced((3500,), total=3500),
            Change("2027-04-16", {"fonts": VOLUME * 6}),
            Invoiced((-1750, 1950), total=200),
        ),
    ),
)

PARTS = (
    Case(
        "decimal_amount_is_rounded_after_multiplying",
        DECIMALS,
        "the page's own example: 0.05 * 30 = 1.5 → 2; with the plan 1902",
        "2027-03-01",
        (
            Subscribe({"plan": PLAN, "megabytes": Price(decimal="0.05") * 30}),
            Invoiced((1900, 2), total=1902),
        ),
    ),
    Case(
        "decimal_amounts_are_rounded_line_by_line",
        DECIMALS,
        "105.4 * 3 = 316.2 → 316; 0.4 * 1001 = 400.4 → 400; together 716, where the sum of both would be 716.6",
        "2027-03-01",
        (
            Subscribe({"a": Price(decimal="105.4") * 3, "b": Price(decimal="0.4") * 1001}),
            Invoiced((316, 400), total=716),
        ),
    ),
    Case(
        "packages_rounded_up",
        PACKAGES,
        "12 in packages of 5, up: 3 * 1000 = 3000",
        "2027-03-01",
        (Subscribe({"seats": Price(1000, package=5) * 12}), Invoiced((3000,), total=3000)),
    ),
    Case(
        "packages_rounded_down",
        PACKAGES,
        "12 in packages of 5, down: 2 * 1000 = 2000",
        "2027-03-01",
        (Subscribe({"seats": Price(1000, package=5, rounded="down") * 12}), Invoiced((2000,), total=2000)),
    ),
    Case(
        "packages_that_are_full",
        PACKAGES,
        "10 are 2 packages, 11 are 3: half of April: -2000/2 = -1000, 3000/2 = 1500; together 500",
        "2027-04-01",
        (
            Subscribe({"seats": Price(1000, package=5) * 10}),
            Invoiced((2000,), total=2000),
            Change("2027-04-16", {"seats": Price(1000, package=5) * 11}),
            Invoiced((-1000, 1500), total=500),
        ),
    ),
)

CASES = GRADUATED_TIERS + VOLUME_TIERS + PARTS
