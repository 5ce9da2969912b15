"""A promotion code: it never takes the place of more than it gives, and what is refused says why."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from billing.gateway import previews
from saas.core.ids import uuid7
from tests.billing.test_favours import row
from tests.support.pages import words
from tests.support.payments import Stripe, location, submit, subscribe
from tests.support.people import Person

MakeCode = Callable[..., str]


@pytest.fixture
def code(stripe: Stripe) -> MakeCode:
    """Makes a promotion code for a coupon."""

    def make(name: str, *, restrictions: dict[str, Any] | None = None, **coupon: Any) -> str:
        v1, text = stripe.shop.v1, f"{name}{uuid7().hex[-8:]}".upper()
        made = v1.coupons.create({"duration": "forever", "name": name, **coupon})
        about = {"promotion": {"type": "coupon", "coupon": made.id}, "code": text}
        v1.promotion_codes.create({**about, **({"restrictions": restrictions} if restrictions else {})})
        return text

    return make


def use(owner: Person, text: str) -> Any:
    return submit(owner, owner.open("/billing"), "/billing/code", code=text)


def test_a_code_that_takes_off_less_is_refused_and_both_are_named(
    app: Flask, owner: Person, stripe: Stripe, code: MakeCode
) -> None:
    subscribe(stripe, owner, "starter")
    half, tenth = code("Half", percent_off=50), code("Tenth", percent_off=10)
    assert use(owner, half).status_code == 303
    answer = use(owner, tenth)
    assert answer.status_code == 422
    assert f"Your discount takes off more than the code {tenth}" in answer.text
    assert "with Half: 50 % off the next renewal costs $9.50, with the code it would be $17.10." in answer.text
    assert row(app, owner).discount == "Half: 50 % off"


def test_of_a_code_that_takes_off_more_it_is_said_what_it_replaces(
    app: Flask, owner: Person, stripe: Stripe, code: MakeCode
) -> None:
    subscribe(stripe, owner, "starter")
    location(owner, owner.open("/billing"), "/billing/code", code=code("Tenth", percent_off=10))
    page = owner.open("/billing")
    assert "Discount Tenth: 10 % off" in words(page)
    location(owner, page, "/billing/code", code=code("Fiver", amount_off=500, currency="usd"))
    said = words(owner.open("/billing"))
    assert "You pay less now: Fiver: $5.00 off. It takes the place of Tenth: 10 % off." in said


def test_the_same_form_sent_again_is_not_measured_against_itself(
    owner: Person, stripe: Stripe, code: MakeCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner, "starter")
    location(owner, owner.open("/billing"), "/billing/code", code=code("Tenth", percent_off=10))
    page, half = owner.open("/billing"), code("Half", percent_off=50)
    assert submit(owner, page, "/billing/code", code=half).status_code == 303
    monkeypatch.setattr(previews, "upcoming", lambda *_, **__: pytest.fail("asked again"))
    assert submit(owner, page, "/billing/code", code=half).status_code == 303


def test_a_code_of_another_currency_or_for_newcomers_says_so(owner: Person, stripe: Stripe, code: MakeCode) -> None:
    subscribe(stripe, owner, "starter")
    assert "This code is not for prices in US dollars." in use(owner, code("Eu", amount_off=500, currency="eur")).text
    first = code("First", percent_off=90, restrictions={"first_time_transaction": True})
    answer = use(owner, first)
    assert (answer.status_code, "This code is for first purchases only." in answer.text) == (422, True)


def test_the_next_charge_is_what_stripe_would_charge(owner: Person, stripe: Stripe, code: MakeCode) -> None:
    subscribe(stripe, owner, "starter")
    page = owner.open("/billing")
    assert "$19.00 before seats, discounts and credit on" in words(page)
    assert 'hx-get="/billing/next"' in page.text
    location(owner, page, "/billing/code", code=code("Half", percent_off=50))
    assert words(owner.open("/billing/next")) == "$9.50"
    customer = stripe.shop.v1.subscriptions.list({"limit": 1}).data[0].customer
    stripe.shop.v1.customers.balance_transactions.create(customer, {"amount": -300, "currency": "usd"})
    assert words(owner.open("/billing/next")) == "$6.50, after $3.00 of your credit"


def test_the_next_charge_that_nobody_can_tell_is_the_plain_price(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    stripe.fail("500", 100)
    fragment = owner.open("/billing/next")
    assert (fragment.status, words(fragment)) == (200, "$19.00 before seats, discounts and credit")
    assert "hx-get" not in fragment.text  # else it would ask for ever
    stripe.mend()
