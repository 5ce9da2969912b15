"""Ways to have more for less, or to be stuck: each was possible once, or would be without a line easily lost."""

import pytest
from flask import Flask

from billing.acting import changing, seats
from billing.errors import BadCode, Ending, InTrial, PayFirst
from billing.metering import agreeing, leaving
from billing.plans import catalog
from saas.core.database import transaction
from saas.core.jobs import enqueue
from tests.support.clocks import Clocked, clocked, clocked_payer
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, choose, location, pay, plan_of, row, submit, subscribe, work
from tests.support.people import Person

DECLINED, GOOD = "pm_card_chargeCustomerFail", "pm_card_visa"


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Growth by the month, without a trial, and lives by a test clock of Stripe's."""
    made = clocked_payer(app, stripe, owner)
    change(owner, "growth")
    return made


def change(owner: Person, plan: str, interval: str = "month") -> None:
    location(owner, owner.open(f"/billing/choose?plan={plan}&interval={interval}"), "/billing/change")


def people(app: Flask, owner: Person, members: int) -> None:
    sql(app, "UPDATE platform.usage SET used = :n WHERE tenant = :t AND resource = 'seats'", n=members, t=owner.tenant)
    with app.app_context(), transaction():
        for tenant in leaving.out_of_step():
            enqueue("billing.follow_seats", args=(tenant,), key=tenant)
    work(app)


def test_after_a_smaller_plan_has_come_one_can_still_cancel_and_change_again(
    app: Flask, owner: Person, clock: Clocked
) -> None:
    change(owner, "starter")
    clock.wait(days=32)
    found = row(app, owner)
    assert (found.plan, found.next_plan, found.schedule is not None) == ("starter", None, True)
    location(owner, owner.open("/billing"), "/billing/cancel")
    assert row(app, owner).cancel_at is not None
    location(owner, owner.open("/billing"), "/billing/resume")
    change(owner, "growth")
    change(owner, "starter")
    assert (row(app, owner).plan, row(app, owner).next_plan) == ("growth", "starter")


def test_an_upgrade_that_is_declined_leaves_the_smaller_plan_planned(app: Flask, owner: Person, clock: Clocked) -> None:
    change(owner, "starter")
    clock.pays_with(DECLINED)
    answer = submit(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    assert answer.status_code == 402
    clock.stripe.deliver(owner.browser)
    assert (row(app, owner).plan, row(app, owner).next_plan) == ("growth", "starter")
    clock.pays_with(GOOD)
    clock.wait(days=32)
    assert plan_of(app, owner)[0] == "starter"


def test_the_form_of_a_declined_upgrade_works_once_the_card_does(app: Flask, owner: Person, clock: Clocked) -> None:
    page = owner.open("/billing/choose?plan=scale")
    clock.pays_with(DECLINED)
    assert [submit(owner, page, "/billing/change").status_code for _ in range(2)] == [402, 402]
    clock.pays_with(GOOD)
    location(owner, page, "/billing/change")
    assert plan_of(app, owner)[0] == "scale"


def test_who_has_cancelled_resumes_first(app: Flask, owner: Person, clock: Clocked) -> None:
    page = owner.open("/billing/choose?plan=starter")
    location(owner, owner.open("/billing"), "/billing/cancel")
    answer = submit(owner, page, "/billing/change")
    assert (answer.status_code, "resume it first" in answer.text) == (409, True)
    assert (row(app, owner).next_plan, row(app, owner).cancel_at is not None) == (None, True)
    with app.app_context(), pytest.raises(Ending):
        changing.change_plan(
            owner.tenant, changing.shaping.catalog.price("scale", "month"), actor="user:tests", reason="Tests."
        )


def test_what_is_charged_is_what_was_shown_though_a_colleague_has_come_meanwhile(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    clocked(app, stripe, owner)
    subscribe(stripe, owner, "starter")
    with app.app_context(), transaction():
        seats.buy(owner.tenant, 16, actor="user:tests")
    people(app, owner, 21)
    page = owner.open("/billing/choose?plan=growth")
    assert "Additional seats 1" in words(page)
    sql(app, "UPDATE platform.usage SET used = 23 WHERE tenant = :t AND resource = 'seats'", t=owner.tenant)
    answer = submit(owner, page, "/billing/change")
    assert (answer.status_code, "look at the price once more" in answer.text) == (409, True)
    assert plan_of(app, owner)[0] == "starter"
    change(owner, "growth")
    assert (plan_of(app, owner)[0], row(app, owner).seats) == ("growth", 3)


def test_seats_that_were_bought_before_anybody_came_are_charged_again_when_somebody_has(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner, "starter")
    with app.app_context(), transaction():
        seats.buy(owner.tenant, 2, actor="user:tests")
    people(app, owner, 5)
    assert (row(app, owner).seats, plan_of(app, owner)[1]["seats"]) == (0, 7)  # nobody has come yet
    people(app, owner, 7)
    assert (row(app, owner).seats, plan_of(app, owner)[1]["seats"]) == (2, 7)
    clock.wait(days=32)
    assert plan_of(app, owner)[1]["seats"] == 7
    invoices = sql(app, "SELECT paid FROM platform.invoices WHERE tenant = :t ORDER BY created_at DESC LIMIT 1",
                   t=owner.tenant)  # fmt: skip
    assert invoices[0].paid == 1_900 + 2 * 400


def test_in_a_trial_use_ends_at_what_is_included(app: Flask, owner: Person, stripe: Stripe) -> None:
    assert pay(choose(owner, "growth")).status_code == 303
    stripe.deliver(owner.browser)
    assert row(app, owner).status == "trialing"
    answer = submit(owner, owner.open("/billing/usage"), "/billing/usage", cap="1000000")
    assert (answer.status_code, "trial has to be over first" in answer.text) == (409, True)
    assert plan_of(app, owner)[1]["api_calls"] == 2_000_000
    with app.app_context(), pytest.raises(InTrial):
        agreeing.agree(owner.tenant, 100, actor="user:tests")


def test_an_old_form_does_not_bring_back_another_cap(app: Flask, owner: Person, clock: Clocked) -> None:
    first = owner.open("/billing/usage")
    location(owner, first, "/billing/usage", cap="50")
    location(owner, owner.open("/billing/usage"), "/billing/usage", cap="10")
    submit(owner, first, "/billing/usage", cap="9000")
    ((cap,),) = sql(app, "SELECT spending_cap FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    assert cap == 1_000


def test_who_still_owes_for_an_ended_plan_pays_that_first(app: Flask, owner: Person, clock: Clocked) -> None:
    clock.pays_with(DECLINED)
    clock.wait(days=32)
    stripe = clock.stripe
    stripe.shop.v1.subscriptions.cancel(row(app, owner).id)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    answer = submit(owner, owner.open("/billing/choose?plan=starter"), "/billing/checkout")
    assert (answer.status_code, PayFirst.title in answer.text) == (409, True)
    sql(app, "UPDATE platform.invoices SET due = 0 WHERE tenant = :t", t=owner.tenant)  # the control
    assert submit(owner, owner.open("/billing/choose?plan=starter"), "/billing/checkout").status_code == 303


def test_a_code_for_one_invoice_is_for_one_invoice(app: Flask, owner: Person, clock: Clocked) -> None:
    v1 = clock.stripe.shop.v1
    coupon = v1.coupons.create({"percent_off": 50, "duration": "once", "name": "Half"}).id
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}, "code": "HALF"})
    location(owner, owner.open("/billing"), "/billing/code", code="half")
    clock.wait(days=32)
    answer = submit(owner, owner.open("/billing"), "/billing/code", code="HALF")
    assert (answer.status_code, BadCode.title in answer.text or "used that code before" in answer.text) == (422, True)
    clock.wait(days=32)
    rows = sql(app, "SELECT total FROM platform.invoices WHERE tenant = :t ORDER BY created_at DESC LIMIT 2",
               t=owner.tenant)  # fmt: skip
    assert [one.total for one in rows] == [7_900, 3_950]


def test_a_smaller_plan_names_what_becomes_read_only(app: Flask, owner: Person, clock: Clocked) -> None:
    for number in range(22):
        owner.define(f"things{number}", title="text")
    page = words(owner.open("/billing/choose?plan=starter"))
    assert "Collections: 22 where 20 are allowed: the newest 2 are read-only (" in page
    assert "things21" in page.lower()
    assert "things19" not in page.lower()


def test_who_owes_goes_on_by_the_year_all_the_same(app: Flask, owner: Person, stripe: Stripe) -> None:
    """To take back a change that is planned charges and credits nothing."""
    subscribe(stripe, owner, "starter", "year")
    change(owner, "starter")
    sql(app, "UPDATE platform.invoices SET status = 'open', due = 5 WHERE tenant = :t", t=owner.tenant)
    with app.app_context(), transaction(), pytest.raises(PayFirst):  # the control
        changing.change_plan(owner.tenant, catalog.price("growth", "year"), actor="user:tests", reason="Tests.")
    location(owner, owner.open("/billing"), "/billing/change")
    assert (row(app, owner).interval, row(app, owner).next_plan) == ("year", None)


def test_whoever_writes_a_long_farewell_at_stripe_is_free_of_the_plan(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    """It is longer than what we keep of one, at which each try to store the event failed."""
    subscribe(stripe, owner, "starter")
    stripe.shop.v1.subscriptions.cancel(row(app, owner).id, {"cancellation_details": {"comment": "ab" * 300}})
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    assert row(app, owner).cancel_reason == "ab" * 250
