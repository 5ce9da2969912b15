"""The catalogue at Stripe."""

from dataclasses import replace

import pytest
from click.testing import CliRunner
from flask import Flask

from billing import catalog, sync
from billing.catalog import Interval
from saas.cli import context, main
from saas.core.settings import Settings
from tests.support.payments import Stripe


def run(app: Flask) -> list[str]:
    with app.app_context():
        return list(sync.sync())


def test_every_price_is_at_stripe_with_its_amount(stripe: Stripe) -> None:
    keys = [price.lookup_key for price in catalog.prices()]
    found = stripe.shop.v1.prices.list({"lookup_keys": keys, "active": True, "limit": 20}).data
    shown = {price.lookup_key: (price.unit_amount, price.currency, price.recurring.interval) for price in found}
    assert shown == {price.lookup_key: (price.amount, "usd", price.interval.value) for price in catalog.prices()}
    names = {plan.product_id: plan.name for plan in catalog.PLANS if not plan.free}
    assert {id_: stripe.shop.v1.products.retrieve(id_).name for id_ in names} == names


def test_a_second_run_creates_nothing(app: Flask, stripe: Stripe) -> None:
    stripe.forget_calls()
    assert run(app) == []
    assert stripe.calls("post") == {}
    assert sum(stripe.calls("get").values()) == 10


def test_a_price_that_changed_is_replaced_and_the_old_one_stays_with_those_who_pay_it(
    app: Flask, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = stripe.shop.v1.prices.list({"lookup_keys": ["freehold_starter_year_v1"]}).data[0]
    plans = tuple(
        replace(plan, prices={**plan.prices, Interval.YEAR: 18_000}) if plan.code == "starter" else plan
        for plan in catalog.PLANS
    )
    with monkeypatch.context() as changed:
        changed.setattr(catalog, "PLANS", plans)
        done = run(app)
        assert [line.split(" as ")[0] for line in done] == [
            "price freehold_starter_year_v1 created",
            f"price {old.id} retired",
        ]
        assert run(app) == []
    new = stripe.shop.v1.prices.list({"lookup_keys": ["freehold_starter_year_v1"], "active": True}).data[0]
    assert (new.unit_amount, new.id != old.id) == (18_000, True)
    assert stripe.shop.v1.prices.retrieve(old.id).active is False
    run(app)  # back to what the other tests know
    assert stripe.shop.v1.prices.list({"lookup_keys": [old.lookup_key], "active": True}).data[0].unit_amount == 19_000


def test_a_product_is_renamed(app: Flask, stripe: Stripe) -> None:
    stripe.shop.v1.products.update("freehold_scale", {"name": "Something else"})
    assert run(app) == ["product freehold_scale renamed from Something else to Scale"]
    assert run(app) == []


def test_the_command_says_what_it_did(
    app: Flask, settings: Settings, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "load", lambda **_changes: settings)
    stripe.shop.v1.products.update("freehold_scale", {"name": "Old"})
    lines = []
    for _ in range(2):
        done = CliRunner().invoke(main, ["billing", "sync"], obj=lambda _settings: app)
        assert done.exit_code == 0, done.output
        lines.append(done.output.splitlines())
    assert lines == [
        ["product freehold_scale renamed from Old to Scale", "Stripe has all our plans."],
        ["Stripe has all our plans."],
    ]
    stripe.fail("500", 10)
    away = CliRunner().invoke(main, ["billing", "sync"], obj=lambda _settings: app)
    stripe.mend()
    assert (away.exit_code, "payment provider does not answer" in away.output) == (1, True)
