"""Coupons, promotion codes, and what they take off."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stripe

from tests.support.standin import Shop, entered, opened, said, submit

DAY = 86_400
START = int(datetime(2027, 1, 1, 12, tzinfo=UTC).timestamp())


def coupon(shop: Shop, **given: Any) -> Any:
    return shop.v1.coupons.create({"duration": "forever", **given})


def code(shop: Shop, made: Any, **given: Any) -> Any:
    return shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": made.id}, **given})


def on_clock(shop: Shop) -> tuple[Any, Any]:
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": START})
    return clock, shop.customer(test_clock=clock.id)


def go(shop: Shop, clock: Any, when: int) -> None:
    shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": when})


def totals(shop: Shop, customer: Any) -> list[int]:
    return [each.total for each in reversed(shop.v1.invoices.list({"customer": customer.id}).data)]


def redeemed(shop: Shop, **form: str) -> requests.Response:
    """Open a Checkout page and send the form of its promotion code."""
    session = shop.session(allow_promotion_codes=True)
    return entered(session.url, **form)


def test_a_share_and_an_amount_are_taken_off_one_after_the_other(shop: Shop) -> None:
    share, amount = coupon(shop, percent_off=12.5), coupon(shop, amount_off=500, currency="usd", duration="once")
    customer, price = shop.customer(), shop.price(2000)
    made = shop.subscription(customer, price, discounts=[{"coupon": share.id}, {"coupon": amount.id}])
    invoice = shop.v1.invoices.retrieve(made.latest_invoice, {"expand": ["discounts"]})
    assert [each.amount for each in invoice.total_discount_amounts] == [250, 500]
    assert [each.amount for each in invoice.lines.data[0].discount_amounts] == [250, 500]
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2000, 1250, 1250)
    assert [each.source.coupon for each in invoice.discounts] == [share.id, amount.id]
    assert shop.v1.coupons.retrieve(share.id).times_redeemed == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"duration": "once"}, [1000, 2000, 2000, 2000]),
        ({"duration": "repeating", "duration_in_months": 2}, [1000, 1000, 2000, 2000]),
        ({"duration": "forever"}, [1000, 1000, 1000, 1000]),
    ],
)
def test_it_lasts_as_long_as_it_says(shop: Shop, given: dict[str, Any], expected: list[int]) -> None:
    clock, customer = on_clock(shop)
    made = shop.subscription(
        customer, shop.price(2000), discounts=[{"coupon": coupon(shop, percent_off=50, **given).id}]
    )
    go(shop, clock, START + 95 * DAY)
    assert totals(shop, customer) == expected
    held = shop.v1.subscriptions.retrieve(made.id).discounts
    assert (len(held), shop.types().count("customer.discount.deleted")) == ((1, 0) if expected[-1] == 1000 else (0, 1))


def test_a_trial_does_not_use_up_what_is_for_one_invoice(shop: Shop) -> None:
    clock, customer = on_clock(shop)
    half = coupon(shop, percent_off=50, duration="once")
    shop.subscription(customer, shop.price(2000), trial_period_days=7, discounts=[{"coupon": half.id}])
    go(shop, clock, START + 45 * DAY)
    assert totals(shop, customer) == [0, 1000, 2000]


def test_an_amount_is_shared_out_by_what_the_lines_cost_and_never_goes_below_zero(shop: Shop) -> None:
    customer = shop.customer()
    items = [{"price": shop.price(1000).id}, {"price": shop.price(500).id, "quantity": 4}]
    off = coupon(shop, amount_off=1000, currency="usd", currency_options={"eur": {"amount_off": 900}})
    made = shop.v1.subscriptions.create({"customer": customer.id, "items": items, "discounts": [{"coupon": off.id}]})
    lines = shop.v1.invoices.retrieve(made.latest_invoice).lines.data
    assert [line.discount_amounts[0].amount for line in lines] == [333, 667]
    cheap = shop.subscription(customer, shop.price(300), discounts=[{"coupon": off.id}])
    assert shop.v1.invoices.retrieve(cheap.latest_invoice).total == 0


def test_it_is_for_its_products_only_and_for_its_item_only(shop: Shop) -> None:
    plan, seat = shop.price(1000), shop.price(500)
    half = coupon(shop, percent_off=50, applies_to={"products": [seat.product]})
    items: list[dict[str, Any]] = [{"price": plan.id}, {"price": seat.id}]
    wanted = {"customer": shop.customer().id, "items": items, "discounts": [{"coupon": half.id}]}
    assert shop.v1.invoices.retrieve(shop.v1.subscriptions.create(wanted).latest_invoice).total == 1250
    items[0]["discounts"] = [{"coupon": coupon(shop, percent_off=10).id}]
    made = shop.v1.subscriptions.create(wanted)
    assert shop.v1.invoices.retrieve(made.latest_invoice).total == 900 + 250


def test_a_change_in_mid_period_gives_back_what_was_paid_and_charges_the_discounted_price(shop: Shop) -> None:
    clock, customer = on_clock(shop)
    half = coupon(shop, percent_off=50)
    made = shop.subscription(customer, shop.price(3100), discounts=[{"coupon": half.id}])
    go(shop, clock, START + 31 * DAY // 2)
    items = [{"id": made["items"].data[0].id, "price": shop.price(6200).id}]
    made = shop.v1.subscriptions.update(made.id, {"items": items, "proration_behavior": "always_invoice"})
    lines = shop.v1.invoices.retrieve(made.latest_invoice).lines.data
    assert [line.amount for line in lines] == [-775, 1550]
    assert all(line.discount_amounts == [] for line in lines)


def test_a_discount_is_set_kept_replaced_and_taken_away(shop: Shop) -> None:
    made = shop.subscription(discounts=[{"coupon": coupon(shop, percent_off=10).id}])
    [first] = made.discounts
    other = {"coupon": coupon(shop, percent_off=20).id}
    made = shop.v1.subscriptions.update(made.id, {"discounts": [{"discount": first}, other]})
    assert made.discounts[0] == first
    assert len(made.discounts) == 2
    made = shop.v1.subscriptions.update(made.id, {"discounts": [other]})
    assert first not in made.discounts
    assert shop.v1.subscriptions.delete_discount(made.id).deleted
    assert shop.v1.subscriptions.retrieve(made.id).discounts == []
    with pytest.raises(stripe.InvalidRequestError) as none:
        shop.v1.subscriptions.delete_discount(made.id)
    assert (none.value.http_status, none.value.code) == (404, "resource_missing")
    kinds = shop.types()
    assert (kinds.count("customer.discount.created"), kinds.count("customer.discount.deleted")) == (3, 3)


def test_a_customers_discount_holds_where_the_subscription_has_none(shop: Shop) -> None:
    customer = shop.customer()
    shop.control("POST", "discounts", customer=customer.id, coupon=coupon(shop, percent_off=50).id)
    assert shop.v1.customers.retrieve(customer.id).discount.object == "discount"
    made = shop.subscription(customer, shop.price(2000))
    assert shop.v1.invoices.retrieve(made.latest_invoice).total == 1000
    own = shop.subscription(customer, shop.price(2000), discounts=[{"coupon": coupon(shop, percent_off=10).id}])
    assert shop.v1.invoices.retrieve(own.latest_invoice).total == 1800
    assert shop.v1.customers.delete_discount(customer.id).deleted
    assert shop.v1.customers.retrieve(customer.id).discount is None


def test_what_cannot_be_redeemed_says_why(shop: Shop) -> None:
    now = int(time.time())
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": now + DAY})
    customer, price = shop.customer(test_clock=clock.id), shop.price()
    once = coupon(shop, percent_off=10, max_redemptions=1)
    short = coupon(shop, percent_off=10, redeem_by=now + DAY // 2)
    euros = coupon(shop, amount_off=100, currency="eur")
    shop.subscription(customer, price, discounts=[{"coupon": once.id}])
    assert not shop.v1.coupons.retrieve(once.id).valid
    for wanted, status, words in (
        ({"coupon": "NONE"}, "resource_missing", "No such coupon: 'NONE'"),
        ({"coupon": once.id}, None, "is used up and cannot be applied"),
        ({"coupon": short.id}, "coupon_expired", "Coupon expired"),
        ({"coupon": euros.id}, None, "takes nothing off in usd"),
        ({"promotion_code": "promo_x"}, "resource_missing", "No such promotion code: 'promo_x'"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words) as refused:
            shop.subscription(customer, price, discounts=[wanted])
        assert refused.value.code == status


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"restrictions": {"first_time_transaction": True}}, "has prior transactions"),
        ({"restrictions": {"minimum_amount": 3000, "minimum_amount_currency": "usd"}}, "the minimum amount is not met"),
        ({"max_redemptions": 1}, "has been used up"),
        ({"active": False}, "is not active"),
        ({"customer": "other"}, "is for another customer"),
    ],
)
def test_a_promotion_codes_rules(shop: Shop, rules: dict[str, Any], words: str) -> None:
    made, customer, price = coupon(shop, percent_off=10), shop.customer(), shop.price(2900)
    if "customer" in rules:
        rules = {"customer": shop.customer().id}
    wanted = {"discounts": [{"promotion_code": code(shop, made, **rules).id}]}
    if "max_redemptions" in rules or "first_time_transaction" in rules.get("restrictions", {}):
        shop.subscription(customer, price, **wanted)  # the first time it holds
    with pytest.raises(stripe.InvalidRequestError, match=words):
        shop.subscription(customer, price, **wanted)


def test_codes_are_found_by_their_word_and_are_there_once(shop: Shop) -> None:
    made = coupon(shop, percent_off=10)
    found = code(shop, made, code="SPRING")
    assert [each.id for each in shop.v1.promotion_codes.list({"code": "spring"}).data] == [found.id]
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        code(shop, made, code="Spring")
    assert not shop.v1.promotion_codes.update(found.id, {"active": False}).active
    assert code(shop, made, code="Spring").active
    shop.v1.coupons.delete(made.id)
    assert shop.v1.promotion_codes.list({"active": True}).data == []


def test_a_code_is_entered_on_the_checkout_page_and_taken_away_again(shop: Shop) -> None:
    code(shop, coupon(shop, percent_off=100, duration="once"), code="FREE", max_redemptions=1)
    session = shop.session(allow_promotion_codes=True, payment_method_collection="if_required")
    refused = entered(session.url, promotion_code="WRONG")
    assert (refused.status_code, said(refused, "promotion_code")) == (422, "This code is invalid.")
    assert entered(session.url, promotion_code="free").status_code == 303
    page = opened(session.url)
    assert "Card number" not in page.text
    assert shop.v1.checkout.sessions.retrieve(session.id).amount_total == 0
    entered(session.url, remove="yes")
    assert shop.v1.checkout.sessions.retrieve(session.id).amount_total == 2900
    entered(session.url, promotion_code="free")
    assert submit(opened(session.url)).status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert (done.payment_status, done.total_details.amount_discount) == ("no_payment_required", 2900)
    assert (done.subscription.latest_invoice.total, done.subscription.default_payment_method) == (0, None)
    again = redeemed(shop, promotion_code="FREE")
    assert said(again, "promotion_code") == "This code is invalid."


def test_a_code_that_somebody_else_has_used_up_meanwhile_charges_nothing(shop: Shop) -> None:
    code(shop, coupon(shop, percent_off=50), code="ONE", max_redemptions=1)
    first, second = shop.session(allow_promotion_codes=True), shop.session(allow_promotion_codes=True)
    for session in (first, second):
        assert entered(session.url, promotion_code="ONE").status_code == 303
    assert shop.pay(first).status_code == 303
    answer = shop.pay(second)
    assert (answer.status_code, "has been used up" in said(answer, "card")) == (422, True)
    assert [charge.amount for charge in shop.v1.charges.list().data] == [1450]
    entered(second.url, remove="yes")
    assert shop.pay(second).status_code == 303


def test_a_session_comes_with_one_discount_or_lets_people_enter_one(shop: Shop) -> None:
    half = {"coupon": coupon(shop, percent_off=50).id}
    session = shop.session(discounts=[half])
    assert (session.amount_subtotal, session.amount_total) == (2900, 1450)
    assert shop.pay(session).status_code == 303
    assert shop.v1.invoices.list().data[0].amount_paid == 1450
    for wanted in ({"discounts": [half], "allow_promotion_codes": True}, {"discounts": [half, half]}):
        with pytest.raises(stripe.InvalidRequestError):
            shop.session(**wanted)
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        shop.session(discounts=[{"coupon": "NONE"}])


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"amount_off": 100}, "currency"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "redeem_by": 1}, "redeem_by"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(shop: Shop, given: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        coupon(shop, **given)
    assert refused.value.param == param
