"""Several items in a subscription, what changing them costs, and that a preview says it exactly."""

import random
from typing import Any

import pytest
import stripe

from tests.billing.sandbox.life import DAY, START, Life, at
from tests.support.standin import Shop

FIRST_END = at(2027, 2, 28)
SPAN = FIRST_END - START


class Plans(Life):
    """A plan with seats beside it, in dollars and yen, by month and year."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.small, self.large = self._priced(2800), self._priced(5699)
        self.seat = self._priced(999)
        self.yearly, self.yearly_seat = self._priced(57_001, "year"), self._priced(9_990, "year")

    def start(self, seats: int = 2, **more: Any) -> Any:
        items = [{"price": self.small.id}, *([{"price": self.seat.id, "quantity": seats}] if seats else [])]
        self.made = self.v1.subscriptions.create({"customer": self.customer.id, "items": items, **more})
        self.plan = self.made["items"].data[0].id
        self.seats = self.made["items"].data[1].id if seats else None
        return self.made

    def update(self, *items: dict[str, Any], **more: Any) -> Any:
        return self.v1.subscriptions.update(self.made.id, {"items": list(items), **more})

    def preview(self, *items: dict[str, Any], **more: Any) -> Any:
        details = {"items": list(items), **more}
        return self.v1.invoices.create_preview({"subscription": self.made.id, "subscription_details": details})

    def newest(self) -> Any:
        return self.v1.invoices.list({"customer": self.customer.id, "limit": 1}).data[0]

    def _priced(self, amount: int, interval: str = "month") -> Any:
        return self.shop.price(amount, interval, currency_options={"jpy": {"unit_amount": amount * 3 // 2}})


@pytest.fixture
def life(shop: Shop) -> Plans:
    return Plans(shop)


def amounts(invoice: Any) -> list[int]:
    return [line.amount for line in invoice.lines.data]


def test_seats_come_and_go_and_what_is_unused_is_given_back_as_it_was_charged(life: Plans) -> None:
    life.start(seats=2)
    assert life.invoices() == [("paid", 2800 + 2 * 999)]
    life.go(START + SPAN // 4)
    life.update({"id": life.seats, "quantity": 3}, proration_behavior="always_invoice")
    assert amounts(life.newest()) == [-1499, 2248]  # -1498.5 and 2247.75: half a cent goes away from zero
    life.go(START + SPAN // 2)
    life.update({"id": life.seats, "quantity": 0}, proration_behavior="always_invoice")
    assert amounts(life.newest()) == [-1499]  # of 2248 that paid for three quarters, two thirds are left: 1498.67


def test_a_change_that_is_not_prorated_leaves_what_was_paid(life: Plans) -> None:
    life.start(seats=3)
    life.go(START + SPAN // 2)
    life.update({"id": life.seats, "quantity": 1}, proration_behavior="none")
    assert len(life.invoices()) == 1
    life.update({"id": life.seats, "quantity": 3}, proration_behavior="always_invoice")
    assert amounts(life.newest()) == [-1499, 1499]  # three were paid to the end of the period
    life.go(FIRST_END)
    assert amounts(life.newest()) == [2800, 2997]


def test_an_item_is_added_and_taken_away_by_either_way(life: Plans) -> None:
    life.start(seats=0)
    made = life.update({"price": life.seat.id, "quantity": 4}, proration_behavior="none")
    added = made["items"].data[1]
    life.v1.subscription_items.update(added.id, {"quantity": 5, "proration_behavior": "none", "metadata": {"a": "b"}})
    assert life.v1.subscription_items.retrieve(added.id).metadata.to_dict() == {"a": "b"}
    made = life.update({"id": added.id, "deleted": True}, proration_behavior="none")
    assert [item.price.id for item in made["items"].data] == [life.small.id]
    with pytest.raises(stripe.InvalidRequestError, match="at least one active item"):
        life.update({"id": life.plan, "deleted": True})
    with pytest.raises(stripe.InvalidRequestError, match="same plan"):
        life.update({"price": life.small.id})
    assert life.invoices() == [("paid", 2800)]


def test_a_price_that_is_made_for_one_item(life: Plans) -> None:
    data = {"currency": "usd", "product": life.small.product, "unit_amount": 1234, "recurring": {"interval": "month"}}
    made = life.v1.subscriptions.create({"customer": life.customer.id, "items": [{"price_data": data}]})
    price = made["items"].data[0].price
    assert (price.unit_amount, price.product, price.active) == (1234, life.small.product, False)
    cheaper = {"id": made["items"].data[0].id, "price_data": data | {"unit_amount": 1000}}
    made = life.v1.subscriptions.update(made.id, {"items": [cheaper], "proration_behavior": "none"})
    assert made["items"].data[0].price.unit_amount == 1000
    both = {"price": life.small.id, "price_data": data}
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        life.v1.subscriptions.create({"customer": life.customer.id, "items": [both]})


def test_what_is_not_invoiced_waits_as_invoice_items(life: Plans) -> None:
    made = life.start(seats=2)
    life.go(START + SPAN // 2)
    life.update({"id": life.seats, "quantity": 3})
    found = life.v1.invoice_items.list({"customer": life.customer.id, "pending": True}).data
    assert sorted((item.amount, item.proration) for item in found) == [(-999, True), (1499, True)]
    life.v1.invoice_items.create({"customer": life.customer.id, "amount": 500, "description": "Help"})
    gone = life.v1.invoice_items.create({"customer": life.customer.id, "amount": 7, "currency": "usd"})
    assert life.v1.invoice_items.delete(gone.id).deleted
    preview = life.v1.invoices.create_preview({"subscription": made.id})
    life.go(FIRST_END)
    assert amounts(life.newest()) == amounts(preview) == [-999, 1499, 500, 2800, 2997]
    assert life.v1.invoice_items.list({"customer": life.customer.id, "pending": True}).data == []
    assert {item.invoice for item in life.v1.invoice_items.list({"customer": life.customer.id}).data} == {
        life.newest().id
    }
    with pytest.raises(stripe.InvalidRequestError, match="on an invoice already"):
        life.v1.invoice_items.delete(found[0].id)


@pytest.mark.parametrize("currency", ["usd", "jpy"])
def test_what_a_preview_says_is_what_is_charged_whatever_the_change(life: Plans, currency: str) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)
    dice, now = random.Random(seed), START
    life.start(seats=2, currency=currency)
    for _ in range(6):
        now += dice.randrange(1, 3 * DAY)
        life.go(now)
        change = dice.choice(
            [
                [{"id": life.plan, "price": dice.choice([life.small.id, life.large.id])}],
                [{"id": life.seats, "quantity": dice.randrange(9)}],
                [{"id": life.plan, "price": life.large.id}, {"id": life.seats, "quantity": dice.randrange(9)}],
            ]
        )
        asked = {"proration_behavior": dice.choice(["always_invoice", "create_prorations"]), "proration_date": now}
        preview, before = life.preview(*change, **asked), len(life.invoices())
        credit = life.v1.customers.retrieve(life.customer.id).balance
        now += dice.randrange(1, 600)
        life.go(now)  # between the preview and the change
        life.update(*change, **asked)
        if len(life.invoices()) > before:
            invoice = life.newest()
            assert (invoice.total, invoice.amount_paid) == (preview.total, preview.amount_due)
            assert amounts(invoice) == amounts(preview)
            assert invoice.starting_balance == credit
        else:
            upcoming = life.v1.invoices.create_preview({"subscription": life.made.id})
            assert (upcoming.total, upcoming.amount_due) == (preview.total, preview.amount_due)
    life.go(FIRST_END - 1)
    preview = life.v1.invoices.create_preview({"subscription": life.made.id})
    life.go(FIRST_END)
    assert amounts(life.newest()) == amounts(preview)


def test_without_the_date_of_the_preview_the_charge_is_another(life: Plans) -> None:
    """The control of the test above: time does matter."""
    life.start(seats=0)
    life.go(START + 3 * DAY)
    change = ({"id": life.plan, "price": life.large.id},)
    preview = life.preview(*change, proration_behavior="always_invoice")
    life.go(START + 4 * DAY)
    life.update(*change, proration_behavior="always_invoice")
    assert life.newest().total < preview.total
    with pytest.raises(stripe.InvalidRequestError, match="proration_date"):
        life.update({"id": life.plan, "price": life.small.id}, proration_date=START - 1)


def test_too_little_to_charge_is_owed_with_the_next_invoice(life: Plans) -> None:
    life.start(seats=0)
    life.go(FIRST_END - 3600)
    change = ({"id": life.plan, "price": life.large.id},)
    preview = life.preview(*change, proration_behavior="always_invoice", proration_date=FIRST_END - 3600)
    life.update(*change, proration_behavior="always_invoice", proration_date=FIRST_END - 3600)
    invoice = life.newest()
    assert (invoice.total, invoice.amount_due, invoice.ending_balance, invoice.status) == (4, 0, 4, "paid")
    assert (preview.total, preview.amount_due, preview.ending_balance) == (4, 0, 4)
    assert life.v1.customers.retrieve(life.customer.id).balance == 4
    life.go(FIRST_END)
    assert (life.newest().total, life.newest().amount_paid) == (5699, 5703)


def test_from_months_to_years_with_seats_previewed_and_charged(life: Plans) -> None:
    life.start(seats=2)
    now = START + 9 * DAY
    life.go(now)
    change = (
        {"id": life.plan, "price": life.yearly.id},
        {"id": life.seats, "price": life.yearly_seat.id, "quantity": 2},
    )
    asked = {"proration_behavior": "always_invoice", "proration_date": now, "billing_cycle_anchor": {"type": "now"}}
    preview = life.preview(*change, **asked)
    life.go(now + 300)
    made = life.update(*change, **asked, payment_behavior="error_if_incomplete")
    assert amounts(life.newest()) == amounts(preview) == [-1900, -1356, 57_001, 19_980]
    assert made["items"].data[0].current_period_end == at(2028, 2, 9) + 300


def test_without_being_told_a_year_ends_in_the_old_rhythm(life: Plans) -> None:
    life.start(seats=0)
    life.go(START + 9 * DAY)
    made = life.update({"id": life.plan, "price": life.yearly.id}, proration_behavior="always_invoice")
    assert made["items"].data[0].current_period_end == at(2028, 1, 31)
    assert amounts(life.newest()) == [-1900, 55_595]  # 57,001 for 356 of 365 days
    life.go(at(2028, 1, 31))
    assert amounts(life.newest()) == [57_001]


def test_a_first_period_up_to_a_day(life: Plans) -> None:
    made = life.start(seats=1, billing_cycle_anchor=START + 14 * DAY)
    assert amounts(life.newest()) == [1265, 451]  # 14 of the 31 days that end then
    assert made.billing_cycle_anchor == made["items"].data[0].current_period_end == START + 14 * DAY
    life.go(START + 14 * DAY)
    assert life.invoices()[-1] == ("paid", 3799)
    with pytest.raises(stripe.InvalidRequestError, match="billing_cycle_anchor"):
        life.start(billing_cycle_anchor=START + 90 * DAY)


def test_a_change_waits_for_its_payment_when_it_is_asked_to(life: Plans) -> None:
    life.start(seats=0)
    life.go(START + DAY)
    wanted = {"proration_behavior": "always_invoice", "payment_behavior": "default_incomplete"}
    made = life.update({"id": life.plan, "price": life.large.id}, **wanted)
    assert (made.status, life.newest().status) == ("past_due", "open")
    life.card("pm_card_mastercard")
    assert life.v1.invoices.pay(made.latest_invoice).status == "paid"
    assert life.v1.subscriptions.retrieve(made.id).status == "active"


def test_a_trial_without_a_card_asks_for_one(shop: Shop) -> None:
    life = Life(shop, card=None)
    settings = {"trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}}
    saves = {"payment_settings": {"save_default_payment_method": "on_subscription"}}
    made = life.subscribe(trial_period_days=7, **settings, **saves)
    assert (made.status, made.trial_settings.end_behavior.missing_payment_method) == ("trialing", "cancel")
    life.v1.setup_intents.confirm(made.pending_setup_intent, {"payment_method": "pm_card_visa"})
    made = life.v1.subscriptions.retrieve(made.id, {"expand": ["default_payment_method"]})
    assert (made.pending_setup_intent, made.default_payment_method.card.last4) == (None, "4242")
    assert life.go(START + 8 * DAY).status == "active"


def test_a_card_that_failed_is_replaced_for_one_invoice(life: Plans) -> None:
    life.start(seats=0)
    life.card("pm_card_chargeCustomerFail")
    made = life.go(at(2027, 3, 1))
    assert made.status == "past_due"
    paid = life.v1.invoices.pay(made.latest_invoice, {"payment_method": "pm_card_visa"})
    assert (paid.status, life.v1.subscriptions.retrieve(made.id).status) == ("paid", "active")
    life.go(at(2027, 3, 30))
    assert life.shop.types().count("invoice.payment_failed") == 1  # nothing is tried again


def test_what_time_brings_comes_in_the_order_of_time(life: Plans) -> None:
    life.start(seats=0, trial_period_days=10)
    life.card("pm_card_chargeCustomerFail")
    life.go(START + 80 * DAY)
    wanted = {"customer.subscription.trial_will_end", "invoice.upcoming", "invoice.payment_failed", "invoice.created"}
    events = [each for each in reversed(life.v1.events.list({"limit": 100}).data) if each.created >= START]
    found = [(each.type, each.created - START) for each in events]
    told = [(kind, seconds // DAY) for kind, seconds in found if kind in wanted]
    assert [days for _, days in found] == sorted(days for _, days in found)
    assert told[:6] == [
        ("invoice.created", 0),
        ("invoice.upcoming", 3),
        ("customer.subscription.trial_will_end", 7),
        ("invoice.created", 10),
        ("invoice.payment_failed", 10),
        ("invoice.payment_failed", 13),
    ]


def test_a_subscription_ends_on_a_day(life: Plans) -> None:
    made = life.start(seats=0, cancel_at=START + 40 * DAY)
    assert made.cancel_at == START + 40 * DAY
    with pytest.raises(stripe.InvalidRequestError, match="in the future"):
        life.v1.subscriptions.update(made.id, {"cancel_at": START})
    given = {"feedback": "too_expensive", "comment": "Bye"}
    made = life.v1.subscriptions.update(made.id, {"cancel_at": START + 20 * DAY, "cancellation_details": given})
    assert made.cancellation_details.to_dict() == given | {"reason": "cancellation_requested"}
    made = life.go(START + 30 * DAY)
    assert (made.status, made.ended_at) == ("canceled", START + 20 * DAY)
