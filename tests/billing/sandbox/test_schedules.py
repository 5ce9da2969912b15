"""Subscription schedules: what is to change later does, at its time and not before."""

from typing import Any

import pytest
import stripe

from tests.billing.sandbox.life import DAY, START, Life, at
from tests.billing.sandbox.test_metering import Metered
from tests.support.standin import Shop

FIRST_END = at(2027, 2, 28)


class Planned(Life):
    """A subscription to a dear plan whose schedule can be given a cheap one."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.dear, self.cheap, self.yearly = shop.price(5600), shop.price(2800), shop.price(50_000, "year")
        self.schedules = self.v1.subscription_schedules

    def scheduled(self) -> Any:
        self.subscribe(self.dear)
        return self.schedules.create({"from_subscription": self.made.id})

    def then(self, price: Any, **more: Any) -> Any:
        """The plan as it is until the period's end, then another."""
        made = self.scheduled()
        return self.schedules.update(made.id, {"phases": self.phases(made, price), **more})

    def phases(self, made: Any, price: Any, **more: Any) -> list[dict[str, Any]]:
        now = made.phases[0]
        current = {"items": [{"price": self.dear.id, "quantity": 1}], "start_date": now.start_date}
        return [{**current, "end_date": now.end_date}, {"items": [{"price": price.id, "quantity": 1}], **more}]

    def price_now(self) -> str:
        return str(self.v1.subscriptions.retrieve(self.made.id)["items"].data[0].price.id)


@pytest.fixture
def life(shop: Shop) -> Planned:
    return Planned(shop)


def test_a_schedule_of_a_subscription_shows_its_period(life: Planned) -> None:
    made = life.scheduled()
    phase = made.phases[0]
    assert (made.status, made.end_behavior, made.subscription) == ("active", "release", life.made.id)
    assert (phase.start_date, phase.end_date, phase["items"][0].price) == (START, FIRST_END, life.dear.id)
    assert made.current_phase.to_dict() == {"start_date": START, "end_date": FIRST_END}
    found = life.v1.subscriptions.retrieve(life.made.id, {"expand": ["schedule"]})
    assert found.schedule.id == made.id
    assert life.invoices() == [("paid", 5600)]
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        life.schedules.create({"from_subscription": life.made.id})
    with pytest.raises(stripe.InvalidRequestError, match="You cannot set `end_behavior`"):
        life.schedules.create({"from_subscription": life.made.id, "end_behavior": "release"})
    assert [each.id for each in life.schedules.list({"customer": life.customer.id}).data] == [made.id]


def test_a_downgrade_waits_for_the_periods_end_and_then_lets_go(life: Planned) -> None:
    made = life.then(life.cheap, metadata={"why": "asked"})
    assert [phase.end_date for phase in made.phases] == [FIRST_END, at(2027, 3, 28)]
    preview = life.v1.invoices.create_preview({"subscription": life.made.id})
    life.go(FIRST_END - 1)
    assert life.price_now() == life.dear.id
    found = life.go(FIRST_END)
    assert life.price_now() == life.cheap.id
    assert found["items"].data[0].current_period_end == at(2027, 3, 31)
    assert life.invoices() == [("paid", 5600), ("paid", 2800)]
    assert (preview.total, preview.period_start) == (2800, FIRST_END)
    life.go(at(2027, 3, 28))
    made = life.schedules.retrieve(made.id)
    assert (made.status, made.released_subscription, made.subscription) == ("released", life.made.id, None)
    assert life.v1.subscriptions.retrieve(life.made.id).schedule is None
    life.go(at(2027, 4, 1))
    assert life.invoices()[2:] == [("paid", 2800)]
    assert life.shop.types().count("subscription_schedule.released") == 1


def test_from_years_to_months_at_the_years_end(life: Planned) -> None:
    life.dear = life.yearly
    life.then(life.cheap, proration_behavior="none")
    life.go(at(2028, 1, 31))
    found = life.v1.subscriptions.retrieve(life.made.id)
    assert life.invoices() == [("paid", 50_000), ("paid", 2800)]
    assert found["items"].data[0].current_period_end == at(2028, 2, 29)


def test_who_changes_their_mind_is_released_and_nothing_happens(life: Planned) -> None:
    made = life.then(life.cheap)
    released = life.schedules.release(made.id)
    assert (released.status, released.released_at) == ("released", START)
    for call in (life.schedules.release, life.schedules.cancel):
        with pytest.raises(stripe.InvalidRequestError, match=r"currently in the `released` status"):
            call(made.id)
    with pytest.raises(stripe.InvalidRequestError, match=r"currently in the `released` status"):
        life.schedules.update(made.id, {"end_behavior": "cancel"})
    life.go(at(2027, 3, 1))
    assert life.price_now() == life.dear.id
    assert life.invoices() == [("paid", 5600)] * 2


def test_a_scheduled_subscription_is_not_ended_past_its_schedule(life: Planned) -> None:
    made = life.then(life.cheap)
    for change in ({"cancel_at_period_end": True}, {"cancel_at": START + DAY}):
        with pytest.raises(stripe.InvalidRequestError, match=f"managed by the subscription schedule `{made.id}`"):
            life.v1.subscriptions.update(life.made.id, change)
    assert life.v1.subscriptions.cancel(life.made.id).status == "canceled"
    assert life.schedules.retrieve(made.id).status == "canceled"
    life.go(at(2027, 3, 1))
    assert life.invoices() == [("paid", 5600)]


def test_it_can_be_the_schedule_that_ends_the_subscription(life: Planned) -> None:
    made = life.scheduled()
    life.schedules.update(made.id, {"end_behavior": "cancel"})
    found = life.go(at(2027, 3, 5))
    assert (found.status, found.ended_at) == ("canceled", FIRST_END)
    assert life.schedules.retrieve(made.id).status == "completed"
    assert life.invoices() == [("paid", 5600)]


def test_a_schedule_is_canceled_with_its_subscription(life: Planned) -> None:
    made = life.then(life.cheap)
    life.go(START + 14 * DAY)
    assert life.schedules.cancel(made.id, {"prorate": False}).status == "canceled"
    assert life.v1.subscriptions.retrieve(life.made.id).status == "canceled"
    assert life.invoices() == [("paid", 5600)]


def test_a_phase_that_begins_in_mid_period_is_prorated(life: Planned) -> None:
    made = life.scheduled()
    middle = START + 14 * DAY
    current = {"items": [{"price": life.dear.id}], "start_date": START, "end_date": middle}
    later = {"items": [{"price": life.cheap.id, "quantity": 3}], "proration_behavior": "always_invoice",
             "metadata": {"phase": "2"}}  # fmt: skip
    life.schedules.update(made.id, {"phases": [current, later]})
    found = life.go(middle)
    assert life.invoices() == [("paid", 5600), ("paid", 3 * 1400 - 2800)]
    assert found.metadata.to_dict() == {"phase": "2"}
    assert life.schedules.retrieve(made.id).current_phase.start_date == middle


def test_the_phase_under_way_keeps_its_start_and_its_change_is_made_at_once(life: Planned) -> None:
    made = life.scheduled()
    life.go(START + 14 * DAY)
    phases = life.phases(made, life.cheap)
    with pytest.raises(stripe.InvalidRequestError, match="can not modify the start date of the current phase"):
        life.schedules.update(made.id, {"phases": [{**phases[0], "start_date": START + DAY}, phases[1]]})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        life.schedules.update(made.id, {"phases": phases[1:]})
    assert refused.value.param == "phases[0][start_date]"
    phases[0]["items"] = [{"price": life.dear.id, "quantity": 2}]
    details = {"phases": phases, "proration_behavior": "always_invoice"}
    preview = life.v1.invoices.create_preview({"schedule": made.id, "schedule_details": details})
    assert life.invoices() == [("paid", 5600)]
    life.schedules.update(made.id, details)
    assert life.invoices() == [("paid", 5600), ("paid", 2800)]
    assert preview.total == 2800
    assert life.v1.subscriptions.retrieve(life.made.id)["items"].data[0].quantity == 2


def test_a_change_of_the_subscription_is_one_of_its_phase(life: Planned) -> None:
    made = life.then(life.cheap)
    item = life.made["items"].data[0].id
    life.v1.subscriptions.update(life.made.id, {"items": [{"id": item, "quantity": 4}], "proration_behavior": "none"})
    phases = life.schedules.retrieve(made.id).phases
    assert [phase["items"][0].quantity for phase in phases] == [4, 1]
    life.go(FIRST_END)
    assert life.invoices()[1:] == [("paid", 2800)]


def test_a_schedule_starts_a_subscription_when_its_time_comes(life: Planned) -> None:
    phases = [
        {"items": [{"price": life.cheap.id}], "duration": {"interval": "month", "interval_count": 2}},
        {"items": [{"price": life.dear.id}]},
    ]
    begins = START + 5 * DAY
    wanted = {"customer": life.customer.id, "start_date": begins, "phases": phases, "end_behavior": "cancel"}
    made = life.schedules.create(wanted)
    assert (made.status, made.subscription, made.current_phase) == ("not_started", None, None)
    assert life.schedules.list({"scheduled": True}).data[0].id == made.id
    life.v1.test_helpers.test_clocks.advance(life.clock.id, {"frozen_time": begins})
    made = life.schedules.retrieve(made.id)
    life.made = life.v1.subscriptions.retrieve(made.subscription)
    assert (made.status, life.made.status, life.made.start_date) == ("active", "active", begins)
    life.go(begins + 100 * DAY)
    assert [total for _, total in life.invoices()] == [2800, 2800, 5600]
    assert life.v1.subscriptions.retrieve(life.made.id).status == "canceled"
    now = life.schedules.create({"customer": life.customer.id, "start_date": "now", "phases": phases})
    assert now.status == "active"


def test_usage_of_the_old_plan_is_billed_when_the_new_one_begins(shop: Shop) -> None:
    life = Metered(shop)
    made = life.subscribe()
    dearer = life.by_usage([{"up_to": "inf", "unit_amount": 2}])
    schedule = life.v1.subscription_schedules.create({"from_subscription": made.id})
    now = schedule.phases[0]
    old = [{"price": life.plan.id, "quantity": 1}, {"price": life.calls.id}]
    new = [{"price": shop.price(9000).id}, {"price": dearer.id}]
    phases = [{"items": old, "start_date": now.start_date, "end_date": now.end_date}, {"items": new}]
    life.v1.subscription_schedules.update(schedule.id, {"phases": phases, "proration_behavior": "none"})
    life.report(1100, START + 1)
    life.go(FIRST_END - 1)
    preview = life.v1.invoices.create_preview({"subscription": made.id})
    life.go(FIRST_END)
    life.report(3, FIRST_END)
    assert life.lines() == [(1000, 0), (100, 50), (1, 9000)]
    assert preview.total == 9050
    life.go(at(2027, 3, 31))
    assert life.lines() == [(3, 6), (1, 9000)]


def test_a_price_that_is_no_longer_sold_is_what_was_promised(life: Planned) -> None:
    made = life.then(life.cheap)
    for price in (life.cheap, life.dear):
        life.v1.prices.update(price.id, {"active": False})
    life.schedules.update(made.id, {"phases": life.phases(made, life.cheap, metadata={"a": "b"})})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        life.v1.subscription_items.create({"subscription": life.made.id, "price": life.cheap.id})
    assert life.go(FIRST_END)["items"].data[0].price.id == life.cheap.id
    assert life.invoices()[-1] == ("paid", 2800)


def test_what_can_not_start_is_given_up_and_time_goes_on(life: Planned) -> None:
    phases = [{"items": [{"price": life.cheap.id}], "currency": "usd"}]
    later = {"customer": life.customer.id, "start_date": START + DAY, "phases": phases}
    made = life.schedules.create(later)
    euros = life.shop.price(1000, currency="eur")
    life.v1.subscriptions.create({"customer": life.customer.id, "items": [{"price": euros.id}]})
    life.v1.test_helpers.test_clocks.advance(life.clock.id, {"frozen_time": START + 2 * DAY})
    assert life.schedules.retrieve(made.id).status == "canceled"
    assert "subscription_schedule.aborted" in life.shop.types()
    other = life.shop.customer(test_clock=life.clock.id)
    waits = life.schedules.create({**later, "customer": other.id, "start_date": START + 3 * DAY})
    life.v1.customers.delete(other.id)
    assert life.schedules.retrieve(waits.id).status == "canceled"


def test_in_a_trial_the_next_plan_begins_when_it_ends(life: Planned) -> None:
    life.subscribe(life.dear, trial_period_days=10)
    made = life.schedules.create({"from_subscription": life.made.id})
    assert made.phases[0].trial_end == made.phases[0].end_date == START + 10 * DAY
    life.schedules.update(made.id, {"phases": life.phases(made, life.cheap)})
    assert life.go(START + 9 * DAY).status == "trialing"
    assert life.go(START + 10 * DAY).status == "active"
    assert life.invoices() == [("paid", 0), ("paid", 2800)]


@pytest.mark.parametrize(
    ("phase", "param"),
    [
        ({"items": [{"quantity": 2}]}, "phases[1][items][0][price]"),
        ({"items": [{"price": "price_x"}]}, "phases[1][items][0][price]"),
        ({"end_date": START}, "phases[1][end_date]"),
        ({"start_date": FIRST_END + DAY}, "phases[1][start_date]"),
        ({"nonsense": 1}, "phases[1][nonsense]"),
    ],
)
def test_phases_that_make_no_sense(life: Planned, phase: dict[str, Any], param: str) -> None:
    made = life.scheduled()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        life.schedules.update(made.id, {"phases": life.phases(made, life.cheap, **phase)})
    assert refused.value.param == param
    assert len(life.schedules.retrieve(made.id).phases) == 1


@pytest.fixture
def half(life: Planned) -> Any:
    return life.v1.coupons.create({"percent_off": 50, "duration": "forever"})


def test_a_phase_has_the_discounts_that_it_names_and_no_others(life: Planned, half: Any) -> None:
    life.subscribe(life.dear, discounts=[{"coupon": half.id}])
    made = life.schedules.create({"from_subscription": life.made.id})
    (held,) = life.made.discounts
    assert [each.to_dict() for each in made.phases[0].discounts] == [
        {"coupon": None, "discount": held, "promotion_code": None}
    ]
    now, then = life.phases(made, life.cheap)
    kept = {"discounts": [{"discount": held}]}
    life.schedules.update(made.id, {"phases": [now | kept, then | kept]})
    assert life.v1.subscriptions.retrieve(life.made.id).discounts == [held]
    preview = life.v1.invoices.create_preview({"subscription": life.made.id})
    assert life.go(FIRST_END).discounts == [held]
    assert life.invoices() == [("paid", 2800), ("paid", 1400)]
    assert preview.total == 1400
    life.go(at(2027, 4, 1))
    assert life.invoices()[2:] == [("paid", 1400)]


@pytest.mark.parametrize("customers", [False, True])
def test_a_phase_that_names_none_has_its_customers(life: Planned, half: Any, customers: bool) -> None:
    life.subscribe(life.dear, discounts=[{"coupon": half.id}])
    made = life.schedules.create({"from_subscription": life.made.id})
    if customers:
        quarter = life.v1.coupons.create({"percent_off": 25, "duration": "forever"})
        life.shop.control("POST", "discounts", customer=life.customer.id, coupon=quarter.id)
    now, then = life.phases(made, life.cheap)
    life.schedules.update(made.id, {"phases": [now | {"discounts": [{"coupon": half.id}]}, then]})
    assert life.go(FIRST_END).discounts == []
    assert life.invoices() == [("paid", 2800), ("paid", 2100 if customers else 2800)]


def test_a_coupon_of_a_phase_is_taken_when_the_phase_begins(life: Planned, half: Any) -> None:
    code = life.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": half.id}, "max_redemptions": 1})
    made = life.then(life.cheap)
    now, then = life.phases(made, life.cheap)
    life.schedules.update(made.id, {"phases": [now, then | {"discounts": [{"promotion_code": code.id}]}]})
    assert life.v1.coupons.retrieve(half.id).times_redeemed == 0
    found = life.v1.subscriptions.retrieve(life.made.id)
    assert found.discounts == []
    assert len(life.go(FIRST_END).discounts) == 1
    assert life.v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert life.invoices() == [("paid", 5600), ("paid", 1400)]


def test_a_coupon_that_is_gone_when_its_phase_begins_is_left_out(life: Planned, half: Any) -> None:
    made = life.then(life.cheap)
    now, then = life.phases(made, life.cheap)
    life.schedules.update(made.id, {"phases": [now, then | {"discounts": [{"coupon": half.id}]}]})
    life.v1.coupons.delete(half.id)
    life.go(FIRST_END)
    assert life.invoices() == [("paid", 5600), ("paid", 2800)]


@pytest.mark.parametrize("named", [{"coupon": "nothing"}, {"promotion_code": "promo_nothing"}, {"discount": "di_1"}])
def test_a_phase_is_not_given_a_discount_that_there_is_not(life: Planned, named: dict[str, str]) -> None:
    made = life.scheduled()
    now, then = life.phases(made, life.cheap)
    with pytest.raises(stripe.InvalidRequestError, match="No such") as refused:
        life.schedules.update(made.id, {"phases": [now, then | {"discounts": [named]}]})
    assert refused.value.param == f"phases[1][discounts][0][{next(iter(named))}]"


def test_a_schedule_may_begin_with_a_discount_and_a_tax(life: Planned, half: Any) -> None:
    rate = life.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    terms = {"discounts": [{"coupon": half.id}], "default_tax_rates": [rate.id]}
    phase = {"items": [{"price": life.dear.id, "quantity": 1}], **terms}
    made = life.schedules.create({"customer": life.customer.id, "start_date": "now", "phases": [phase]})
    assert [found.id for found in made.phases[0].default_tax_rates] == [rate.id]
    assert made.phases[0].discounts[0].coupon == half.id
    assert life.invoices() == [("paid", 3360)]
    (item,) = life.v1.subscriptions.retrieve(made.subscription)["items"].data
    life.v1.subscriptions.update(made.subscription, {"items": [{"id": item.id, "quantity": 2}]})
    assert len(life.schedules.retrieve(made.id).phases[0].discounts) == 1
    assert life.v1.coupons.retrieve(half.id).times_redeemed == 1


def test_taxes_begin_and_end_with_their_phase(life: Planned) -> None:
    life.v1.customers.update(life.customer.id, {"address": {"country": "DE", "postal_code": "10115"}})
    made = life.scheduled()
    now, then = life.phases(made, life.cheap)
    then |= {"automatic_tax": {"enabled": True}, "duration": {"interval": "month", "interval_count": 1}}
    last = {"items": then["items"], "automatic_tax": {"enabled": False}}
    life.schedules.update(made.id, {"phases": [now, then, last]})
    assert life.go(FIRST_END).automatic_tax.enabled
    life.go(at(2027, 3, 31))
    assert life.invoices()[:2] == [("paid", 5600), ("paid", 3332)]  # 19 percent of 2800 more
    assert not life.go(at(2027, 4, 1)).automatic_tax.enabled
