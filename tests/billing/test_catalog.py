"""The plans as data."""

import itertools

import pytest

from billing import money
from billing.errors import UnknownPlan
from billing.plans import catalog, model
from billing.plans.catalog import Interval
from tenants.usage import limits


def test_the_free_plan_allows_the_defaults() -> None:
    free = catalog.plan("free")
    assert free.free
    assert free.allowances() == [(limit, limit.default) for limit in limits.every()]


def test_each_plan_that_costs_more_allows_more_of_everything() -> None:
    plans = catalog.on_sale()
    assert [plan.name for plan in plans] == ["Free", "Starter", "Growth", "Scale"]
    for smaller, larger in itertools.pairwise(plans):
        for (limit, less), (_, more) in zip(smaller.allowances(), larger.allowances(), strict=True):
            if limit.name in {"seats", "records", "collections", "storage", "api_calls", "jobs_at_once"}:
                assert more is None or (less is not None and less < more), f"{limit.name} of {larger.name}"
        for currency in larger.prices:
            cheaper = 0 if smaller.free else smaller.amount(Interval.MONTH, currency)
            assert cheaper < larger.amount(Interval.MONTH, currency)


def test_a_year_costs_less_than_twelve_months_in_every_currency() -> None:
    for plan in catalog.on_sale():
        for currency in plan.prices:
            assert 0 < plan.amount(Interval.YEAR, currency) < 12 * plan.amount(Interval.MONTH, currency)


def test_each_part_has_a_product_of_its_own_that_leads_back_to_it() -> None:
    parts = [part for plan in catalog.every() for part in plan.parts()]
    assert len({part.product_id for part in parts}) == len(parts) == 9
    for part in parts:
        assert model.named(part.product_id) == (part.plan.code, part.plan.version, part.name)


@pytest.mark.parametrize("product", ["", "growth", "prod_x", "freehold_", "freehold_growth_x", "x" * 300])
def test_a_product_that_is_not_ours_stands_for_no_plan(product: str) -> None:
    assert model.named(product) is None


@pytest.mark.parametrize(
    ("plan", "interval", "words"),
    [
        ("gold", "month", "There is no plan 'gold'. Choose one of free, starter, growth, scale."),
        ("", "month", "There is no plan ''."),
        ("growth", "week", "There is no interval 'week'. Choose one of month, year."),
        ("growth", "", "There is no interval ''."),
        ("free", "month", "Free costs nothing"),
        ("Growth", "month", "There is no plan 'Growth'."),
    ],
)
def test_an_unknown_plan_or_interval_is_said_so(plan: str, interval: str, words: str) -> None:
    with pytest.raises(UnknownPlan) as caught:
        catalog.price(plan, interval)
    assert caught.value.detail.startswith(words)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (1_900, "usd", "$19.00"),
        (5, "eur", "€0.05"),
        (-123_456_789, "usd", "-$1,234,567.89"),
        (1_900, "sek", "SEK 19.00"),
        (1_900, "jpy", "¥1,900"),
        (1_900, "kwd", "KWD 1.900"),
    ],
)
def test_amounts_are_written_as_people_read_them(amount: int, currency: str, words: str) -> None:
    assert money.shown(amount, currency) == words
    assert money.short(1_900, "usd") == "$19"


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [("12", "usd", 1_200), ("12.5", "eur", 1_250), ("1900", "jpy", 1_900), ("0.5", "jpy", None),
     ("1.234", "kwd", 1_234), ("0.005", "usd", None), ("-1", "usd", None), ("1e3", "usd", None), ("", "usd", None),
     ("1,5", "usd", 150), ("12,50", "eur", 1_250), ("1,000", "usd", None), ("1,234.50", "usd", None),
     ("1,5", "jpy", None)],
)  # fmt: skip
def test_an_amount_that_the_currency_can_not_have_is_none(written: str, currency: str, amount: int | None) -> None:
    assert money.minor(written, currency) == amount
