"""From when on calls beyond the included are charged: what the invoice charges is what our page says, to the cent.

The clock begins some hours ago, so that hours which it shows are over by the database's clock too.
"""

from datetime import UTC, datetime

import pytest
from flask import Flask

from billing.entitlement import spending
from billing.entitlement.spending import Spending
from billing.mirrored import mirror
from billing.plans import catalog
from saas.core.database import transaction
from tests.billing.test_metering import HOUR, INCLUDED, agree, heard, look, period, report, use
from tests.support.clocks import Clocked, clocked
from tests.support.pages import words
from tests.support.payments import Stripe, location, plan_of, subscribe
from tests.support.people import Person

STARTER, MORE = 1_900, 2_000_000


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Starter since twenty past, ten hours ago: 200,000 calls, then 40 cents for each 1,000."""
    start = datetime.now(UTC).replace(minute=20, second=0, microsecond=0) - 10 * HOUR
    made = clocked(app, stripe, owner, start=start)
    subscribe(stripe, owner, "starter")
    return made


def at_half_past(clock: Clocked, hours: int) -> None:
    """So many hours later, in the middle of one."""
    clock.reach((clock.now + hours * HOUR).replace(minute=30))


def spent(app: Flask, owner: Person) -> Spending:
    with app.app_context(), transaction():
        found = spending.of(mirror.live(owner.tenant))
    assert found
    return found


def charged(app: Flask, owner: Person, stripe: Stripe, clock: Clocked) -> int:
    """What the renewal's invoice asks for."""
    _, end = period(app, owner)
    clock.reach(end + 3 * HOUR)
    found = stripe.shop.v1.invoices.list({"customer": clock.customer, "limit": 1}).data[0]
    assert found.billing_reason == "subscription_cycle"
    return int(found.total)


def change(owner: Person, stripe: Stripe, plan: str, interval: str) -> None:
    location(owner, owner.open(f"/billing/choose?plan={plan}&interval={interval}"), "/billing/change")
    stripe.deliver(owner.browser)


def test_calls_of_the_hour_of_agreeing_are_charged_as_the_page_says(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    at_half_past(clock, 2)
    use(app, owner, 50_000, clock.now)  # before: of these nobody is charged
    agree(owner, "1000")
    use(app, owner, INCLUDED + 100_000, clock.now)
    at_half_past(clock, 2)
    assert report(app, owner) == 1
    assert heard(owner, clock, stripe) == INCLUDED + 100_000
    shown = spent(app, owner)
    assert (shown.used, shown.cost) == (INCLUDED + 100_000, 4_000)
    assert charged(app, owner, stripe, clock) == STARTER + 4_000


@pytest.mark.parametrize(
    ("plan", "interval", "untold"),  # of an hour that is over as the plan changes
    [("growth", "month", 0), ("growth", "month", 700_000), ("starter", "year", 700_000)],
)
def test_calls_of_the_hour_of_a_change_and_those_untold_by_then_are_charged_by_the_new_price(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked, plan: str, interval: str, untold: int
) -> None:
    agree(owner, "1000")
    at_half_past(clock, 2)
    use(app, owner, 150_000, clock.now)
    at_half_past(clock, 2)
    assert report(app, owner) == 1  # counts for Starter, which includes it
    use(app, owner, untold, clock.now)
    at_half_past(clock, 1)
    use(app, owner, 800_000, clock.now)
    change(owner, stripe, plan, interval)
    use(app, owner, MORE, clock.now)
    at_half_past(clock, 2)
    assert report(app, owner) == 1 + bool(untold)
    shown = spent(app, owner)
    assert shown.used == untold + 800_000 + MORE
    assert charged(app, owner, stripe, clock) == catalog.price(plan, interval, "usd").amount + shown.cost
    assert shown.cost > 0


def test_calls_before_agreeing_do_not_count_against_the_cap(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    at_half_past(clock, 2)
    use(app, owner, INCLUDED, clock.now)  # all that is included, in this hour
    agree(owner, "4")
    use(app, owner, INCLUDED + 9_980, clock.now)
    look(app, owner)
    assert plan_of(app, owner)[1]["api_calls"] is None
    assert "$3.99 of at most $4.00" in words(owner.open("/billing/usage"))
    use(app, owner, 20, clock.now)
    look(app, owner)
    assert plan_of(app, owner)[1]["api_calls"] == 0
    at_half_past(clock, 2)
    assert report(app, owner) == 1
    assert charged(app, owner, stripe, clock) == STARTER + 400
