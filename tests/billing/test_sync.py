"""The catalogue at Stripe."""

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from billing.errors import BadCatalogue, UnknownPlan
from billing.gateway.products import Tariff
from billing.offering import sync
from billing.plans import catalog
from billing.plans.catalog import Interval, Plan
from billing.plans.model import Trial
from saas.cli import context, main
from saas.core.settings import Settings
from tests.support.database import sql
from tests.support.payments import Stripe


def run(app: Flask) -> list[str]:
    with app.app_context():
        return list(sync.sync())


def tariffs() -> list[Tariff]:
    return [
        Tariff(part, interval, currency)
        for plan in catalog.every()
        for part in plan.parts()
        for interval in Interval
        for currency in plan.prices
    ]


def test_every_price_is_at_stripe_with_its_amount(stripe: Stripe) -> None:
    found = {price.lookup_key: price for price in stripe.shop.v1.prices.list({"limit": 100}).data}
    assert len(tariffs()) == 72
    for tariff in tariffs():
        price = found[tariff.lookup_key]
        assert (price.currency, price.recurring.interval) == (tariff.currency, tariff.interval)
        if not tariff.part.metered:
            assert price.unit_amount == tariff.part.amounts(tariff.interval)[tariff.currency]
    for plan in catalog.every():
        for part in plan.parts():
            assert stripe.shop.v1.products.retrieve(part.product_id).name == part.title


def test_what_is_used_beyond_the_included_has_a_price_by_tiers(stripe: Stripe) -> None:
    key = "freehold_growth_v1_api_calls_year_usd"
    (price,) = stripe.shop.v1.prices.list({"lookup_keys": [key], "expand": ["data.tiers"]}).data
    free, beyond = price.tiers
    assert (free.up_to, free.unit_amount) == (24_000_000, 0)
    assert (beyond.up_to, str(beyond.unit_amount_decimal)) == (None, "0.02")
    assert stripe.shop.v1.billing.meters.retrieve(price.recurring.meter).event_name == "freehold_api_calls"


def test_a_second_run_creates_nothing_and_asks_little(app: Flask, stripe: Stripe) -> None:
    stripe.forget_calls()
    assert run(app) == []
    assert stripe.calls("post") == {}
    assert sum(stripe.calls("get").values()) == 11


def test_a_price_that_asks_something_else_is_replaced_and_stays_with_those_who_pay_it(
    app: Flask, stripe: Stripe
) -> None:
    key = "freehold_starter_v1_year_usd"
    ours = stripe.shop.v1.prices.list({"lookup_keys": [key]}).data[0]
    wrong = stripe.shop.v1.prices.create(
        {"product": ours.product, "currency": "usd", "unit_amount": 5, "recurring": {"interval": "year"},
         "lookup_key": key, "transfer_lookup_key": True}
    )  # fmt: skip
    created, retired = run(app)
    assert created.startswith(f"create the price {key}: price_")
    assert retired == f"retire the price {wrong.id}"
    assert run(app) == []
    new = stripe.shop.v1.prices.list({"lookup_keys": [key], "active": True}).data[0]
    assert (new.unit_amount, new.id != wrong.id) == (19_000, True)
    assert stripe.shop.v1.prices.retrieve(wrong.id).active is False


def altered(**changes: Any) -> tuple[Plan, ...]:
    return tuple(replace(plan, **changes) if plan.code == "starter" else plan for plan in catalog.every())


@pytest.mark.parametrize("changes", [{"trial": Trial(30)}, {"limits": {"seats": 1}}, {"overage": {}}])
def test_a_published_version_that_was_altered_is_refused(
    app: Flask, stripe: Stripe, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    plans = altered(**changes)
    monkeypatch.setattr(catalog, "every", lambda: plans)
    stripe.forget_calls()
    with pytest.raises(BadCatalogue, match=r"plan starter version 1 is not what was published: .* as version 2"):
        run(app)
    assert stripe.calls("post") == {}


def test_a_published_version_that_is_missing_is_refused(
    app: Flask, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = tuple(plan for plan in catalog.every() if plan.code != "starter")
    monkeypatch.setattr(catalog, "every", lambda: plans)
    with pytest.raises(BadCatalogue, match="plan starter version 1 was published and is missing"):
        run(app)


def test_a_plan_is_put_in_other_words_and_archived_under_its_version(
    app: Flask, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = altered(name="Begin", archived=True)
    with monkeypatch.context() as changed:
        changed.setattr(catalog, "every", lambda: plans)
        assert "rename the product freehold_starter_v1 from Starter to Begin" in run(app)
        assert [plan.code for plan in catalog.on_sale()] == ["free", "growth", "scale"]
        with pytest.raises(UnknownPlan):
            catalog.price("starter", "month")
        assert catalog.price("starter", "month", version=1).amount == 1_900  # those who have it keep it
    ((archived,),) = sql(app, "SELECT archived_at IS NOT NULL FROM platform.plans WHERE code = 'starter'")
    assert archived
    run(app)  # back to what the other tests know


def test_the_command_plans_and_then_says_what_it_did(
    app: Flask, settings: Settings, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "load", lambda **_changes: settings)
    stripe.shop.v1.products.update("freehold_scale_v1", {"name": "Old"})
    lines = []
    for options in (["--plan"], [], []):
        done = CliRunner().invoke(main, ["billing", "sync", *options], obj=lambda _settings: app)
        assert done.exit_code == 0, done.output
        lines.append(done.output.splitlines())
    rename = "rename the product freehold_scale_v1 from Old to Scale"
    assert lines == [
        [rename, "Nothing was changed: without --plan this is done."],
        [rename, "Stripe has all our plans."],
        ["Stripe has all our plans."],
    ]
    stripe.fail("500", 10)
    away = CliRunner().invoke(main, ["billing", "sync"], obj=lambda _settings: app)
    stripe.mend()
    assert (away.exit_code, "payment provider does not answer" in away.output) == (1, True)
