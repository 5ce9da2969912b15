"""Cards for later: setup intents, Checkout to change the card, trials without one, 3-D Secure at a renewal."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stripe

from tests.support.standin import CANCEL, PATIENCE, SUCCESS, VISA, Shop, opened, said, send, submit

DAY = 86_400
START = int(datetime(2027, 1, 1, 12, tzinfo=UTC).timestamp())


def setup(shop: Shop, **more: Any) -> Any:
    wanted = {"mode": "setup", "currency": "usd", "success_url": SUCCESS, "cancel_url": CANCEL}
    return shop.v1.checkout.sessions.create(wanted | more)


def test_a_card_is_set_up(shop: Shop) -> None:
    customer = shop.customer(card=None)
    made = shop.v1.setup_intents.create({"customer": customer.id, "metadata": {"a": "b"}})
    assert made.status == "requires_payment_method"
    made = shop.v1.setup_intents.update(made.id, {"description": "For later"})
    made = shop.v1.setup_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert (made.status, made.description) == ("succeeded", "For later")
    assert shop.v1.payment_methods.retrieve(made.payment_method).customer == customer.id
    with pytest.raises(stripe.InvalidRequestError) as over:
        shop.v1.setup_intents.cancel(made.id)
    assert over.value.code == "setup_intent_unexpected_state"
    other = shop.v1.setup_intents.create({"customer": customer.id})
    assert shop.v1.setup_intents.cancel(other.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    assert {f"setup_intent.{name}" for name in ("created", "succeeded", "canceled")} <= set(shop.types())


def test_a_card_that_is_set_up_may_ask_for_3d_secure(shop: Shop) -> None:
    wanted = {"customer": shop.customer(card=None).id, "payment_method": "pm_card_authenticationRequiredOnSetup"}
    made = shop.v1.setup_intents.create(wanted | {"confirm": True, "return_url": CANCEL})
    assert made.status == "requires_action"
    url = made.next_action.redirect_to_url.url
    assert send(url, {"result": "fail"}).headers["Location"] == CANCEL
    failed = shop.v1.setup_intents.retrieve(made.id)
    assert (failed.status, failed.last_setup_error.code) == (
        "requires_payment_method", "payment_intent_authentication_failure",
    )  # fmt: skip
    again = shop.v1.setup_intents.confirm(made.id, {"payment_method": wanted["payment_method"]})
    send(again.next_action.redirect_to_url.url, {"result": "complete"})
    assert shop.v1.setup_intents.retrieve(made.id).status == "succeeded"


def test_checkout_saves_another_card(shop: Shop) -> None:
    customer = shop.customer()
    session = setup(shop, customer=customer.id, setup_intent_data={"metadata": {"subscription": "1"}})
    assert (session.amount_total, session.payment_status) == (None, "no_payment_required")
    refused = shop.pay(session, "4000000000000002")
    assert (refused.status_code, said(refused, "card")) == (402, "Your card was declined.")
    assert shop.pay(session, "4000002500003155").headers["Location"].endswith("/authenticate")
    send(f"{session.url}/authenticate", {"result": "complete"})
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]})
    assert (done.status, done.setup_intent.status, done.setup_intent.customer) == ("complete", "succeeded", customer.id)
    assert (done.setup_intent.payment_method.card.last4, done.setup_intent.metadata.to_dict()) == (
        "3155", {"subscription": "1"},
    )  # fmt: skip
    assert "The card is saved" in requests.get(session.url, timeout=PATIENCE).text
    for wanted in ({"subscription_data": {"trial_period_days": 3}}, {"allow_promotion_codes": True}):
        with pytest.raises(stripe.InvalidRequestError, match="in `setup` mode"):
            setup(shop, customer=customer.id, **wanted)


def test_a_trial_starts_without_a_card_when_the_call_allows_it(shop: Shop) -> None:
    data = {"trial_period_days": 7, "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}}
    session = shop.session(subscription_data=data, payment_method_collection="if_required")
    page = opened(session.url)
    assert "Card number" not in page.text
    assert submit(page).status_code == 303
    made = shop.v1.subscriptions.list().data[0]
    assert (made.status, made.default_payment_method) == ("trialing", None)
    assert shop.v1.payment_methods.list({"customer": made.customer}).data == []
    assert "Card number" in opened(shop.session(payment_method_collection="if_required").url).text


def test_a_renewal_that_asks_for_3d_secure_is_confirmed_on_the_invoices_page(shop: Shop) -> None:
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = shop.customer(test_clock=clock.id)
    made = shop.subscription(customer)
    card = shop.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})
    shop.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 32 * DAY})
    made = shop.v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice.payments.data.payment.payment_intent"]})
    invoice = made.latest_invoice
    assert (made.status, invoice.status) == ("past_due", "open")
    assert invoice.payments.data[0].payment.payment_intent.status == "requires_action"
    assert {"invoice.payment_action_required", "payment_intent.requires_action"} <= set(shop.types())
    page = opened(invoice.hosted_invoice_url).text
    assert "Confirm payment" in page
    path = page.split('class="button" href="')[1].split('"')[0]
    send(shop.url + path, {"result": "complete"})
    assert shop.v1.subscriptions.retrieve(made.id).status == "active"
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.payment_intents.create(
            {
                "amount": 100,
                "currency": "usd",
                "customer": customer.id,
                "payment_method": card.id,
                "confirm": True,
                "off_session": True,
            }
        )
    assert refused.value.code == "authentication_required"


def test_a_card_for_nobody_in_particular(shop: Shop) -> None:
    session = setup(shop)
    assert shop.pay(session, VISA).status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id)
    assert (done.customer, done.customer_details.email) == (None, "ada@example.com")
