"""Seats follow people: more are shown, charged and had at once; what nobody needs is not charged again."""

import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from billing import money
from billing.acting import seats
from billing.metering import leaving
from saas.core.database import transaction
from saas.core.jobs import enqueue
from tests.support import database
from tests.support.clocks import Clocked, clocked_payer
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, plan_of, row, submit, work
from tests.support.people import Person
from tests.support.threads import together


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Starter by the month, which includes five seats."""
    return clocked_payer(app, stripe, owner)


def people(app: Flask, owner: Person, members: int) -> None:
    """Let so many be members, as far as counting goes."""
    sql(app, "UPDATE platform.usage SET used = :n WHERE tenant = :t AND resource = 'seats'", n=members, t=owner.tenant)


def paid(app: Flask, owner: Person, stripe: Stripe) -> list[int]:
    stripe.deliver(owner.browser)
    rows = sql(app, "SELECT paid FROM platform.invoices WHERE tenant = :t ORDER BY created_at, number", t=owner.tenant)
    return [one.paid for one in rows]


def at_stripe(owner: Person, clock: Clocked) -> int:
    """How many additional seats the next renewal will charge."""
    (found,) = clock.stripe.shop.v1.subscriptions.list({"customer": clock.customer}).data
    return sum(item.quantity for item in found["items"].data if item.price.product == "freehold_starter_v1_seat")


def buy(owner: Person, people: int) -> int:
    """As a person does: look at the price, and pay it; returns what the page said is charged today."""
    page = owner.open(f"/billing/seats?people={people}")
    said = re.search(r"Today \$([0-9.]+)", words(page))
    location(owner, page, "/billing/seats")
    return (money.minor(said[1], "usd") or 0) if said else 0


def follow(app: Flask) -> None:
    """The job that looks for seats which nobody needs."""
    with app.app_context(), transaction():
        for tenant in leaving.out_of_step():
            enqueue("billing.follow_seats", args=(tenant,), key=tenant)
    work(app)


def test_a_seat_is_charged_for_the_rest_of_the_period_as_the_page_said_and_had_at_once(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    assert plan_of(app, owner)[1]["seats"] == 5
    clock.wait(days=15)
    said = buy(owner, 7)
    assert paid(app, owner, stripe)[-1] == said
    assert 300 < said < 500  # two seats of $4.00 for about half a month
    assert plan_of(app, owner)[1]["seats"] == 7
    assert "2, each" not in words(owner.open("/billing/seats"))
    clock.wait(days=17)
    assert paid(app, owner, stripe)[-1] == 1_900 + 2 * 400


def test_there_is_room_already(owner: Person, clock: Clocked) -> None:
    assert "There is room for 5 people already" in words(owner.open("/billing/seats?people=5"))
    assert "Additional seats 1, each $4.00 a month" in words(owner.open("/billing/seats?people=6"))


def test_however_many_click_the_seats_are_bought_once(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    clock.wait(days=3)
    pages = [owner.open("/billing/seats?people=8") for _ in range(4)]  # each a form of its own

    def click(page: Any) -> int:
        other = database.browser(app)
        other.session.cookies.update(owner.browser.session.cookies)
        form = page.form("/billing/seats")
        return int(other.request("POST", form.action, data=form.fields, headers={"Origin": owner.home}).status_code)

    answers = together(*(lambda page=page: click(page) for page in pages))
    assert set(answers) <= {303, 409}  # the others hear that it is being done, or that it is done
    assert 303 in answers
    assert at_stripe(owner, clock) == 3
    assert len([amount for amount in paid(app, owner, stripe) if amount < 1_900]) == 1
    again = submit(owner, pages[0], "/billing/seats")
    assert again.status_code == 303
    assert len([amount for amount in paid(app, owner, stripe) if amount < 1_900]) == 1


def test_who_leaves_is_not_charged_for_again_and_their_seat_can_be_had_until_then(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    people(app, owner, 5)
    buy(owner, 8)
    people(app, owner, 8)
    follow(app)
    assert at_stripe(owner, clock) == 3  # all are needed
    before = paid(app, owner, stripe)
    clock.wait(days=10)
    people(app, owner, 6)
    follow(app)
    assert at_stripe(owner, clock) == 1
    found = row(app, owner)
    assert (found.seats, found.seats_paid, found.seats_paid_until) == (1, 3, found.period_end)
    assert plan_of(app, owner)[1]["seats"] == 8  # two of them stand empty, and are paid for
    page = owner.open("/billing/seats?people=9")
    assert "Additional seats 4" in words(page)
    assert "There is room" not in words(page)
    with app.app_context(), transaction():
        seats.buy(owner.tenant, 3, actor="user:tests")  # two that are paid for
    assert (at_stripe(owner, clock), paid(app, owner, stripe)) == (3, before)
    clock.wait(days=5)
    with app.app_context(), transaction():
        seats.buy(owner.tenant, 4, actor="user:tests")  # and one that is not
    one = paid(app, owner, stripe)[-1]
    assert 150 < one < 250
    people(app, owner, 6)
    follow(app)
    clock.wait(days=20)
    assert paid(app, owner, stripe)[-1] == 1_900 + 400
    assert plan_of(app, owner)[1]["seats"] == 6


def test_nobody_comes_in_before_their_seat_is_paid_for(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    clock.pays_with("pm_card_chargeCustomerFail")
    page = owner.open("/billing/seats?people=6")
    answer = submit(owner, page, "/billing/seats")
    assert (answer.status_code, "The card was declined" in answer.text) == (402, True)
    assert plan_of(app, owner)[1]["seats"] == 5
    assert at_stripe(owner, clock) == 0
    clock.pays_with("pm_card_visa")
    buy(owner, 6)
    assert plan_of(app, owner)[1]["seats"] == 6


def test_a_larger_plan_takes_the_seats_in(app: Flask, owner: Person, stripe: Stripe, clock: Clocked) -> None:
    people(app, owner, 5)
    buy(owner, 8)
    people(app, owner, 8)
    location(owner, owner.open("/billing/choose?plan=growth"), "/billing/change")
    assert plan_of(app, owner)[1]["seats"] == 20
    (found,) = clock.stripe.shop.v1.subscriptions.list({"customer": clock.customer}).data
    assert [item.price.product for item in found["items"].data] == ["freehold_growth_v1"]


@pytest.mark.parametrize("extra", ["0", "-1", "1.5", "ten", "", "99999999999999"])
def test_a_number_that_is_none_is_refused(owner: Person, stripe: Stripe, clock: Clocked, extra: str) -> None:
    page = owner.open("/billing/seats?people=6")
    stripe.forget_calls()
    answer = submit(owner, page, "/billing/seats", extra=extra)
    assert (answer.status_code, "Choose a number of seats" in answer.text) == (422, True)
    assert stripe.calls("post") == {}


def test_who_pays_for_no_plan_can_have_no_seats(owner: Person, stripe: Stripe) -> None:
    assert "Seats come with a plan" in words(owner.open("/billing/seats"))
    answer = owner.browser.request(
        "POST", "/billing/seats", data={"extra": "1", "key": str(uuid4())}, headers={"Origin": owner.home}
    )
    assert answer.status_code in {403, 409}
