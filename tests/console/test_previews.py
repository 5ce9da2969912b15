"""What is refused when it is sent is refused when it is shown, and what an act leaves behind is told before."""

from datetime import UTC, datetime, timedelta

from flask import Flask

from billing.acting import favours
from saas.core.database import transaction
from saas.devstack.browser import Page
from tests.support.clocks import clocked
from tests.support.pages import error_at, words
from tests.support.payments import Stripe, subscribe
from tests.support.people import Person

TODAY = datetime.now(UTC).date()
WHO = {"actor": "user:admin", "reason": "They were ill."}


def show(operator: Person, owner: Person, name: str, **choice: str) -> Page:
    return operator.browser.open(f"/console/tenants/{owner.tenant}/actions/{name}", params=choice)


def asks_a_reason(page: Page) -> bool:
    return any("reason" in form.fields for form in page.forms)


def test_a_day_that_is_over_is_refused_at_once(operator: Person, owner: Person) -> None:
    over = (TODAY - timedelta(days=1)).isoformat()
    for name, choice in (("override", {"resource": "records", "value": "5"}), ("grant", {"plan": "scale"})):
        page = show(operator, owner, name, until=over, **choice)
        assert "That day is over" in error_at(page, "until"), name
        assert not asks_a_reason(page)
        assert asks_a_reason(show(operator, owner, name, until=(TODAY + timedelta(days=1)).isoformat(), **choice))


def test_a_trial_is_only_made_longer(operator: Person, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "growth")
    for days in (-1, 3):
        page = show(operator, owner, "extend-trial", until=(TODAY + timedelta(days=days)).isoformat())
        assert error_at(page, "until"), days
        assert not asks_a_reason(page)
    assert "The trial lasts until" in error_at(page, "until")
    assert asks_a_reason(show(operator, owner, "extend-trial", until=(TODAY + timedelta(days=30)).isoformat()))


def test_a_price_for_fewer_months_than_the_period_is_refused_at_once(
    operator: Person, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter", "year")
    page = show(operator, owner, "own-price", amount="100", months="3")
    assert "over before the next invoice" in error_at(page, "months")
    assert not asks_a_reason(page)
    assert asks_a_reason(show(operator, owner, "own-price", amount="100", months="12"))


def test_a_limit_below_what_there_is_says_what_becomes_read_only(operator: Person, owner: Person) -> None:
    for name in ("bread", "rolls", "cakes"):
        owner.define(name, title="text")
    shown = words(show(operator, owner, "override", resource="collections", value="1"))
    assert "What is there 3 The newest 2 are read-only" in shown
    enough = words(show(operator, owner, "override", resource="collections", value="3"))
    assert "What is there" not in enough


def test_credit_that_stays_is_told_before_an_end_with_money_back(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    clocked(app, stripe, owner)
    subscribe(stripe, owner, "starter")
    assert "not paid back" not in words(show(operator, owner, "cancel-and-refund"))
    with app.app_context(), transaction():
        favours.credit(owner.tenant, 1_250, **WHO)
    assert "Credit $12.50 $12.50, not paid back" in words(show(operator, owner, "cancel-and-refund"))
