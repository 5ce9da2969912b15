"""The plans as data."""

import itertools

import pytest

from billing import catalog, money
from billing.catalog import Interval
from billing.errors import UnknownPlan
from tenants.usage import limits


def test_the_free_plan_allows_the_defaults() -> None:
    free = catalog.plan("free")
    assert free.free
    assert free.allowances() == [(limit, limit.default) for limit in limits.every()]


def test_each_plan_that_costs_more_allows_more_of_everything() -> None:
    plans = sorted(catalog.PLANS, key=lambda plan: plan.prices.get(Interval.MONTH, 0))
    assert [plan.name for plan in plans] == ["Free", "Starter", "Growth", "Scale"]
    for smaller, larger in itertools.pairwise(plans):
        for (limit, less), (_, more) in zip(smaller.allowances(), larger.allowances(), strict=True):
            if limit.name in {"seats", "records", "collections", "storage", "api_calls", "jobs_at_once"}:
                assert more is None or (less is not None and less < more), f"{limit.name} of {larger.name}"


def test_a_year_costs_less_than_twelve_months() -> None:
    for plan in catalog.PLANS:
        if not plan.free:
            assert 0 < plan.prices[Interval.YEAR] < 12 * plan.prices[Interval.MONTH]


def test_each_price_has_a_lookup_key_of_its_own_and_each_product_leads_back() -> None:
    assert len({price.lookup_key for price in catalog.prices()}) == 6
    for plan in catalog.PLANS:
        assert catalog.of_product(plan.product_id) == (None if plan.free else plan.code)


@pytest.mark.parametrize("product", ["", "growth", "prod_x", "freehold_nothing", "freehold_growth_x", "x" * 300])
def test_a_product_that_is_not_ours_stands_for_no_plan(product: str) -> None:
    assert catalog.of_product(product) is None


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
    ],
)
def test_amounts_are_written_as_people_read_them(amount: int, currency: str, words: str) -> None:
    assert money.shown(amount, currency) == words
    assert money.short(1_900, "usd") == "$19"
