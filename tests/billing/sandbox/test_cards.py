"""The test cards that Stripe documents, on the Checkout page and as tokens."""

import json
from datetime import UTC, datetime

import pytest
import requests
import stripe

from tests.support.standin import PATIENCE, Shop, said, send

LAST_YEAR = f"12/{datetime.now(UTC).year - 1}"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "Your card has insufficient funds."),
        ("4000000000000119", "An error occurred while processing your card. Try again in a little bit."),
        ("4000000000000341", "Your card was declined."),
    ],
)
def test_a_decline_is_said_above_the_card(shop: Shop, number: str, message: str) -> None:
    answer = shop.pay(shop.session(), number)
    assert (answer.status_code, said(answer, "card")) == (402, message)
    assert shop.v1.subscriptions.list().data == []


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"number": "4242424242424241"}, "number", "Your card number is incorrect."),
        ({"number": ""}, "number", "Enter the card's number."),
        ({"expiry": LAST_YEAR}, "expiry", "Your card's expiration year is invalid."),
        ({"expiry": "13/34"}, "expiry", "Your card's expiration month is invalid."),
        ({"expiry": "soon"}, "expiry", "Write the expiry date as MM/YY."),
        ({"cvc": ""}, "cvc", "Enter the security code from the card."),
        ({"cvc": "12"}, "cvc", "Your card's security code is invalid."),
        ({"email": "ada"}, "email", "Enter an email address, such as name@example.com."),
        ({"name": ""}, "name", "Enter the name on the card."),
        ({"number": "4000000000000069"}, "expiry", "Your card has expired."),
        ({"number": "4000000000000127"}, "cvc", "Your card's security code is incorrect."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(shop: Shop, typed: dict[str, str], field: str, message: str) -> None:
    answer = shop.pay(shop.session(), **{"number": "4242424242424242"} | typed)
    assert answer.status_code in {402, 422}
    assert said(answer, field) == message
    assert 'aria-invalid="true"' in answer.text
    assert shop.v1.subscriptions.list().data == []


@pytest.mark.parametrize("number", ["4000002500003155", "4000002760003184"])
def test_3d_secure_passed_makes_the_subscription(shop: Shop, number: str) -> None:
    session = shop.session()
    answer = shop.pay(session, number)
    assert answer.headers["Location"] == f"/checkout/{session.id}/authenticate"
    assert shop.v1.subscriptions.list().data == []
    answer = send(f"{session.url}/authenticate", {"result": "complete"})
    assert answer.headers["Location"].endswith(f"/done?session={session.id}")
    assert shop.v1.subscriptions.list().data[0].status == "active"
    again = requests.post(
        f"{session.url}/authenticate", data={"result": "complete"}, allow_redirects=False, timeout=PATIENCE
    )
    assert again.headers["Location"].endswith(f"/done?session={session.id}")
    assert len(shop.v1.subscriptions.list().data) == 1


def test_3d_secure_failed_changes_nothing(shop: Shop) -> None:
    session = shop.session()
    shop.pay(session, "4000002760003184")
    answer = send(f"{session.url}/authenticate", {"result": "fail"})
    assert (answer.status_code, said(answer, "card")[:40]) == (402, "We are unable to authenticate your payme")
    assert shop.v1.subscriptions.list().data == shop.v1.customers.list().data == []
    assert shop.pay(session).status_code == 303


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ],
)
def test_a_card_that_the_bank_refuses_is_not_attached(
    shop: Shop, token: str, code: str, decline_code: str | None
) -> None:
    customer = shop.customer(card=None)
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.payment_methods.attach(token, {"customer": customer.id})
    assert refused.value.http_status == 402
    told = json.loads(refused.value.http_body or "")["error"]
    assert (refused.value.code, told.get("decline_code")) == (code, decline_code)
    assert shop.v1.payment_methods.list({"customer": customer.id}).data == []


def test_a_card_may_attach_and_fail_later(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    made = shop.subscription(customer)
    assert made.status == "incomplete"
    invoice = shop.v1.invoices.retrieve(made.latest_invoice, {"expand": ["payments.data.payment.payment_intent"]})
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    intent = invoice.payments.data[0].payment.payment_intent
    assert (intent.status, intent.last_payment_error.decline_code) == ("requires_payment_method", "generic_decline")
    assert {"invoice.payment_failed", "payment_intent.payment_failed", "charge.failed"} <= set(shop.types())


def test_a_decline_under_error_if_incomplete_leaves_nothing(shop: Shop) -> None:
    customer, price = shop.customer("pm_card_chargeCustomerFail"), shop.price()
    before = shop.types()
    with pytest.raises(stripe.CardError) as refused:
        shop.subscription(customer, price, payment_behavior="error_if_incomplete")
    assert refused.value.code == "card_declined"
    assert shop.types() == before
    assert shop.v1.subscriptions.list({"status": "all"}).data == []


def test_a_payment_that_asks_for_3d_secure_is_completed_on_its_page(shop: Shop) -> None:
    made = shop.subscription(shop.customer("pm_card_authenticationRequired"))
    assert made.status == "incomplete"
    assert "invoice.payment_action_required" in shop.types()
    invoice = shop.v1.invoices.retrieve(made.latest_invoice, {"expand": ["payments.data.payment.payment_intent"]})
    intent = invoice.payments.data[0].payment.payment_intent
    assert intent.status == "requires_action"
    send(intent.next_action.redirect_to_url.url, {"result": "complete"})
    assert shop.v1.subscriptions.retrieve(made.id).status == "active"
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"


def test_failing_3d_secure_leaves_the_invoice_open_for_another_card(shop: Shop) -> None:
    made = shop.subscription(shop.customer("pm_card_authenticationRequired"))
    invoice = shop.v1.invoices.retrieve(made.latest_invoice, {"expand": ["payments.data.payment.payment_intent"]})
    challenge = invoice.payments.data[0].payment.payment_intent.next_action.redirect_to_url.url
    send(challenge, {"result": "fail"})
    assert shop.v1.subscriptions.retrieve(made.id).status == "incomplete"
    assert "unable to authenticate" in requests.get(invoice.hosted_invoice_url, timeout=PATIENCE).text
    answer = send(invoice.hosted_invoice_url, number="4000000000000002")
    assert (answer.status_code, said(answer, "card")) == (402, "Your card was declined.")
    assert send(invoice.hosted_invoice_url, number="4242424242424242").status_code == 303
    assert shop.v1.subscriptions.retrieve(made.id).status == "active"


def test_a_card_by_its_number(shop: Shop) -> None:
    card = {"number": "5555555555554444", "exp_month": 3, "exp_year": 2040, "cvc": "123"}
    made = shop.v1.payment_methods.create({"type": "card", "card": card})
    assert (made.card.brand, made.card.last4) == ("mastercard", "4444")
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.payment_methods.create({"type": "card", "card": card | {"number": "5555555555554445"}})
    assert (refused.value.code, refused.value.param) == ("incorrect_number", "number")
