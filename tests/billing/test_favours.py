"""What an admin gives who pays: credit, a price of their own, and what is unused of a period back, never more."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from billing.acting import changing, favours, promotions, refunds
from billing.errors import BadCode, BadCredit, BadMonths, BadPrice, NoSubscription, StripeAway
from billing.gateway import invoices, subscriptions
from billing.plans import catalog
from saas.core.database import transaction
from saas.core.ids import uuid7
from tests.support.clocks import Clocked, clocked_payer
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, charged, location, plan_of, row, subscribe
from tests.support.people import Person
from tests.support.versions import newer

WHO = {"actor": "user:admin", "reason": "They were ill."}


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Starter by the month, and lives by a test clock of Stripe's."""
    return clocked_payer(app, stripe, owner)


def do(app: Flask, owner: Person, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
    with app.app_context(), transaction():
        return act(owner.tenant, *args, **options, **WHO)


def back(owner: Person, clock: Clocked) -> list[int]:
    """What Stripe has paid back, the newest first."""
    v1 = clock.stripe.shop.v1
    paid = [one.payment_intent for one in v1.charges.list({"customer": clock.customer}).data]
    return [one.amount for intent in paid for one in v1.refunds.list({"payment_intent": intent}).data]


def worth(app: Flask, owner: Person) -> int:
    with app.app_context(), transaction():
        return favours.worth(owner.tenant)


def audit(app: Flask, owner: Person, action: str) -> list[Any]:
    query = "SELECT detail FROM platform.audit WHERE tenant = :t AND action = :a ORDER BY id"
    return [one.detail for one in sql(app, query, t=owner.tenant, a=action)]


# Credit


def test_credit_is_taken_off_the_next_invoices(app: Flask, owner: Person, clock: Clocked) -> None:
    assert do(app, owner, favours.credit, 2_500).balance == -2_500
    assert do(app, owner, favours.credit, 500).balance == -3_000
    clock.wait(days=32)
    assert charged(app, owner) == [1_900, 0]
    clock.wait(days=31)
    assert charged(app, owner) == [1_900, 0, 800]
    assert [(one["before"], one["after"]) for one in audit(app, owner, "credit.given")] == [
        ({"balance": 0}, {"balance": -2_500}), ({"balance": -2_500}, {"balance": -3_000}),
    ]  # fmt: skip


def test_credit_that_is_sent_twice_is_given_once(app: Flask, owner: Person, clock: Clocked) -> None:
    key = uuid7()
    for _ in range(2):
        assert do(app, owner, favours.credit, 700, key=key).balance == -700
    assert do(app, owner, favours.credit, 700).balance == -1_400  # the control: another form


@pytest.mark.parametrize("amount", [0, -1, 10**8 + 1])
def test_credit_that_is_none_is_refused(app: Flask, owner: Person, clock: Clocked, amount: int) -> None:
    clock.stripe.forget_calls()
    with pytest.raises(BadCredit):
        do(app, owner, favours.credit, amount)
    assert clock.stripe.calls() == {}


# A price of their own


def test_a_price_of_their_own_lasts_as_long_as_was_said(app: Flask, owner: Person, clock: Clocked) -> None:
    clock.wait(days=1)
    do(app, owner, favours.own_price, 1_000, 2)
    assert plan_of(app, owner)[0] == "starter"
    for _ in range(3):
        clock.wait(days=31)
    assert charged(app, owner) == [1_900, 1_000, 1_000, 1_900]
    assert row(app, owner).discount is None


def test_a_price_for_good_stays_and_touches_no_seats(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/seats?people=6"), "/billing/seats")
    do(app, owner, favours.own_price, 0, None)
    clock.wait(days=32)
    clock.wait(days=31)
    assert charged(app, owner)[-2:] == [400, 400]
    with pytest.raises(BadPrice):
        do(app, owner, favours.own_price, 1_900, None)
    with pytest.raises(BadPrice):
        do(app, owner, favours.own_price, -1, None)


def test_months_that_are_over_before_the_next_invoice_are_refused(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/choose?plan=starter&interval=year"), "/billing/change")
    clock.stripe.forget_calls()
    with pytest.raises(BadMonths):
        do(app, owner, favours.own_price, 10_000, 11)
    assert clock.stripe.calls() == {}
    do(app, owner, favours.own_price, 10_000, 12)
    assert "$100.00 a year" in row(app, owner).discount


def test_a_price_of_their_own_is_for_its_interval_now(app: Flask, owner: Person, clock: Clocked) -> None:
    """What is taken off a month is not taken off a year; the page says so, and what is then charged."""
    clock.wait(days=32)
    do(app, owner, favours.own_price, 900, None)
    clock.wait(days=31)
    page = owner.open("/billing/choose?plan=starter&interval=year")
    assert "ends with this change" in words(page)
    assert "$190.00" in words(page)
    location(owner, page, "/billing/change")
    clock.look()
    now = row(app, owner)
    assert (now.interval, now.amount, now.discount, now.own_price) == ("year", 19_000, None, False)
    clock.wait(days=366)
    assert charged(app, owner)[-1] == 19_000


def test_a_price_of_their_own_is_for_its_interval_later(app: Flask, owner: Person, clock: Clocked) -> None:
    """More is taken off a year than a month costs: it would cost nothing for ever."""
    location(owner, owner.open("/billing/choose?plan=starter&interval=year"), "/billing/change")
    do(app, owner, favours.own_price, 10_000, None)
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    clock.look()
    assert row(app, owner).own_price
    clock.wait(days=366)
    now = row(app, owner)
    assert (now.interval, now.discount, charged(app, owner)[-1]) == ("month", None, 1_900)


def test_a_code_does_not_take_the_place_of_a_price_of_their_own(app: Flask, owner: Person, clock: Clocked) -> None:
    do(app, owner, favours.own_price, 900, None)
    clock.stripe.forget_calls()
    with app.app_context(), transaction(), pytest.raises(BadCode, match="a price of its own"):
        promotions.redeem(owner.tenant, "SPRING", actor="user:tests")
    assert clock.stripe.calls() == {}


# Another version


@pytest.mark.parametrize(("amount", "when"), [(2_500, "now"), (1_500, "later"), (1_900, "later")])
def test_who_is_moved_to_a_newer_version_pays_more_now_or_less_later(
    app: Flask, owner: Person, clock: Clocked, monkeypatch: pytest.MonkeyPatch, amount: int, when: str
) -> None:
    # Each with an amount of its own at Stripe, where a later one takes the place of an earlier.
    newer(app, monkeypatch, "starter", amount, limits={**catalog.plan("starter").limits, "records": 30_000})
    assert plan_of(app, owner)[1]["records"] == 20_000  # until they are moved
    do(app, owner, changing.change_plan, catalog.price("starter", "month"))
    now = row(app, owner)
    assert (now.version, now.next_version) == ((2, None) if when == "now" else (1, 2))
    clock.wait(days=32)
    assert (row(app, owner).version, plan_of(app, owner)[1]["records"]) == (2, 30_000)
    assert charged(app, owner)[-1] == amount


# The end, with money back


@pytest.mark.parametrize("days", [0, 11])
def test_what_goes_back_is_what_stripe_says_is_unused(app: Flask, owner: Person, clock: Clocked, days: int) -> None:
    clock.wait(days=days, seconds=5)
    preview = clock.stripe.shop.v1.invoices.create_preview(
        {
            "subscription": row(app, owner).id,
            "subscription_details": {"cancel_now": True, "proration_behavior": "always_invoice"},
        }
    )
    assert worth(app, owner) == -preview.total
    assert do(app, owner, favours.cancel_and_refund) == -preview.total
    assert back(owner, clock) == [-preview.total]
    assert plan_of(app, owner)[0] == "free"
    assert row(app, owner).status == "canceled"
    ((paid, refunded),) = sql(app, "SELECT paid, refunded FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    assert (paid, refunded) == (1_900, -preview.total)
    (deed,) = audit(app, owner, "subscription.ended")
    assert (deed["after"]["refunded"], deed["reason"]) == (-preview.total, "They were ill.")
    clock.wait(days=40)
    assert charged(app, owner) == [1_900]


def test_what_was_paid_by_two_invoices_goes_back_by_both(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    clock.stripe.deliver(owner.browser)
    first, second = charged(app, owner)
    assert first + second == 29_900
    clock.wait(seconds=5)
    assert do(app, owner, favours.cancel_and_refund) == 29_900
    assert sorted(back(owner, clock)) == [1_900, 28_000]


def test_of_a_year_that_took_the_place_of_a_month_all_goes_back(app: Flask, owner: Person, clock: Clocked) -> None:
    """Its invoice was less by what the month had been paid with."""
    clock.wait(days=3)
    location(owner, owner.open("/billing/choose?plan=starter&interval=year"), "/billing/change")
    clock.stripe.deliver(owner.browser)
    assert sum(charged(app, owner)) == 1_900 + charged(app, owner)[1] > 19_000
    assert worth(app, owner) == 19_000
    assert do(app, owner, favours.cancel_and_refund) == 19_000
    assert sum(back(owner, clock)) == 19_000


def test_never_more_goes_back_than_was_paid(app: Flask, owner: Person, clock: Clocked) -> None:
    invoice = sql(app, "SELECT id FROM platform.invoices WHERE tenant = :t", t=owner.tenant)[0].id
    with app.app_context(), transaction():
        refunds.refund(owner.tenant, invoice, 1_500, **WHO)
    assert worth(app, owner) == 400
    assert do(app, owner, favours.cancel_and_refund) == 400
    assert sum(back(owner, clock)) == 1_900


def test_who_has_paid_with_credit_gets_no_money(app: Flask, owner: Person, clock: Clocked) -> None:
    do(app, owner, favours.credit, 5_000)
    clock.wait(days=32)
    assert charged(app, owner) == [1_900, 0]
    assert do(app, owner, favours.cancel_and_refund) == 0
    assert back(owner, clock) == []
    assert row(app, owner).status == "canceled"


def test_of_a_trial_nothing_goes_back(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "growth")
    assert do(app, owner, favours.cancel_and_refund) == 0
    with pytest.raises(NoSubscription):
        do(app, owner, favours.cancel_and_refund)


@pytest.mark.parametrize("told", [True, False], ids=["whose webhook came", "whose webhook is on its way"])
def test_after_a_crash_between_refund_and_end_another_form_ends_it_and_refunds_no_more(
    app: Flask, owner: Person, clock: Clocked, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    amount = crash(app, owner, clock, monkeypatch)
    if told:
        clock.stripe.deliver(owner.browser)
    assert worth(app, owner) == 0
    assert do(app, owner, favours.cancel_and_refund) == 0
    assert back(owner, clock) == [amount]
    assert row(app, owner).status == "canceled"


def test_control_where_stripe_is_not_asked_what_has_gone_back_it_goes_twice(
    app: Flask, owner: Person, clock: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = crash(app, owner, clock, monkeypatch)
    clock.stripe.deliver(owner.browser)
    monkeypatch.setattr(invoices, "paid_back_at_end", lambda _payment, _subscription: 0)
    do(app, owner, favours.cancel_and_refund)
    assert sum(back(owner, clock)) > amount


def crash(app: Flask, owner: Person, clock: Clocked, monkeypatch: pytest.MonkeyPatch) -> int:
    """After the money, before the end; returns how much has gone back."""
    clock.wait(days=20)

    def dies(*_args: Any, **_options: Any) -> None:
        raise StripeAway

    with monkeypatch.context() as broken:
        broken.setattr(subscriptions, "cancel_now", dies)
        with pytest.raises(StripeAway):
            do(app, owner, favours.cancel_and_refund)
    assert (plan_of(app, owner)[0], row(app, owner).status) == ("starter", "active")
    assert [len(audit(app, owner, f"subscription.ended{end}")) for end in ("", ".asked")] == [0, 1]
    (amount,) = back(owner, clock)
    assert 0 < amount < 1_900
    return amount
