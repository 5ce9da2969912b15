"""What prices ask: in several currencies, by tiers, in packages, in parts of a cent."""

from typing import Any

import pytest
import stripe

from tests.support.standin import Shop

EUR_GBP = {"eur": {"unit_amount": 2700}, "jpy": {"unit_amount": 4000}}
GRADUATED = [
    {"up_to": 10, "unit_amount": 0},
    {"up_to": 20, "unit_amount_decimal": "1.5"},
    {"up_to": "inf", "unit_amount_decimal": "0.25", "flat_amount": 100},
]


def tiered(shop: Shop, mode: str, **more: Any) -> Any:
    wanted = {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": GRADUATED, **more}
    product = shop.v1.products.create({"name": "Calls"})
    return shop.v1.prices.create(
        {"product": product.id, "currency": "usd", "recurring": {"interval": "month"}, **wanted}
    )


def test_other_currencies_and_tiers_are_shown_on_request(shop: Shop) -> None:
    price = shop.price(currency_options=EUR_GBP)
    assert "currency_options" not in price.to_dict()
    shown = shop.v1.prices.retrieve(price.id, {"expand": ["currency_options"]}).currency_options
    assert {name: option["unit_amount"] for name, option in shown.to_dict().items()} == {
        "usd": 2900,
        "eur": 2700,
        "jpy": 4000,
    }
    shop.v1.prices.update(price.id, {"currency_options": {"gbp": {"unit_amount": 2300}, "jpy": {"unit_amount": 4100}}})
    shown = shop.v1.prices.retrieve(price.id, {"expand": ["currency_options"]}).currency_options
    assert (shown["gbp"].unit_amount, shown["jpy"].unit_amount) == (2300, 4100)
    tiers = shop.v1.prices.retrieve(tiered(shop, "graduated").id, {"expand": ["tiers"]}).tiers
    assert [(tier.up_to, tier.unit_amount, str(tier.unit_amount_decimal)) for tier in tiers] == [
        (10, 0, "0"),
        (20, None, "1.5"),
        (None, None, "0.25"),
    ]


def test_a_subscription_is_in_the_currency_it_asks_for_and_stays_in_it(shop: Shop) -> None:
    price, only_usd = shop.price(currency_options=EUR_GBP), shop.price()
    customer = shop.customer()
    made = shop.subscription(customer, price, currency="eur")
    invoice = shop.v1.invoices.retrieve(made.latest_invoice)
    assert (made.currency, invoice.currency, invoice.amount_paid) == ("eur", "eur", 2700)
    assert {line.currency for line in invoice.lines.data} == {"eur"}
    assert shop.v1.customers.retrieve(customer.id).currency == "eur"
    with pytest.raises(stripe.InvalidRequestError, match=r"only supports `usd`.*expected currency: `eur`") as refused:
        shop.v1.subscription_items.create({"subscription": made.id, "price": only_usd.id})
    assert refused.value.param == "items[0][price]"
    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        shop.subscription(customer, only_usd)
    assert shop.subscription(customer, price).currency == "eur"  # the customer's own


def test_checkout_sells_in_a_currency(shop: Shop) -> None:
    session = shop.session(shop.price(currency_options=EUR_GBP), currency="jpy")
    assert (session.currency, session.amount_total) == ("jpy", 4000)
    shop.pay(session)
    session = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert (session.subscription.currency, session.subscription.latest_invoice.amount_paid) == ("jpy", 4000)
    with pytest.raises(stripe.InvalidRequestError, match="only supports `usd`"):
        shop.session(shop.price(), currency="eur")


@pytest.mark.parametrize(
    ("quantity", "amounts"),
    [
        (10, [0]),
        (11, [0, 2]),  # 1.5 is 2, not the even neighbour
        (13, [0, 5]),  # 4.5 is 5, where Python's round() says 4
        (20, [0, 15]),
        (26, [0, 15, 2, 100]),  # 1.5 again, and the third tier's flat amount
    ],
)
def test_graduated_tiers_have_a_line_each(shop: Shop, quantity: int, amounts: list[int]) -> None:
    assert _first_lines(shop, tiered(shop, "graduated"), quantity) == amounts


@pytest.mark.parametrize(("quantity", "amounts"), [(10, [0]), (13, [20]), (30, [8, 100])])
def test_by_volume_all_units_cost_what_the_last_one_does(shop: Shop, quantity: int, amounts: list[int]) -> None:
    assert _first_lines(shop, tiered(shop, "volume"), quantity) == amounts


def test_parts_of_a_cent_are_rounded_once_and_half_up(shop: Shop) -> None:
    product = shop.v1.products.create({"name": "Bytes"})
    monthly = {"product": product.id, "currency": "usd", "recurring": {"interval": "month"}}
    price = shop.v1.prices.create({**monthly, "unit_amount_decimal": "0.050"})
    assert (price.unit_amount, str(price.unit_amount_decimal)) == (None, "0.05")
    assert [_first_lines(shop, price, quantity) for quantity in (30, 10, 50, 9)] == [[2], [1], [3], [0]]
    whole = shop.v1.prices.create({**monthly, "unit_amount_decimal": "5"})
    assert (whole.unit_amount, str(whole.unit_amount_decimal)) == (5, "5")


@pytest.mark.parametrize(("way", "amount"), [("up", 300), ("down", 200)])
def test_packages(shop: Shop, way: str, amount: int) -> None:
    price = shop.price(100, transform_quantity={"divide_by": 60, "round": way})
    assert _first_lines(shop, price, 150) == [amount]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"tiers": GRADUATED[:2]}, "tiers[1][up_to]"),
        ({"tiers": [GRADUATED[1], GRADUATED[0], GRADUATED[2]]}, "tiers[1][up_to]"),
        ({"tiers": [{"up_to": "inf"}]}, "tiers[0][unit_amount]"),
        ({"unit_amount": 5}, "tiers"),
        ({"tiers_mode": "steep"}, "tiers_mode"),
        ({"transform_quantity": {"divide_by": 2, "round": "up"}}, "transform_quantity"),
        ({"currency_options": {"eur": {"unit_amount": 5}}}, "currency_options[eur][tiers]"),
        ({"recurring": {"interval": "month", "usage_type": "metered"}}, "recurring[meter]"),
        ({"recurring": {"interval": "month", "usage_type": "metered", "meter": "mtr_x"}}, "recurring[meter]"),
    ],
)
def test_prices_that_make_no_sense(shop: Shop, wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        tiered(shop, "graduated", **wrong)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "wrong", [{"unit_amount": 5, "unit_amount_decimal": "5"}, {"unit_amount": -1}, {"unit_amount_decimal": "1e3"}, {}]
)
def test_an_amount_is_given_once_and_is_no_debt(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = shop.raw("POST", "/v1/prices", data={"currency": "usd", "product_data[name]": "x", **wrong})
    assert (answer.status_code, "unit_amount" in answer.json()["error"]["param"]) == (400, True)


def _first_lines(shop: Shop, price: Any, quantity: int) -> list[int]:
    """What the first invoice of so many says."""
    params = {"customer": shop.customer().id, "items": [{"price": price.id, "quantity": quantity}]}
    made = shop.v1.subscriptions.create({**params, "expand": ["latest_invoice"]})
    return [line.amount for line in made.latest_invoice.lines.data]
