"""A subscription's life, at a test clock's pace."""

import sqlite3
import time

import pytest
import requests
import stripe

from tests.billing.sandbox.life import DAY, START, Life, at
from tests.support.live import eventually
from tests.support.standin import PATIENCE, Process, Shop


@pytest.fixture
def life(shop: Shop) -> Life:
    return Life(shop)


def test_periods_follow_the_calendar_and_are_paid(life: Life) -> None:
    made = life.subscribe()
    assert made["items"].data[0].current_period_end == at(2027, 2, 28)
    made = life.go(at(2027, 3, 1))
    assert (made.status, made["items"].data[0].current_period_end) == ("active", at(2027, 3, 31))
    life.go(at(2027, 5, 1))
    assert life.invoices() == [("paid", 2900)] * 4
    reasons = [each.billing_reason for each in life.v1.invoices.list({"subscription": made.id}).data]
    assert reasons == ["subscription_cycle"] * 3 + ["subscription_create"]


def test_a_trial_is_announced_and_then_paid(life: Life) -> None:
    made = life.subscribe(trial_period_days=14)
    assert (made.status, life.invoices()) == ("trialing", [("paid", 0)])
    assert life.go(START + 10 * DAY).status == "trialing"
    assert "customer.subscription.trial_will_end" not in life.shop.types()
    life.go(START + 12 * DAY)
    assert life.shop.types().count("customer.subscription.trial_will_end") == 1
    made = life.go(START + 15 * DAY)
    assert (made.status, life.invoices()) == ("active", [("paid", 0), ("paid", 2900)])
    assert made["items"].data[0].current_period_start == START + 14 * DAY


def test_a_trial_is_extended_and_ended(life: Life) -> None:
    made = life.subscribe(trial_period_days=7)
    made = life.v1.subscriptions.update(made.id, {"trial_end": START + 30 * DAY})
    assert (made.trial_end, made["items"].data[0].current_period_end) == (START + 30 * DAY,) * 2
    assert life.go(START + 8 * DAY).status == "trialing"
    made = life.v1.subscriptions.update(made.id, {"trial_end": "now"})
    assert (made.status, life.invoices()) == ("active", [("paid", 0), ("paid", 2900)])


@pytest.mark.parametrize(
    ("behaviour", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
)
def test_a_trial_ends_without_a_card(shop: Shop, behaviour: str, status: str) -> None:
    life = Life(shop, card=None)
    settings = {"end_behavior": {"missing_payment_method": behaviour}}
    life.subscribe(trial_period_days=7, trial_settings=settings)
    assert life.go(START + 8 * DAY).status == status


def test_a_failed_payment_is_retried_and_mended(life: Life) -> None:
    life.subscribe()
    life.card("pm_card_chargeCustomerFail")
    made = life.go(at(2027, 3, 1))
    assert (made.status, life.invoices()) == ("past_due", [("paid", 2900), ("open", 2900)])
    invoice = life.v1.invoices.retrieve(made.latest_invoice)
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (1, at(2027, 2, 28) + 3 * DAY)
    life.card("pm_card_visa")
    made = life.go(at(2027, 2, 28) + 4 * DAY)
    assert (made.status, life.invoices()) == ("active", [("paid", 2900)] * 2)
    assert life.v1.invoices.retrieve(made.latest_invoice).attempt_count == 2


def test_a_failed_payment_is_paid_by_hand(life: Life) -> None:
    life.subscribe()
    life.card("pm_card_chargeCustomerFail")
    invoice = life.go(at(2027, 3, 1)).latest_invoice
    with pytest.raises(stripe.CardError) as refused:
        life.v1.invoices.pay(invoice)
    assert refused.value.code == "card_declined"
    assert life.v1.invoices.retrieve(invoice).attempt_count == 2
    life.card("pm_card_visa")
    assert life.v1.invoices.pay(invoice).status == "paid"
    assert life.v1.subscriptions.retrieve(life.made.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        life.v1.invoices.pay(invoice)


def test_after_the_last_retry_the_subscription_ends(life: Life) -> None:
    life.subscribe()
    life.card("pm_card_chargeCustomerFail")
    made = life.go(at(2027, 3, 25))
    assert (made.status, made.cancellation_details.reason) == ("canceled", "payment_failed")
    assert life.shop.types().count("invoice.payment_failed") == 4
    assert life.shop.types()[-2:] == ["customer.subscription.deleted", "test_helpers.test_clock.ready"]
    assert life.go(at(2027, 6, 1)).status == "canceled"
    assert len(life.invoices()) == 2


def test_after_the_last_retry_it_may_stay_unpaid(own: Process) -> None:
    own.stop()
    own.options = ("--after-retries", "unpaid")
    own.start()
    life = Life(Shop(own.url, "sk_test_unpaid00001"))
    life.subscribe()
    life.card("pm_card_chargeCustomerFail")
    assert life.go(at(2027, 3, 25)).status == "unpaid"


def test_a_first_payment_that_never_comes_expires(shop: Shop) -> None:
    life = Life(shop, "pm_card_chargeCustomerFail")
    assert life.subscribe().status == "incomplete"
    made = life.go(START + DAY)
    assert (made.status, life.invoices()) == ("incomplete_expired", [("void", 2900)])


def test_an_end_at_the_periods_end_and_a_change_of_mind(life: Life) -> None:
    made = life.subscribe()
    made = life.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert (made.status, made.cancel_at, made.cancel_at_period_end) == ("active", at(2027, 2, 28), True)
    made = life.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert (made.cancel_at, made.canceled_at) == (None, None)
    life.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    made = life.go(at(2027, 3, 1))
    assert (made.status, made.ended_at, len(life.invoices())) == ("canceled", at(2027, 2, 28), 1)
    with pytest.raises(stripe.InvalidRequestError):
        life.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    with pytest.raises(stripe.InvalidRequestError):
        life.v1.subscriptions.cancel(made.id)


def test_a_change_in_mid_period_costs_what_the_preview_says(life: Life) -> None:
    made = life.subscribe(life.shop.price(2800))
    life.go(START + 14 * DAY)  # half of 28 days
    items = [{"id": made["items"].data[0].id, "price": life.shop.price(5600).id}]
    details = {"items": items, "proration_behavior": "always_invoice"}
    preview = life.v1.invoices.create_preview({"subscription": made.id, "subscription_details": details})
    assert [line.amount for line in preview.lines.data] == [-1400, 2800]
    assert life.invoices() == [("paid", 2800)]
    made = life.v1.subscriptions.update(made.id, details)
    invoice = life.v1.invoices.retrieve(made.latest_invoice)
    assert (invoice.amount_paid, preview.amount_due, invoice.billing_reason) == (1400, 1400, "subscription_update")
    assert made["items"].data[0].price.unit_amount == 5600


@pytest.mark.parametrize(("behaviour", "next_total"), [("create_prorations", 2800 * 2 + 1400), ("none", 2800 * 2)])
def test_a_change_that_is_not_invoiced_at_once(life: Life, behaviour: str, next_total: int) -> None:
    made = life.subscribe(life.shop.price(2800))
    life.go(START + 14 * DAY)
    items = [{"id": made["items"].data[0].id, "quantity": 2}]
    details = {"items": items, "proration_behavior": behaviour}
    preview = life.v1.invoices.create_preview({"subscription": made.id, "subscription_details": details})
    life.v1.subscriptions.update(made.id, details)
    assert life.invoices() == [("paid", 2800)]
    life.go(at(2027, 3, 1))
    assert (life.invoices()[-1], preview.total) == (("paid", next_total), next_total)


def test_a_smaller_plan_leaves_a_credit_that_pays_first(life: Life) -> None:
    made = life.subscribe(life.shop.price(2800))
    life.go(START + 14 * DAY)
    items = [{"id": made["items"].data[0].id, "price": life.shop.price(1000).id}]
    life.v1.subscriptions.update(made.id, {"items": items, "proration_behavior": "always_invoice"})
    assert life.v1.customers.retrieve(life.customer.id).balance == -900
    life.go(at(2027, 3, 1))
    invoice = life.v1.invoices.list({"customer": life.customer.id}).data[0]
    assert (invoice.total, invoice.starting_balance, invoice.amount_paid) == (1000, -900, 100)
    assert life.v1.customers.retrieve(life.customer.id).balance == 0


def test_from_months_to_years_a_new_period_begins(life: Life) -> None:
    made = life.subscribe(life.shop.price(2800))
    life.go(START + 14 * DAY)
    items = [{"id": made["items"].data[0].id, "price": life.shop.price(28_000, "year").id}]
    made = life.v1.subscriptions.update(made.id, {"items": items, "billing_cycle_anchor": {"type": "now"}})
    assert life.invoices()[-1] == ("paid", 28_000 - 1400)
    assert made["items"].data[0].current_period_end == at(2028, 2, 14)


def test_an_update_that_is_declined_is_taken_back(life: Life) -> None:
    made = life.subscribe()
    life.card("pm_card_chargeCustomerFail")
    items = [{"id": made["items"].data[0].id, "quantity": 5}]
    wanted = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
    with pytest.raises(stripe.CardError):
        life.v1.subscriptions.update(made.id, wanted)
    assert life.v1.subscriptions.retrieve(made.id)["items"].data[0].quantity == 1
    assert life.invoices() == [("paid", 2900)]


def test_items_come_and_go(life: Life) -> None:
    made = life.subscribe()
    item = life.v1.subscription_items.create({"subscription": made.id, "price": life.shop.price(500).id, "quantity": 3})
    assert life.v1.subscription_items.update(item.id, {"quantity": 4}).quantity == 4
    assert [each.quantity for each in life.v1.subscription_items.list({"subscription": made.id}).data] == [1, 4]
    assert life.v1.subscription_items.delete(item.id).deleted
    assert len(life.v1.subscriptions.retrieve(made.id)["items"].data) == 1


def test_a_refund_is_at_most_what_was_paid(life: Life) -> None:
    life.subscribe()
    intent = life.v1.payment_intents.list().data[0].id
    refund = life.v1.refunds.create({"payment_intent": intent, "amount": 900})
    assert (refund.amount, refund.status) == (900, "succeeded")
    with pytest.raises(
        stripe.InvalidRequestError, match=r"\(2001\) is greater than unrefunded amount on charge \(2000\)"
    ) as over:
        life.v1.refunds.create({"payment_intent": intent, "amount": 2001})
    assert over.value.param == "amount"
    assert life.v1.refunds.create({"charge": refund.charge}).amount == 2000
    charge = life.v1.charges.retrieve(refund.charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded, len(charge.refunds.data)) == (2900, True, 2)
    with pytest.raises(stripe.InvalidRequestError) as again:
        life.v1.refunds.create({"payment_intent": intent})
    assert again.value.code == "charge_already_refunded"
    assert life.shop.types().count("charge.refunded") == 2


def test_a_deleted_customer_has_no_subscription_left(life: Life) -> None:
    made = life.subscribe()
    session = life.shop.session(customer=life.customer.id)
    portal = life.v1.billing_portal.sessions.create({"customer": life.customer.id})
    card = life.customer.invoice_settings.default_payment_method
    assert life.v1.customers.delete(life.customer.id).deleted
    assert life.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert life.v1.customers.retrieve(life.customer.id).to_dict() == {
        "id": life.customer.id, "object": "customer", "deleted": True,
    }  # fmt: skip
    assert life.v1.payment_methods.retrieve(card).customer is None
    assert life.v1.invoices.retrieve(made.latest_invoice, {"expand": ["customer"]}).customer.deleted
    for call in (
        lambda: life.shop.subscription(life.customer),
        lambda: life.v1.customers.update(life.customer.id, {"name": "Ada"}),
        lambda: life.v1.customers.delete(life.customer.id),
        lambda: life.shop.session(customer=life.customer.id),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer") as refused:
            call()
        assert refused.value.code == "resource_missing"
    assert requests.get(portal.url, timeout=PATIENCE).status_code == 404
    answer = life.shop.pay(session)
    assert (answer.status_code, "No such customer" in answer.text) == (422, True)
    kinds = set(life.shop.types())
    assert {"customer.deleted", "customer.subscription.deleted", "payment_method.detached"} <= kinds


def test_an_invoice_by_bill_is_paid_elsewhere(life: Life) -> None:
    made = life.subscribe(collection_method="send_invoice", days_until_due=14)
    assert (made.status, life.invoices()) == ("active", [("open", 2900)])
    assert life.v1.invoices.pay(made.latest_invoice, {"paid_out_of_band": True}).status == "paid"


def test_without_a_test_clock_time_passes_by_itself(shop: Shop, standin: Process) -> None:
    made = shop.subscription(trial_period_days=1)
    assert made.status == "trialing"
    with sqlite3.connect(standin.state, timeout=PATIENCE) as state:  # a day later
        ends = "$.trial_end", int(time.time()), "$.items.data[0].current_period_end", int(time.time())
        state.execute("UPDATE objects SET due = 1, body = json_set(body, ?, ?, ?, ?) WHERE id = ?", (*ends, made.id))
    eventually(lambda: shop.v1.subscriptions.retrieve(made.id).status == "active")
    assert shop.v1.invoices.list({"subscription": made.id}).data[0].amount_paid == 2900


def test_a_clock_does_not_go_back(life: Life) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        life.v1.test_helpers.test_clocks.advance(life.clock.id, {"frozen_time": START - 1})
    assert refused.value.param == "frozen_time"
