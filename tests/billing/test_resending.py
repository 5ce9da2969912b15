"""The same form, sent again after a refusal, a lost answer, or at the same moment: looked at again, or done once.

An answer is lost at the stand-in: the call is done there, and only its answer never comes.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from billing.acting import changing, favours, refunds, service
from billing.errors import NoSubscription, OtherForm, StripeAway, UnderWay
from billing.gateway import subscriptions
from billing.metering import agreeing
from billing.mirrored import mirror
from billing.plans import catalog
from saas.core.database import transaction
from saas.core.ids import uuid7
from tests.support.clocks import FAILS, clocked
from tests.support.database import sql
from tests.support.payments import Stripe, location, plan_of, row, submit, subscribe
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("unrepeated")

WHO = {"actor": "user:admin", "reason": "Tests."}
CHANGE = "post /v1/subscriptions/{subscription_exposed_id}"
END = "delete /v1/subscriptions/{subscription_exposed_id}"
PLANNED = "post /v1/subscription_schedules/{schedule}"
CREDIT = "post /v1/customers/{customer}/balance_transactions"
REFUND = "post /v1/refunds"


def charged(app: Flask, owner: Person, stripe: Stripe) -> list[int]:
    """What was paid at Stripe, the smallest first."""
    found = stripe.shop.v1.invoices.list({"subscription": row(app, owner).id}).data
    return sorted(one.amount_paid for one in found)


def attempt(app: Flask, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
    with app.app_context(), transaction():
        return act(*args, **options)


def changed(owner: Person, plan: str) -> None:
    location(owner, owner.open(f"/billing/choose?plan={plan}"), "/billing/change")


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let it be later for all that asks what time it is for a tenant."""
    real = mirror.time_of
    monkeypatch.setattr(mirror, "time_of", lambda tenant: real(tenant) + timedelta(seconds=seconds))


def banners(owner: Person) -> int:
    return owner.open("/billing/pay").text.count('<div class="banner')


# Refused for its amount


def test_a_change_that_was_refused_for_its_amount_is_looked_at_again_when_it_is_sent_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    v1, id_ = stripe.shop.v1, row(app, owner).id
    half = v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    v1.subscriptions.update(id_, {"discounts": [{"coupon": half}]})
    page = owner.open("/billing/choose?plan=scale")
    v1.subscriptions.update(id_, {"discounts": ""})
    for _ in range(2):
        assert submit(owner, page, "/billing/change").status_code == 409
    assert (charged(app, owner, stripe), plan_of(app, owner)[0]) == ([1_900], "starter")
    v1.subscriptions.update(id_, {"discounts": [{"coupon": half}]})
    assert submit(owner, page, "/billing/change").status_code == 303  # the control: it holds again
    assert plan_of(app, owner)[0] == "scale"


def test_seats_that_were_refused_for_their_amount_are_looked_at_again_when_they_are_sent_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    page = owner.open("/billing/seats?people=8")
    for _ in range(2):
        assert submit(owner, page, "/billing/seats", due="1").status_code == 409
    assert (charged(app, owner, stripe), row(app, owner).seats) == ([1_900], 0)
    assert submit(owner, page, "/billing/seats").status_code == 303  # the control
    assert charged(app, owner, stripe) == [1_200, 1_900]


# The answer was lost


def test_a_change_whose_answer_was_lost_is_done_once_and_brings_back_nothing_that_was_planned(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second later other words went under the same key: Stripe refused them, and the smaller plan was planned."""
    subscribe(stripe, owner, "starter")
    changed(owner, "growth")
    changed(owner, "starter")
    page = owner.open("/billing/choose?plan=scale")
    stripe.fail("lost", 1, at=CHANGE)
    assert submit(owner, page, "/billing/change").status_code == 503
    later(monkeypatch, 2)
    assert submit(owner, page, "/billing/change").status_code == 303
    paid = charged(app, owner, stripe)
    assert len(paid) == 3
    assert submit(owner, page, "/billing/change").status_code == 409  # they are on it
    stripe.deliver(owner.browser)
    assert (row(app, owner).plan, row(app, owner).next_plan) == ("scale", None)
    assert charged(app, owner, stripe) == paid


def test_what_they_agreed_to_without_an_answer_is_agreed_to_once(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner, "starter")
    act = partial(attempt, app, agreeing.agree, owner.tenant, 5_000, actor="user:tests", key=uuid7())
    stripe.fail("lost", 1, at=CHANGE)
    with pytest.raises(StripeAway):
        act()
    later(monkeypatch, 2)
    assert act().metered_item is not None
    ((cap,),) = sql(app, "SELECT spending_cap FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    assert cap == 5_000
    (items,) = [stripe.shop.v1.subscriptions.retrieve(row(app, owner).id)["items"].data]
    assert len(items) == 2


def test_a_credit_with_other_words_is_never_given_a_second_time(app: Flask, owner: Person, stripe: Stripe) -> None:
    """Taken for a refusal, it got a key of its own with the third try."""
    subscribe(stripe, owner, "starter")
    give = partial(attempt, app, favours.credit, owner.tenant, 500, actor="user:admin", key=uuid7())
    stripe.fail("lost", 1, at=CREDIT)
    with pytest.raises(StripeAway):
        give(reason="They were ill.")
    for _ in range(3):
        with pytest.raises(OtherForm):
            give(reason="They were ill for a week.")
    assert give(reason="They were ill.").balance == -500  # as it was sent first
    ((customer,),) = sql(app, "SELECT stripe_id FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    assert stripe.shop.v1.customers.retrieve(customer).balance == -500


def test_a_refund_of_another_amount_by_the_same_form_pays_nothing_back(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    ((invoice, payment),) = sql(app, "SELECT id, payment FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    key = uuid7()
    stripe.fail("lost", 1, at=REFUND)
    with pytest.raises(StripeAway):
        attempt(app, refunds.refund, owner.tenant, invoice, 500, key=key, **WHO)
    for _ in range(3):
        with pytest.raises(OtherForm):
            attempt(app, refunds.refund, owner.tenant, invoice, 600, key=key, **WHO)
    assert attempt(app, refunds.refund, owner.tenant, invoice, 500, key=key, **WHO).refunded == 500
    assert [one.amount for one in stripe.shop.v1.refunds.list({"payment_intent": payment}).data] == [500]


def test_a_smaller_plan_whose_answer_was_lost_stays_planned(app: Flask, owner: Person, stripe: Stripe) -> None:
    """The second time its own schedule was the one that had to give way, and the keys made no new one."""
    subscribe(stripe, owner, "scale")
    page = owner.open("/billing/choose?plan=starter")
    stripe.fail("lost", 1, at=PLANNED)
    assert submit(owner, page, "/billing/change").status_code == 503
    stripe.deliver(owner.browser)
    assert row(app, owner).next_plan == "starter"
    for _ in range(2):
        assert submit(owner, page, "/billing/change").status_code == 303
    stripe.deliver(owner.browser)
    assert (row(app, owner).plan, row(app, owner).next_plan) == ("scale", "starter")
    assert charged(app, owner, stripe) == [29_900]


def test_a_smaller_plan_that_was_half_planned_in_the_place_of_another_is_planned_in_the_end(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    """By then the schedule is one of its own, that plans nothing yet."""
    subscribe(stripe, owner, "scale")
    changed(owner, "growth")
    page = owner.open("/billing/choose?plan=starter")
    stripe.fail("500", 1, at=PLANNED)
    assert submit(owner, page, "/billing/change").status_code == 503
    stripe.deliver(owner.browser)
    assert row(app, owner).next_plan is None
    assert submit(owner, page, "/billing/change").status_code == 303
    assert row(app, owner).next_plan == "starter"


def test_an_end_whose_answer_was_lost_is_the_end(app: Flask, owner: Person, stripe: Stripe) -> None:
    """Stripe takes no key for it, and says the second time that it knows no such subscription."""
    subscribe(stripe, owner, "starter")
    end = partial(attempt, app, service.cancel, owner.tenant, at_period_end=False, key=uuid7(), **WHO)
    stripe.fail("lost", 1, at=END)
    with pytest.raises(StripeAway):
        end()
    assert plan_of(app, owner)[0] == "starter"
    assert end().status == "canceled"
    assert plan_of(app, owner)[0] == "free"


def test_an_end_with_money_back_whose_answer_was_lost_pays_back_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    ((payment,),) = sql(app, "SELECT payment FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    end = partial(attempt, app, favours.cancel_and_refund, owner.tenant, key=uuid7(), **WHO)
    stripe.fail("lost", 1, at=END)
    with pytest.raises(StripeAway):
        end()
    assert end() == 1_900
    assert plan_of(app, owner)[0] == "free"
    with pytest.raises(NoSubscription):  # the control: another form
        attempt(app, favours.cancel_and_refund, owner.tenant, key=uuid7(), **WHO)
    assert sum(one.amount for one in stripe.shop.v1.refunds.list({"payment_intent": payment}).data) == 1_900


# At the same moment


def test_what_another_does_while_the_outcome_is_fetched_waits_for_it(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had read of the plan was from before the first one's, though Stripe had that already."""
    subscribe(stripe, owner, "starter")
    changed(owner, "growth")
    page = owner.open("/billing/choose?plan=starter")
    real, met = subscriptions.fetch, list[str]()

    def fetch(id_: str) -> Any:
        if not met:
            met.append("begins")
            with pytest.raises(UnderWay):
                attempt(app, changing.change_plan, owner.tenant, catalog.price("scale", "month"), **WHO)
            met.append("waits")
        return real(id_)

    with monkeypatch.context() as patched:
        patched.setattr(subscriptions, "fetch", fetch)
        assert submit(owner, page, "/billing/change").status_code == 303
    assert met == ["begins", "waits"]
    assert (row(app, owner).plan, row(app, owner).next_plan) == ("growth", "starter")
    changed(owner, "scale")  # the control: once it is stored
    assert row(app, owner).plan == "scale"


def test_after_an_outcome_that_could_not_be_fetched_the_next_act_begins(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    stripe.fail("500", 1, at="get /v1/subscriptions/{subscription_exposed_id}")
    with pytest.raises(StripeAway):
        attempt(app, service.cancel, owner.tenant, at_period_end=True, **WHO)
    assert attempt(app, service.resume, owner.tenant, **WHO).cancel_at is None


# A card that was declined


def test_a_declined_form_that_is_sent_again_says_so_and_tries_no_card(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner, "starter")
    clock.pays_with(FAILS)
    clock.wait(days=32)
    page = owner.open("/billing/pay")
    assert submit(owner, page, "/billing/pay/now").status_code == 303
    declined = banners(owner)
    stripe.forget_calls()
    assert submit(owner, page, "/billing/pay/now").status_code == 303
    assert stripe.calls("post") == {}
    again = banners(owner)
    silent = banners(owner)  # the control: it is said once
    assert (declined - silent, again - silent) == (1, 1)
