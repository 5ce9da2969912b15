"""Tax rates, automatic tax, tax ids."""

from typing import Any

import pytest
import stripe

from tests.support.standin import VISA, Shop, opened, said, submit


def rate(shop: Shop, percentage: float, *, inclusive: bool = False, **more: Any) -> Any:
    return shop.v1.tax_rates.create({"display_name": "VAT", "percentage": percentage, "inclusive": inclusive, **more})


def invoiced(shop: Shop, made: Any) -> Any:
    return shop.v1.invoices.retrieve(made.latest_invoice)


@pytest.mark.parametrize(("inclusive", "total", "tax", "without"), [(False, 2380, 380, 2000), (True, 2000, 319, 1681)])
def test_a_rate_is_added_or_already_in_the_price(
    shop: Shop, inclusive: bool, total: int, tax: int, without: int
) -> None:
    made = shop.subscription(price=shop.price(2000), default_tax_rates=[rate(shop, 19, inclusive=inclusive).id])
    invoice = invoiced(shop, made)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2000, total, total)
    assert [each.amount for each in invoice.total_taxes] == [tax]
    assert (invoice.total_excluding_tax, invoice.total_taxes[0].taxable_amount) == (without, without)
    assert invoice.lines.data[0].taxes[0].tax_behavior == ("inclusive" if inclusive else "exclusive")


def test_tax_is_on_what_discounts_leave_and_rounded_by_the_line(shop: Shop) -> None:
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "once"})
    items = [{"price": shop.price(1001).id}, {"price": shop.price(1001).id}]
    wanted = {"customer": shop.customer().id, "items": items, "default_tax_rates": [rate(shop, 8.5).id]}
    invoice = invoiced(shop, shop.v1.subscriptions.create(wanted | {"discounts": [{"coupon": half.id}]}))
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [501, 500]
    assert [line.taxes[0].amount for line in invoice.lines.data] == [43, 43]  # 42.5 and 42.585
    assert (invoice.total_excluding_tax, invoice.total) == (1001, 1001 + 86)


def test_an_items_own_rates_take_the_place_of_the_subscriptions(shop: Shop) -> None:
    own, usual = rate(shop, 10), rate(shop, 20)
    items = [{"price": shop.price(1000).id, "tax_rates": [own.id]}, {"price": shop.price(1000).id}]
    wanted = {"customer": shop.customer().id, "items": items, "default_tax_rates": [usual.id]}
    invoice = invoiced(shop, shop.v1.subscriptions.create(wanted))
    assert {each.tax_rate_details.tax_rate: each.amount for each in invoice.total_taxes} == {own.id: 100, usual.id: 200}


@pytest.mark.parametrize(("exempt", "reason"), [("exempt", "customer_exempt"), ("reverse", "reverse_charge")])
def test_who_is_exempt_pays_none(shop: Shop, exempt: str, reason: str) -> None:
    made = shop.subscription(shop.customer(tax_exempt=exempt), default_tax_rates=[rate(shop, 19).id])
    [tax] = invoiced(shop, made).total_taxes
    assert (tax.amount, tax.taxability_reason) == (0, reason)


@pytest.mark.parametrize(
    ("country", "behaviour", "total", "tax"),
    [("DE", "exclusive", 2380, 380), ("FR", "inclusive", 2000, 333), ("US", "exclusive", 2000, 0)],
)
def test_automatic_tax_follows_the_country(shop: Shop, country: str, behaviour: str, total: int, tax: int) -> None:
    customer = shop.customer(address={"country": country})
    made = shop.subscription(customer, shop.price(2000, tax_behavior=behaviour), automatic_tax={"enabled": True})
    invoice = invoiced(shop, made)
    assert (invoice.total, sum(each.amount for each in invoice.total_taxes)) == (total, tax)
    assert invoice.automatic_tax.status == "complete"


def test_automatic_tax_asks_for_an_address(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscription(automatic_tax={"enabled": True})
    assert refused.value.code == "customer_tax_location_invalid"


def test_a_business_of_the_european_union_settles_it_itself(shop: Shop) -> None:
    tax_id = {"type": "eu_vat", "value": "DE123456789"}
    customer = shop.customer(address={"country": "DE"}, tax_id_data=[tax_id])
    invoice = invoiced(shop, shop.subscription(customer, shop.price(2000), automatic_tax={"enabled": True}))
    assert (invoice.total, invoice.total_taxes[0].taxability_reason) == (2000, "reverse_charge")
    assert [each.value for each in invoice.customer_tax_ids] == ["DE123456789"]


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("eu_vat", "DE123456789", True), ("eu_vat", "de123456789", True), ("eu_vat", "DE12345678", False),
        ("eu_vat", "ATU12345678", True), ("eu_vat", "AT12345678", False), ("eu_vat", "XX123", False),
        ("eu_vat", "NL123456789B01", True), ("gb_vat", "GB123456789", True), ("gb_vat", "DE123456789", False),
    ],
)  # fmt: skip
def test_a_tax_ids_form_is_checked(shop: Shop, kind: str, value: str, fits: bool) -> None:
    customer = shop.customer(card=None)
    if not fits:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.customers.tax_ids.create(customer.id, {"type": kind, "value": value})
        assert refused.value.code == "tax_id_invalid"
        return
    made = shop.v1.customers.tax_ids.create(customer.id, {"type": kind, "value": value})
    assert (made.value, made.country) == (value.upper(), value[:2].upper())
    assert [each.id for each in shop.v1.customers.tax_ids.list(customer.id).data] == [made.id]
    assert shop.v1.customers.tax_ids.delete(customer.id, made.id).deleted
    assert {"customer.tax_id.created", "customer.tax_id.deleted"} <= set(shop.types())


def test_the_checkout_page_asks_for_the_address_and_says_what_that_adds(shop: Shop) -> None:
    session = shop.session(automatic_tax={"enabled": True})
    assert (session.automatic_tax.status, session.amount_total) == ("requires_location_inputs", 2900)
    assert said(shop.pay(session, country="Germany"), "country") == "Enter the country's two letters, such as DE."
    shown = shop.pay(session, country="de")
    assert (shown.status_code, "The total has changed" in shown.text) == (200, True)
    assert "34.51 USD" in shown.text
    assert shop.v1.charges.list().data == []
    assert submit(shown, number=VISA, country="de").status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert (done.amount_total, done.subscription.latest_invoice.amount_paid) == (3451, 3451)
    assert (done.total_details.amount_tax, done.customer_details.address.country) == (551, "DE")


def test_the_checkout_page_takes_a_tax_id(shop: Shop) -> None:
    session = shop.session(automatic_tax={"enabled": True}, tax_id_collection={"enabled": True})
    wrong = shop.pay(session, country="de", business="Ada Ltd", tax_id="123")
    assert said(wrong, "tax_id").startswith("Write the tax ID with its country in front")
    assert shop.pay(session, country="de", business="Ada Ltd", tax_id="DE123456789").status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["customer"]})
    assert [(each.type, each.value) for each in done.customer_details.tax_ids] == [("eu_vat", "DE123456789")]
    assert (done.customer.name, done.customer.address.country, done.amount_total) == ("Ada Ltd", "DE", 2900)


def test_a_known_customer_is_changed_only_when_the_call_says_so(shop: Shop) -> None:
    customer = shop.customer(card=None)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.session(customer=customer.id, automatic_tax={"enabled": True})
    assert refused.value.code == "customer_tax_location_invalid"
    session = shop.session(
        customer=customer.id, automatic_tax={"enabled": True}, customer_update={"address": "auto", "name": "auto"}
    )
    assert submit(submit(opened(session.url), number=VISA, country="AT"), number=VISA, country="AT").status_code == 303
    assert shop.v1.customers.retrieve(customer.id).address.country == "AT"


def test_rates_are_archived_and_never_mixed(shop: Shop) -> None:
    made = rate(shop, 20)
    assert not shop.v1.tax_rates.update(made.id, {"active": False}).active
    for rates in ([made.id], [rate(shop, 5).id, rate(shop, 5, inclusive=True).id], ["txr_x"]):
        with pytest.raises(stripe.InvalidRequestError):
            shop.subscription(default_tax_rates=rates)
    assert [each.id for each in shop.v1.tax_rates.list({"active": False}).data] == [made.id]
