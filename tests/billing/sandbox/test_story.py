"""The whole story: a customer goes through Checkout, pays, and the shop hears of it."""

import json
import sqlite3
from pathlib import Path

import pytest
import requests
import stripe

from billing.sandbox.account import Account
from billing.sandbox.config import Config
from billing.sandbox.money import checkout
from billing.sandbox.money.buyers import Buyer
from billing.sandbox.shapes import catalog, prices
from billing.sandbox.shapes import checkout as checkout_shapes
from billing.sandbox.store import Store
from tests.support.live import eventually
from tests.support.standin import CANCEL, DECLINED, PATIENCE, VISA, Process, Receiver, Shop, opened, said, submit
from tests.support.threads import together


def test_a_customer_subscribes_and_the_shop_hears_of_it(shop: Shop, receiver: Receiver) -> None:
    endpoint = shop.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    assert "secret" not in shop.v1.webhook_endpoints.retrieve(endpoint.id)
    customer = shop.v1.customers.create({"email": "ada@example.com"})
    session = shop.session(
        customer=customer.id, client_reference_id="tenant-1", subscription_data={"metadata": {"tenant": "1"}}
    )
    answer = shop.pay(session)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/done?session={session.id}"
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert (done.status, done.payment_status, done.customer) == ("complete", "paid", customer.id)
    assert done.client_reference_id == "tenant-1"
    assert done.subscription.status == "active"
    assert done.subscription.metadata.to_dict() == {"tenant": "1"}
    assert (done.subscription.latest_invoice.status, done.subscription.latest_invoice.amount_paid) == ("paid", 2900)
    eventually(lambda: all(each["state"] == "delivered" for each in shop.deliveries()))
    assert sorted(receiver.types()) == sorted(shop.types()[2:] + shop.types()[:2])
    assert {"checkout.session.completed", "customer.subscription.created", "invoice.paid"} <= set(receiver.types())
    for body, signature in receiver.received:
        stripe.Webhook.construct_event(body, signature, endpoint.secret)
    body, signature = receiver.received[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", signature, endpoint.secret)
    event = json.loads(body)
    assert event["api_version"] == "2026-10-28.endive"
    assert shop.v1.events.retrieve(event["id"]).pending_webhooks == 0


def test_a_form_sent_twice_makes_one_subscription(shop: Shop) -> None:
    session = shop.session()
    page = opened(session.url)  # before any is sent: who opens it later finds that it was paid
    answers = together(*[lambda: submit(page, number=VISA)] * 3)
    assert {answer.status_code for answer in answers} == {303}
    assert len(shop.v1.subscriptions.list().data) == len(shop.v1.customers.list().data) == 1
    assert "already been paid" in requests.get(session.url, timeout=PATIENCE).text


def test_without_the_second_look_a_form_sent_twice_doubles(tmp_path: Path) -> None:
    """The control of the test above: what it counts would be 2."""
    account = Account(Store(tmp_path / "state.sqlite"), Config(tmp_path, "http://127.0.0.1:9"), "one")
    price = account.add(prices.price({"currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}, "p", 1))
    account.add(catalog.product({"id": "p", "name": "x"}, 1))
    session = checkout_shapes.session({}, [checkout_shapes.line(price, 1, "x")], 1, 1)
    account.add(session, subscription={"items": [{"price": price["id"]}]})
    entry = checkout.Entry("4242424242424242", 12, 2034, "Ada")
    for status in ("open", "complete"):
        checkout.complete(account, session | {"status": status}, Buyer("ada@example.com"), entry)
    assert len(account.all("subscription")) == 1
    checkout.complete(account, session | {"status": "open"}, Buyer("ada@example.com"), entry)
    assert len(account.all("subscription")) == 2
    account.store.close()


def test_a_declined_card_says_so_and_changes_nothing_and_another_may_follow(shop: Shop) -> None:
    session = shop.session()
    before = shop.types()
    answer = shop.pay(session, DECLINED)
    assert (answer.status_code, said(answer, "card")) == (402, "Your card was declined.")
    assert shop.types() == before
    assert shop.v1.customers.list().data == shop.v1.subscriptions.list().data == []
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert shop.pay(session).status_code == 303


def test_the_way_back_leads_to_where_the_call_said(shop: Shop) -> None:
    session = shop.session(cancel_url=CANCEL + "?a=1&b=2")
    page = requests.get(session.url, timeout=PATIENCE)
    assert f'<a href="{CANCEL}?a=1&amp;b=2">Back</a>' in page.text
    assert "form-action 'self' http://127.0.0.1:9" in page.headers["Content-Security-Policy"]


def test_an_expired_page_takes_no_card(shop: Shop) -> None:
    session = shop.session()
    shop.v1.checkout.sessions.expire(session.id)
    assert "has expired" in requests.get(session.url, timeout=PATIENCE).text
    assert "checkout.session.expired" in shop.types()
    answer = requests.post(session.url, data={"number": "4242424242424242"}, timeout=PATIENCE)
    assert "has expired" in answer.text
    assert shop.v1.subscriptions.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions"):
        shop.v1.checkout.sessions.expire(session.id)


def test_a_page_that_nobody_completes_expires_by_itself(shop: Shop, standin: Process) -> None:
    session = shop.session()
    with sqlite3.connect(standin.state, timeout=PATIENCE) as state:  # a day later
        assert state.execute("SELECT due FROM objects WHERE id = ?", (session.id,)).fetchone() == (session.expires_at,)
        state.execute("UPDATE objects SET due = 1 WHERE id = ?", (session.id,))
    eventually(lambda: shop.v1.checkout.sessions.retrieve(session.id).status == "expired")
    assert shop.types()[-1] == "checkout.session.expired"


def test_a_trial_asks_for_a_card_and_charges_nothing(shop: Shop) -> None:
    session = shop.session(subscription_data={"trial_period_days": 14})
    assert session.amount_total == 0
    assert shop.pay(session).status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.payment_status, done.subscription.status, done.invoice.total) == ("no_payment_required", "trialing", 0)
    assert done.subscription.trial_end - done.subscription.trial_start == 14 * 86_400
    assert shop.v1.charges.list().data == []


def test_what_people_type_and_shops_name_is_escaped(shop: Shop) -> None:
    product = shop.v1.products.create({"name": "<b>&"})
    data = {"product": product.id, "currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}}
    session = shop.session(shop.v1.prices.create(data))
    answer = shop.pay(session, number='"><script>')
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert "<b>&" not in answer.text


def test_a_form_without_its_token_is_refused(shop: Shop) -> None:
    session = shop.session()
    answer = requests.post(session.url, data={"number": "4242424242424242"}, timeout=PATIENCE)
    assert answer.status_code == 400
    assert shop.v1.subscriptions.list().data == []


def test_nobody_finds_a_page_by_guessing(shop: Shop) -> None:
    for path in ("/checkout/cs_test_x", "/portal/bps_x", "/invoices/in_x", "/authenticate/pi_x"):
        assert requests.get(shop.url + path, timeout=PATIENCE).status_code == 404
