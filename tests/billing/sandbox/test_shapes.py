"""Each object that the stand-in makes has the shape that the stripe package gives it."""

import json
import sqlite3

import pytest

from tests.billing.sandbox import lives, moneylives, shapes
from tests.support.standin import Process, Shop, send

_EXPANDED = {
    "/v1/checkout/sessions": ["data.line_items", "data.subscription", "data.customer"],
    "/v1/invoices": [
        "data.payments",
        "data.confirmation_secret",
        "data.customer",
        "data.lines.data.pricing.price_details.price",
        "data.discounts",
        "data.total_discount_amounts.discount",
    ],
    "/v1/credit_notes": ["data.invoice", "data.refunds.refund", "data.customer_balance_transaction"],
    "/v1/promotion_codes": ["data.promotion.coupon.applies_to"],
    "/v1/coupons": ["data.applies_to", "data.currency_options"],
    "/v1/disputes": ["data.charge"],
    "/v1/customers": ["data.tax_ids", "data.subscriptions", "data.invoice_settings.default_payment_method"],
    "/v1/charges": ["data.refunds", "data.payment_intent"],
    "/v1/subscriptions?status=all": ["data.latest_invoice.payments", "data.default_payment_method"],
    "/v1/prices": ["data.product", "data.tiers", "data.currency_options"],
    "/v1/subscription_schedules": ["data.subscription", "data.customer", "data.phases.items.price"],
    "/v1/invoiceitems": ["data.invoice", "data.customer"],
    "/v1/billing/meters": [],
}
_EVENTS = {
    "billing.meter.created", "billing.meter.deactivated", "billing.meter.reactivated", "invoice.upcoming",
    "invoiceitem.created", "subscription_schedule.canceled", "subscription_schedule.completed",
    "subscription_schedule.created", "subscription_schedule.released", "subscription_schedule.updated",
}  # fmt: skip
_KINDS = {
    "product", "price", "customer", "payment_method", "checkout.session", "subscription", "invoice", "invoice_payment",
    "payment_intent", "setup_intent", "charge", "refund", "event", "webhook_endpoint", "test_helpers.test_clock",
    "billing_portal.configuration", "billing_portal.session", "billing.meter", "invoiceitem", "subscription_schedule",
    "coupon", "promotion_code", "discount", "tax_rate", "tax_id", "credit_note", "customer_balance_transaction",
    "dispute",
}  # fmt: skip


def live_a_little(shop: Shop) -> None:
    """Bring one object of each kind about, in as many of its states as is easy."""
    shop.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["charge.refunded"]})
    price = shop.price(nickname="Plan", metadata={"a": "b"})
    address = {"line1": "1 Way", "country": "DE"}
    customer = shop.customer(address=address, shipping={"name": "Ada", "address": address}, metadata={"tenant": "1"})
    session = shop.session(price, allow_promotion_codes=True, metadata={"a": "b"})
    shop.pay(session)
    shop.session(price, customer=customer.id, subscription_data={"trial_period_days": 3})
    made = shop.subscription(customer, price, metadata={"a": "b"})
    items = [{"id": made["items"].data[0].id, "quantity": 3}]
    shop.v1.subscriptions.update(made.id, {"items": items, "proration_behavior": "always_invoice"})
    shop.subscription(shop.customer("pm_card_chargeCustomerFail"), price)
    shop.subscription(shop.customer("pm_card_authenticationRequired"), price)
    shop.subscription(customer, price, trial_period_days=7)
    shop.subscription(customer, price, collection_method="send_invoice", days_until_due=14)
    shop.v1.subscriptions.cancel(made.id, {"cancellation_details": {"feedback": "unused"}})
    paid = next(each for each in shop.v1.payment_intents.list().data if each.status == "succeeded")
    shop.v1.refunds.create({"payment_intent": paid.id, "amount": 100, "reason": "requested_by_customer"})
    setup = {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    shop.v1.setup_intents.create(setup)
    features = {
        "customer_update": {"enabled": True, "allowed_updates": ["email"]},
        "payment_method_update": {"enabled": True},
    }
    shop.v1.billing_portal.configurations.create({"features": features})
    portal = shop.v1.billing_portal.sessions.create(
        {"customer": customer.id, "flow_data": {"type": "payment_method_update"}}
    )
    send(f"{portal.url}/card", number="4242424242424242")
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000})
    mine = shop.customer(test_clock=clock.id)
    shop.subscription(mine, price)
    shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_800_000_000 + 40 * 86_400})
    for more in (moneylives.discounts, moneylives.taxes, moneylives.credits_and_disputes, moneylives.saved_cards):
        more(shop)
    shop.v1.customers.delete(shop.customer().id)


@pytest.fixture(scope="module")
def lived(standin: Process) -> Shop:
    shop = Shop(standin.url, "sk_test_shapes0001")
    live_a_little(shop)
    lives.plans_and_usage(shop)
    return shop


def test_every_object_and_every_event_of_a_life(lived: Shop, standin: Process) -> None:
    account = lived.v1.accounts.retrieve_current().id.removeprefix("acct_")
    with sqlite3.connect(standin.state) as state:
        rows = state.execute("SELECT kind, body FROM objects WHERE account LIKE ?", (account + "%",)).fetchall()
    assert {kind for kind, _ in rows} >= _KINDS
    assert {json.loads(body)["type"] for kind, body in rows if kind == "event"} >= _EVENTS
    faults = set()
    for _kind, body in rows:
        obj = json.loads(body)
        faults.update(shapes.of_object(obj))
        if obj["object"] == "event":
            faults.update(f"event: {fault}" for fault in shapes.of_object(obj["data"]["object"]))
    assert sorted(faults) == []


@pytest.mark.parametrize("path", _EXPANDED)
def test_what_is_expanded(lived: Shop, path: str) -> None:
    query = "&".join(f"expand[]={name}" for name in _EXPANDED[path])
    answer = lived.raw("GET", f"{path}{'&' if '?' in path else '?'}limit=100&{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    assert found
    assert sorted({fault for obj in found for fault in shapes.of_object(obj)}) == []


def test_the_account_a_preview_and_an_item(lived: Shop) -> None:
    made = lived.v1.subscriptions.list().data[0]
    preview = lived.raw("POST", "/v1/invoices/create_preview", data={"subscription": made.id}).json()
    item = lived.raw("GET", f"/v1/subscription_items/{made['items'].data[0].id}").json()
    account = lived.raw("GET", "/v1/account").json()
    assert [fault for obj in (preview, item, account) for fault in shapes.of_object(obj)] == []


def test_what_is_not_kept_as_an_object(lived: Shop) -> None:
    customer, meter = lived.customer(), lived.v1.billing.meters.list().data[0]
    payload = {"payload[stripe_customer_id]": customer.id, "payload[value]": "7"}
    told = {"event_name": meter.event_name, "identifier": "shapes-1"}
    event = lived.raw("POST", "/v1/billing/meter_events", data={**told, **payload}).json()
    query = f"customer={customer.id}&start_time={event['timestamp'] // 60 * 60}&end_time=4102444800"
    sums = lived.raw("GET", f"/v1/billing/meters/{meter.id}/event_summaries?{query}").json()["data"]
    cancel = {"type": "cancel", "event_name": meter.event_name, "cancel[identifier]": "shapes-1"}
    adjustment = lived.raw("POST", "/v1/billing/meter_event_adjustments", data=cancel).json()
    assert [each["aggregated_value"] for each in sums] == [7]
    assert [fault for obj in (event, adjustment, *sums) for fault in shapes.of_object(obj)] == []


def test_the_check_itself_finds_what_is_wrong() -> None:
    price = {"object": "price", "id": 1, "nonsense": True, "recurring": {"interval": "eon"}}
    faults = shapes.of_object(price)
    assert "price.nonsense: there is no such field" in faults
    assert "price.id: 1 is no <class 'str'>" in faults
    assert "price.currency: is missing" in faults
    assert any(fault.startswith("price.recurring.interval: 'eon' is none of") for fault in faults)
