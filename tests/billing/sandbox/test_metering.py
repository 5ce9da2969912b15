"""Usage is reported to meters, billed when its period has ended, and never twice."""

from typing import Any

import pytest
import stripe

from tests.billing.sandbox.life import DAY, START, Life, at
from tests.support.standin import Shop

HOUR = 3600
TIERS = [{"up_to": 1000, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": "0.5"}]


class Metered(Life):
    """A plan, and calls beyond the first 1,000."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.meter = self.v1.billing.meters.create(
            {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
        )
        self.plan, self.calls = shop.price(2000), self.by_usage()

    def by_usage(self, tiers: Any = TIERS) -> Any:
        recurring = {"interval": "month", "usage_type": "metered", "meter": self.meter.id}
        scheme = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}
        product = self.v1.products.create({"name": "Calls"})
        return self.v1.prices.create({"product": product.id, "currency": "usd", "recurring": recurring, **scheme})

    def subscribe(self, price: Any = None, **more: Any) -> Any:
        items = [{"price": self.plan.id}, {"price": (price or self.calls).id}]
        self.made = self.v1.subscriptions.create({"customer": self.customer.id, "items": items, **more})
        self.item = self.made["items"].data[1]
        return self.made

    def report(self, value: Any, when: int, identifier: str | None = None, **more: Any) -> Any:
        payload = {"stripe_customer_id": self.customer.id, "value": str(value)}
        named = {"identifier": identifier} if identifier else {}
        return self.v1.billing.meter_events.create(
            {"event_name": "calls", "payload": payload, "timestamp": when, **named, **more}
        )

    def lines(self) -> list[tuple[int, int]]:
        """Quantity and amount of each line of the newest invoice."""
        invoice = self.v1.invoices.list({"customer": self.customer.id}).data[0]
        return [(line.quantity, line.amount) for line in invoice.lines.data]


@pytest.fixture
def life(shop: Shop) -> Metered:
    return Metered(shop)


def test_usage_is_billed_when_its_period_has_ended_a_line_for_each_tier(life: Metered) -> None:
    made = life.subscribe()
    assert life.lines() == [(1, 2000)]  # no line for usage before there is any
    assert "quantity" not in made["items"].data[1].to_dict()
    life.go(START + 10 * DAY)
    life.report(900, START)  # the period's first second
    life.report(203, START + 9 * DAY)
    preview = life.v1.invoices.create_preview({"subscription": made.id})
    life.go(at(2027, 2, 28) - 1)
    life.report(50, at(2027, 2, 28))  # the next period's first second
    life.go(at(2027, 2, 28))
    assert life.lines() == [(1000, 0), (103, 52), (1, 2000)]  # 51.5 is 52
    assert preview.total == 2052
    assert [line.period.start for line in preview.lines.data] == [START, START, at(2027, 2, 28)]
    life.go(at(2027, 3, 31))
    assert life.lines() == [(50, 0), (1, 2000)]


def test_for_an_hour_after_the_period_late_usage_counts_and_then_no_more(life: Metered) -> None:
    made, end = life.subscribe(), at(2027, 2, 28)
    once = life.v1.coupons.create({"percent_off": 50, "duration": "once"})
    life.v1.subscriptions.update(made.id, {"discounts": [{"coupon": once.id}]})
    life.report(1500, START)
    life.go(end)
    assert (life.invoices()[-1], life.lines()) == (("draft", 1125), [(1000, 0), (500, 250), (1, 2000)])
    life.go(end + HOUR - 1)
    life.report(100, end - 1, "late")
    life.go(end + HOUR)
    assert (life.invoices()[-1], life.lines()) == (("paid", 1150), [(1000, 0), (600, 300), (1, 2000)])
    life.report(100, end - 1, "too late")
    life.go(at(2027, 4, 2))
    assert life.lines() == [(0, 0), (1, 2000)]
    assert [total for _, total in life.invoices()] == [2000, 1150, 2000]


def test_an_identifier_is_good_for_one_event_a_day(life: Metered) -> None:
    assert life.report(5, START, "t1.calls.1").identifier == "t1.calls.1"
    with pytest.raises(stripe.InvalidRequestError, match=r"An event already exists with identifier t1\.calls\.1"):
        life.report(5, START, "t1.calls.1")
    life.subscribe()
    life.go(START + DAY)
    life.report(5, START + 1, "t1.calls.1")  # it says nothing of what was more than a day ago
    assert sum(each.aggregated_value for each in _summaries(life, START, START + 2 * DAY)) == 10


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"timestamp": START - 35 * DAY - 1}, "timestamp"),
        ({"timestamp": START + 301}, "timestamp"),
        ({"event_name": "nonsense"}, "event_name"),
        ({"payload": {"stripe_customer_id": "cus_x", "value": "1"}}, "payload[stripe_customer_id]"),
        ({"payload": {"value": "1"}}, "payload[stripe_customer_id]"),
        ({"payload": {"value": "many"}}, "payload[value]"),
        ({"payload": {}}, "payload[value]"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_events_that_are_refused(life: Metered, change: dict[str, Any], param: str) -> None:
    if "payload" in change and param == "payload[value]":
        change = {"payload": {"stripe_customer_id": life.customer.id, **change["payload"]}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        life.report(1, START, **change)
    assert refused.value.param == param
    assert _summaries(life, START - 40 * DAY, START + DAY)[0].aggregated_value == 0


def test_events_at_the_edges_of_what_is_taken(life: Metered) -> None:
    life.report(1, START - 35 * DAY)
    life.report(1, START + 300)
    assert _summaries(life, START - 36 * DAY, START + DAY)[0].aggregated_value == 2


def test_sums_by_hour_and_day_and_an_event_that_is_taken_back(life: Metered) -> None:
    noon = START
    for when, value in ((noon - 30 * HOUR, 1), (noon - HOUR, 2), (noon - 1, 4), (noon, 8)):
        life.report(value, when, f"at.{when}")
    hours = _summaries(life, noon - 2 * DAY, noon + DAY, value_grouping_window="hour")
    assert [(each.start_time - noon, each.aggregated_value) for each in hours] == [
        (0, 8), (-HOUR, 6), (-30 * HOUR, 1)
    ]  # fmt: skip
    days = _summaries(life, noon - 2 * DAY - 12 * HOUR, noon + 12 * HOUR, value_grouping_window="day")
    assert [each.aggregated_value for each in days] == [14, 1]
    cancel = {"type": "cancel", "event_name": "calls", "cancel": {"identifier": f"at.{noon}"}}
    assert life.v1.billing.meter_event_adjustments.create(cancel).status == "complete"
    assert _summaries(life, noon - 2 * DAY, noon + DAY)[0].aggregated_value == 7
    with pytest.raises(stripe.InvalidRequestError, match="aligned"):
        _summaries(life, noon + 1, noon + DAY)


@pytest.mark.parametrize(("formula", "value"), [("sum", 9.0), ("count", 3.0), ("last", 4.0)])
def test_what_a_meter_makes_of_its_events(life: Metered, formula: str, value: float) -> None:
    meter = {"display_name": "x", "event_name": formula, "default_aggregation": {"formula": formula}}
    made = life.v1.billing.meters.create(meter)
    for given, when in ((4, START), (3, START - HOUR), (2, START - 2 * HOUR)):
        life.report(given, when, event_name=formula)
    found = life.v1.billing.meters.event_summaries.list(
        made.id, {"customer": life.customer.id, "start_time": START - DAY, "end_time": START + DAY}
    )
    assert found.data[0].aggregated_value == value


def test_a_meter_that_is_switched_off_takes_nothing_and_a_name_is_used_once(life: Metered) -> None:
    meters = life.v1.billing.meters
    again = {"display_name": "x", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    with pytest.raises(stripe.InvalidRequestError, match="already uses"):
        meters.create(again)
    assert meters.deactivate(life.meter.id).status_transitions.deactivated_at
    with pytest.raises(stripe.InvalidRequestError, match="No active meter"):
        life.report(1, START)
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        life.by_usage()
    assert meters.list({"status": "inactive"}).data[0].id == life.meter.id
    assert meters.update(life.meter.id, {"display_name": "API calls"}).display_name == "API calls"
    meters.reactivate(life.meter.id)
    life.report(1, START)


def test_usage_has_no_quantity_and_a_changed_price_bills_each_side_of_the_change(life: Metered) -> None:
    made = life.subscribe()
    with pytest.raises(stripe.InvalidRequestError, match="usage_type is `metered`"):
        life.v1.subscription_items.update(life.item.id, {"quantity": 3})
    life.go(START + 10 * DAY)
    life.report(1500, START + DAY)
    dearer = life.by_usage([{"up_to": "inf", "unit_amount": 2}])
    details = {"items": [{"id": life.item.id, "price": dearer.id}], "proration_behavior": "always_invoice"}
    preview = life.v1.invoices.create_preview({"subscription": made.id, "subscription_details": details})
    life.v1.subscriptions.update(made.id, details)
    assert life.lines() == [(1000, 0), (500, 250)]
    assert preview.total == 250
    life.report(7, START + 10 * DAY)  # from the change on, at the new price
    life.go(at(2027, 2, 28))
    assert life.lines() == [(7, 14), (1, 2000)]


def test_usage_of_an_item_that_goes_is_billed_unless_it_is_forgotten(life: Metered) -> None:
    life.subscribe()
    life.report(1500, START)
    life.go(START + DAY)
    life.v1.subscription_items.delete(life.item.id, {"clear_usage": True})
    life.go(at(2027, 2, 28))
    assert life.lines() == [(1, 2000)]
    life.v1.subscription_items.create({"subscription": life.made.id, "price": life.calls.id})
    life.report(1200, at(2027, 2, 28))
    life.go(at(2027, 3, 1))
    life.v1.subscription_items.delete(life.v1.subscriptions.retrieve(life.made.id)["items"].data[1].id)
    life.go(at(2027, 3, 31))
    assert life.lines() == [(1000, 0), (200, 100), (1, 2000)]


@pytest.mark.parametrize(("now", "left"), [({"invoice_now": True, "prorate": True}, True), ({}, False)])
def test_who_leaves_at_once_pays_for_usage_when_it_is_asked_for(life: Metered, now: Any, left: bool) -> None:
    made = life.subscribe()
    life.go(START + 14 * DAY)  # half of 28 days
    life.report(5000, START + DAY)
    details = {"cancel_now": True, "proration_behavior": "always_invoice"}
    preview = life.v1.invoices.create_preview({"subscription": made.id, "subscription_details": details})
    ended = life.v1.subscriptions.cancel(made.id, now)
    assert ended.status == "canceled"
    assert life.lines() == ([(1, -1000), (1000, 0), (4000, 2000)] if left else [(1, 2000)])
    if left:
        assert life.v1.invoices.retrieve(ended.latest_invoice).amount_paid == preview.total == 1000


def test_at_the_end_that_was_planned_usage_is_paid(life: Metered) -> None:
    made = life.subscribe()
    life.report(1100, START)
    life.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert life.v1.invoices.create_preview({"subscription": made.id}).total == 50
    assert life.go(at(2027, 2, 28)).status == "canceled"
    life.report(2, at(2027, 2, 28) - 1)
    life.go(at(2027, 3, 1))
    assert life.lines() == [(1000, 0), (102, 51)]
    assert life.invoices() == [("paid", 2000), ("paid", 51)]


def test_a_trials_usage_is_free_and_usage_alone_makes_no_first_invoice(life: Metered) -> None:
    made = life.v1.subscriptions.create(
        {"customer": life.customer.id, "items": [{"price": life.calls.id}], "trial_period_days": 7}
    )
    life.made = made
    assert (made.status, made.latest_invoice) == ("trialing", None)
    life.report(9000, START)
    made = life.go(START + 7 * DAY)
    assert (made.status, life.invoices()) == ("active", [])
    life.report(1002, START + 7 * DAY)
    life.go(at(2027, 3, 8))
    assert life.invoices() == [("paid", 1)]


def _summaries(life: Metered, start: int, end: int, **more: Any) -> Any:
    wanted = {"customer": life.customer.id, "start_time": start, "end_time": end, "limit": 100, **more}
    return life.v1.billing.meters.event_summaries.list(life.meter.id, wanted).data
