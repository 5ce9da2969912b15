"""More at once for what the page said, to the cent; less when what is paid for is used up; and back again."""

import re
from typing import Any

import pytest
from flask import Flask

from billing import money
from billing.acting import changing
from billing.errors import PayFirst, SamePlan, StaleOffer
from billing.mirrored import mirror
from billing.models import Subscription
from billing.offering import shaping
from billing.plans import catalog
from saas.core.database import transaction
from tests.support.clocks import Clocked, clocked_payer
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, plan_of, row, submit
from tests.support.people import Person

DAY = 86_400
WHO = {"actor": "user:tests", "reason": "Tests."}


def charged(app: Flask, owner: Person) -> list[int]:
    """What was paid, the oldest first."""
    rows = sql(app, "SELECT paid FROM platform.invoices WHERE tenant = :t ORDER BY created_at, number", t=owner.tenant)
    return [row.paid for row in rows]


def today(page: Any) -> int:
    """What the page says is charged today, in cents."""
    found = re.search(r"Today \$([0-9,.]+)", words(page))
    assert found, words(page)
    amount = money.minor(found[1].replace(",", ""), "usd")
    assert amount is not None
    return amount


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Starter by the month, and lives by a test clock of Stripe's."""
    return clocked_payer(app, stripe, owner)


@pytest.mark.parametrize(("plan", "interval"), [("growth", "month"), ("scale", "year"), ("starter", "year")])
def test_what_the_page_says_is_what_is_charged_however_long_one_thinks_about_it(
    app: Flask, owner: Person, clock: Clocked, plan: str, interval: str
) -> None:
    clock.wait(days=10, seconds=12_345)
    page = owner.open(f"/billing/choose?plan={plan}&interval={interval}")
    said = today(page)
    clock.wait(seconds=1_800)  # half an hour later it would be some cents less
    location(owner, page, "/billing/change")
    clock.stripe.deliver(owner.browser)
    assert charged(app, owner)[-1] == said > 0
    assert plan_of(app, owner)[0] == plan


def test_an_offer_of_two_hours_ago_is_shown_again(app: Flask, owner: Person, clock: Clocked) -> None:
    clock.wait(days=3)
    page = owner.open("/billing/choose?plan=scale")
    clock.wait(hours=2)
    answer = submit(owner, page, "/billing/change")
    assert (answer.status_code, "look at the price once more" in answer.text) == (409, True)
    assert plan_of(app, owner)[0] == "starter"
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    assert plan_of(app, owner)[0] == "scale"


def test_less_comes_when_what_is_paid_for_is_used_up_and_nothing_is_charged_twice(
    app: Flask, owner: Person, clock: Clocked
) -> None:
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    clock.stripe.deliver(owner.browser)
    paid = charged(app, owner)
    page = owner.open("/billing/choose?plan=growth")
    assert "Today Nothing You change on" in words(page)
    location(owner, page, "/billing/change")
    found = row(app, owner)
    assert (found.plan, found.next_plan, found.next_interval) == ("scale", "growth", "month")
    assert found.next_at == found.period_end
    assert "You change to Growth, paid by the month, on" in words(owner.open("/billing"))
    clock.wait(days=20)
    assert plan_of(app, owner)[0] == "scale"
    clock.wait(days=12)
    assert plan_of(app, owner)[0] == "growth"
    found = row(app, owner)
    assert (found.next_plan, found.status) == (None, "active")
    assert charged(app, owner) == [*paid, 7_900]
    clock.wait(days=31)
    assert charged(app, owner) == [*paid, 7_900, 7_900]  # and then it goes on by itself


def test_what_is_taken_off_for_ever_is_taken_off_what_comes_too(app: Flask, owner: Person, clock: Clocked) -> None:
    v1 = clock.stripe.shop.v1
    coupon = v1.coupons.create({"percent_off": 50, "duration": "forever"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    v1.subscriptions.update(row(app, owner).id, {"discounts": [{"promotion_code": code.id}]})
    location(owner, owner.open("/billing/choose?plan=growth"), "/billing/change")
    (held,) = v1.subscriptions.retrieve(row(app, owner).id).discounts  # it is there for the rest of this period too
    clock.wait(days=32)
    assert plan_of(app, owner)[0] == "growth"
    assert charged(app, owner)[-1] == 3_950
    clock.wait(days=61)
    assert charged(app, owner)[-2:] == [3_950, 3_950]
    assert v1.subscriptions.retrieve(row(app, owner).id).discounts == [held]


def test_from_year_to_month_when_the_year_is_over(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/choose?plan=starter&interval=year"), "/billing/change")
    page = owner.open("/billing/choose?plan=starter&interval=month")
    location(owner, page, "/billing/change")
    assert (row(app, owner).next_interval, plan_of(app, owner)[0]) == ("month", "starter")
    for _ in range(2):
        clock.wait(days=184)
    found = row(app, owner)
    assert (found.interval, found.amount, found.next_plan) == ("month", 1_900, None)


def test_who_stays_takes_the_change_back(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    location(owner, owner.open("/billing/choose?plan=growth"), "/billing/change")
    paid = charged(app, owner)
    location(owner, owner.open("/billing"), "/billing/change")
    assert row(app, owner).next_plan is None
    clock.wait(days=32)
    assert plan_of(app, owner)[0] == "scale"
    assert charged(app, owner)[-1] == 29_900
    assert len(charged(app, owner)) == len(paid) + 2  # the upgrade's own, of which we heard now, and the renewal's


def test_a_change_to_come_gives_way_to_another_and_to_a_cancellation(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    for plan in ("growth", "starter"):
        location(owner, owner.open(f"/billing/choose?plan={plan}"), "/billing/change")
        assert row(app, owner).next_plan == plan
    location(owner, owner.open("/billing"), "/billing/cancel", reason="Enough")
    found = row(app, owner)
    assert (found.next_plan, found.cancel_at, found.cancel_reason) == (None, found.period_end, "Enough")
    location(owner, owner.open("/billing"), "/billing/resume")
    location(owner, owner.open("/billing/choose?plan=growth"), "/billing/change")
    clock.wait(days=32)
    assert plan_of(app, owner)[0] == "growth"


def test_what_can_not_be_changed_says_so(app: Flask, owner: Person, clock: Clocked) -> None:
    clock.wait(days=2)
    with app.app_context(), transaction():
        now = mirror.time_of(owner.tenant)
    for price, at, error in [
        (catalog.price("starter", "month"), None, SamePlan),
        (catalog.price("scale", "month"), now.replace(year=now.year - 1), StaleOffer),
        (catalog.price("scale", "month"), now.replace(year=now.year + 1), StaleOffer),
    ]:
        with app.app_context(), pytest.raises(error):
            changing.change_plan(owner.tenant, price, at=at, **WHO)
    sql(app, "UPDATE platform.invoices SET status = 'open', due = 1 WHERE tenant = :t", t=owner.tenant)
    with app.app_context(), pytest.raises(PayFirst):
        changing.change_plan(owner.tenant, catalog.price("scale", "month"), **WHO)
    assert plan_of(app, owner)[0] == "starter"


@pytest.mark.parametrize(
    ("old", "status", "new", "when"),
    [
        (("starter", "month"), "active", ("growth", "month"), "now"),
        (("starter", "year"), "active", ("growth", "month"), "now"),
        (("starter", "month"), "active", ("starter", "year"), "now"),
        (("starter", "year"), "active", ("starter", "month"), "later"),
        (("growth", "month"), "active", ("starter", "month"), "later"),
        (("growth", "month"), "active", ("starter", "year"), "later"),
        (("growth", "month"), "trialing", ("starter", "month"), "now"),
        (("growth", "month"), "past_due", ("starter", "month"), "later"),
    ],
)
def test_more_comes_now_and_less_later(old: tuple[str, str], status: str, new: tuple[str, str], when: str) -> None:
    before = Subscription(plan=old[0], version=1, interval=old[1], currency="usd", status=status)
    assert shaping.when(before, catalog.price(*new)) == when


def test_the_price_of_somebody_else_s_currency_is_not_offered(app: Flask, owner: Person, clock: Clocked) -> None:
    page = owner.open("/billing/choose?plan=scale&currency=jpy")
    assert "¥" not in words(page)
    assert "$299.00 a month" in words(page)


def test_the_last_event_of_each_object_comes_to_what_all_of_them_do(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    """As the tests deliver only those, and Stripe delivers all."""
    before = stripe.last
    clock.wait(days=32)
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    stripe.deliver(owner.browser)
    tables = ("customers", "subscriptions", "invoices", "access_changes")
    asked = [
        f"SELECT to_jsonb(t) - 'fetched_at' AS row FROM platform.{name} t WHERE tenant = :t ORDER BY 1"
        for name in tables
    ]
    rows = [sql(app, query, t=owner.tenant) for query in asked]
    stripe.last = before
    told = stripe.deliver(owner.browser, each=True)
    assert [sql(app, query, t=owner.tenant) for query in asked] == rows
    assert len(told) > len(set(told))
