"""The one door to Stripe: never inside a transaction, and its errors have our names."""

import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

import billing.gateway
from billing.errors import CardDeclined, Missing, NoPayments, Refused, StripeAway
from billing.gateway import checkouts, connection, invoices, previews, products, subscriptions
from billing.gateway.products import Tariff
from billing.gateway.subscriptions import Change
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.model import PLAN, Part
from saas.core import database
from saas.core.database import TransactionOpen, db
from saas.core.settings import Settings, SettingsError, load
from tests.support.database import application
from tests.support.payments import Stripe

FOLDER = Path(billing.gateway.__file__).parent


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of the gateway that others call and that use the client."""
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name != "client":
                names = {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}
                if "client" in names:
                    yield f"billing.gateway.{path.stem}.{node.name}", node


def test_each_function_that_reaches_stripe_is_guarded() -> None:
    assert {name for name, _ in functions()} <= connection.calls.keys()
    assert len(connection.calls) >= 18


@pytest.mark.parametrize("name", sorted(connection.calls))
def test_no_call_happens_inside_a_transaction(app: Flask, stripe: Stripe, name: str) -> None:
    stripe.forget_calls()
    call = connection.calls[name]
    with app.app_context():
        db.session.execute(sa.select(1))
        with pytest.raises(TransactionOpen):
            call()
        assert stripe.calls("post") == stripe.calls("get") == {}
        database.rollback()
        with suppress(TypeError):  # the control: without one it gets as far as its arguments, or to Stripe
            call()


def test_control_without_the_check_a_call_in_a_transaction_goes_on(
    app: Flask, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "check_outside", lambda: None)
    with app.app_context():
        db.session.execute(sa.select(1))
        with pytest.raises(Missing):
            subscriptions.fetch("sub_nothing")


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x"])
def test_a_live_key_is_refused_where_no_real_money_is_to_move(settings: Settings, key: str) -> None:
    with pytest.raises(SettingsError, match="STRIPE_SECRET_KEY is a live key"):
        load(**settings.model_dump() | {"stripe_secret_key": key})
    assert load(**settings.model_dump()).stripe_secret_key == settings.stripe_secret_key  # the control


def test_what_creates_money_or_moves_it_carries_a_key() -> None:
    for name, node in functions():
        verb = name.rpartition(".")[2]
        if verb.startswith(
            ("create_customer", "create_session", "create_price", "change", "cancel", "refund", "extend")
        ):
            assert "key" in [argument.arg for argument in node.args.kwonlyargs], name
            assert "idempotency_key" in ast.unparse(node), name


@pytest.mark.parametrize(("mode", "times"), [("500", 5), ("timeout", 5)])
def test_no_answer_means_that_stripe_is_away(app: Flask, stripe: Stripe, mode: str, times: int) -> None:
    stripe.fail(mode, times)
    with app.app_context(), pytest.raises(StripeAway) as caught:
        subscriptions.fetch("sub_nothing")
    stripe.mend()
    assert (caught.value.status, caught.value.retry_after) == (503, 60)
    assert "Nothing is lost" in caught.value.detail


def test_one_fault_is_tried_again(app: Flask, stripe: Stripe) -> None:
    stripe.fail("500", 1)
    with app.app_context(), pytest.raises(Missing):
        subscriptions.fetch("sub_nothing")


def test_a_key_that_stripe_does_not_take_is_our_fault_not_the_visitors(settings: Settings) -> None:
    with (
        application(settings, stripe_secret_key="sk_test_bad", stripe_api_url="http://127.0.0.1:9") as app,
        app.app_context(),
        pytest.raises(StripeAway),
    ):
        subscriptions.fetch("sub_nothing")


def test_without_a_key_there_are_no_payments(settings: Settings) -> None:
    with application(settings, stripe_secret_key=None) as app, app.app_context(), pytest.raises(NoPayments):
        subscriptions.fetch("sub_nothing")


def test_what_is_not_there_is_missing_and_what_is_wrong_is_refused(app: Flask, stripe: Stripe) -> None:
    with app.app_context():
        with pytest.raises(Missing):
            invoices.fetch("in_nothing")
        with pytest.raises(Refused):
            invoices.refund("pi_nothing", 100, key="test-refused")


def price_of(plan: str) -> str:
    price = catalog.price(plan, "month")
    return products.tariff_ids([Tariff(Part(price.plan, PLAN), price.interval, price.currency)])[0]


def test_a_declined_card_says_why(app: Flask, stripe: Stripe) -> None:
    shop = stripe.shop
    customer = shop.customer("pm_card_visa")
    with app.app_context():
        price = price_of("starter")
    made = shop.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price}]})
    worse = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    shop.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": worse.id}})
    item = made["items"].data[0].id
    dearer = shaping.items(catalog.price("growth", "month"))[0]
    with app.app_context(), pytest.raises(CardDeclined, match=r"declined\. Nothing was changed"):
        subscriptions.change(made.id, Change([replace(dearer, item=item)]), key=f"test-{made.id}")
    assert shop.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == price


def test_of_what_cost_nothing_nothing_is_unused(app: Flask, stripe: Stripe) -> None:
    with app.app_context():
        price = price_of("starter")
        made = stripe.shop.v1.subscriptions
        customer = stripe.shop.customer().id
        trial = made.create({"customer": customer, "items": [{"price": price}], "trial_period_days": 7})
        assert previews.unused(trial.id, customer=customer) == 0
        made.update(trial.id, {"trial_end": "now"})
        assert previews.unused(trial.id, customer=customer) == 1_900
        with pytest.raises(Refused):
            previews.unused("sub_nothing", customer=customer)


def test_one_client_serves_a_process(app: Flask) -> None:
    with app.app_context():
        assert connection.client() is connection.client()


def test_the_same_key_is_the_same_customer(app: Flask, stripe: Stripe) -> None:
    key = f"test-{datetime.now(UTC).timestamp()}"
    with app.app_context():
        ids = {checkouts.create_customer(email="a@example.com", name="A", tenant="t_x", key=key) for _ in range(2)}
    assert len(ids) == 1


def test_every_public_function_has_types() -> None:
    for call in connection.calls.values():
        assert inspect.signature(call).return_annotation is not inspect.Signature.empty
