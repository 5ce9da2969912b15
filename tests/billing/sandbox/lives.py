"""Lives that bring objects of many kinds about, in as many of their states as is easy."""

from typing import Any

from tests.billing.sandbox.life import DAY, START, Life
from tests.support.standin import Shop


def plans_and_usage(shop: Shop) -> None:
    """Prices of every sort, meters, invoice items, several items, schedules in each of their states."""
    life = Life(shop)
    calls = metered(shop)
    options = {"eur": {"unit_amount": 900, "tax_behavior": "exclusive"}, "jpy": {"unit_amount_decimal": "0.5"}}
    seat = shop.price(1000, currency_options=options, transform_quantity={"divide_by": 2, "round": "up"})
    shop.v1.prices.create({"currency": "usd", "unit_amount_decimal": "12.5", "product_data": {"name": "Once"}})
    data = {"currency": "usd", "product": seat.product, "unit_amount": 5, "recurring": {"interval": "month"}}
    items = [{"price": seat.id, "quantity": 3}, {"price": calls.id}, {"price_data": data, "metadata": {"a": "b"}}]
    made = shop.v1.subscriptions.create({"customer": life.customer.id, "items": items})
    event = {"event_name": "calls", "payload": {"stripe_customer_id": life.customer.id, "value": "1500"}}
    shop.v1.billing.meter_events.create(event)
    shop.v1.invoice_items.create({"customer": life.customer.id, "amount": 700, "description": "Help"})
    shop.v1.invoice_items.create({"customer": life.customer.id, "amount": -70, "subscription": made.id})
    shop.v1.subscription_items.update(made["items"].data[0].id, {"quantity": 5})
    schedule = shop.v1.subscription_schedules.create({"from_subscription": made.id})
    now = schedule.phases[0]
    current = {"start_date": now.start_date, "end_date": now.end_date, "items": [{"price": seat.id}]}
    phases = [current, {"items": [{"price": calls.id}], "metadata": {"a": "b"}, "description": "Later"}]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases, "proration_behavior": "always_invoice"})
    later = {"customer": life.customer.id, "start_date": START + 50 * DAY, "phases": [{"items": [{"price": seat.id}]}]}
    shop.v1.subscription_schedules.cancel(shop.v1.subscription_schedules.create(later).id)
    shop.v1.subscription_schedules.create({**later, "end_behavior": "cancel"})
    trial = {"trial_period_days": 20, "items": [{"price": seat.id}, {"price": calls.id}]}
    shop.v1.subscriptions.create({"customer": shop.customer(card=None).id, **trial})
    shop.v1.test_helpers.test_clocks.advance(life.clock.id, {"frozen_time": START + 120 * DAY})
    shop.v1.billing.meters.reactivate(shop.v1.billing.meters.deactivate(calls.recurring.meter).id)


def metered(shop: Shop, name: str = "calls") -> Any:
    """A price by usage, the first 1,000 for nothing."""
    meter = {"display_name": "Calls", "event_name": name, "default_aggregation": {"formula": "sum"}}
    made = shop.v1.billing.meters.create(meter)
    recurring = {"interval": "month", "usage_type": "metered", "meter": made.id}
    tiers = [{"up_to": 1000, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": "0.5", "flat_amount": 10}]
    scheme = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}
    product = {"product_data": {"name": "Calls"}}
    return shop.v1.prices.create({"currency": "usd", "recurring": recurring, **scheme, **product})
