"""What an operator's change of plan charges the customer's card stands on the page before; nothing else is taken."""

from datetime import UTC, datetime

from flask import Flask

from billing.acting import favours, service
from saas.core.database import transaction
from saas.devstack.browser import Page
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, plan_of, subscribe
from tests.support.people import Person

WHO = {"actor": "user:admin", "reason": "Agreed by phone."}


def shown(operator: Person, owner: Person, plan: str, interval: str = "month") -> Page:
    return operator.browser.open(f"/console/tenants/{owner.tenant}/actions/change-plan?plan={plan}&interval={interval}")


def sent(operator: Person, page: Page, **changes: str) -> Page:
    return operator.browser.send(page, "", "reason", reason="Agreed with them by phone.", **changes)


def charged(app: Flask, owner: Person) -> list[int]:
    query = "SELECT paid FROM platform.invoices WHERE tenant = :t AND paid > 0 ORDER BY created_at, number"
    return [row.paid for row in sql(app, query, t=owner.tenant)]


def test_what_is_charged_now_is_shown_and_that_is_charged(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    page = shown(operator, owner, "growth")
    due = int(page.form("", "reason").fields["due"])
    assert 5_900 < due <= 6_000 + 1
    assert f"Charged now ${due / 100:.2f}" in words(page)
    assert "The plan is changed." in words(sent(operator, page))
    stripe.deliver(owner.browser)
    assert charged(app, owner) == [1_900, due]


def test_what_was_not_shown_is_not_charged(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    """As where credit was used up meanwhile, where the page lay open for a day, and where a form tells nothing."""
    subscribe(stripe, owner, "starter")
    due = int(shown(operator, owner, "growth").form("", "reason").fields["due"])
    yesterday = int(datetime.now(UTC).timestamp()) - 86_400
    for changes in ({"due": str(due - 500)}, {"at": str(yesterday)}, {"due": "", "at": ""}):
        stale = sent(operator, shown(operator, owner, "growth"), **changes)
        assert (stale.status, "look at the price once more" in words(stale)) == (409, True), changes
        assert f"Charged now ${due / 100:.2f}"[:-3] in words(stale)
    assert (plan_of(app, owner)[0], charged(app, owner)) == ("starter", [1_900])
    assert "The plan is changed." in words(sent(operator, stale))  # what it shows now


def test_what_is_left_of_a_dearer_plan_is_shown_as_credit(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "scale")
    with app.app_context(), transaction():
        favours.credit(owner.tenant, 1_000, **WHO)
    page = shown(operator, owner, "starter")
    assert "Charged now $0.00 Credit $10.00 $2" in words(page)  # 10 and what is left of 299, less 19
    sent(operator, page)
    stripe.deliver(owner.browser)
    ((balance,),) = sql(app, "SELECT balance FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    assert f"Credit $10.00 ${-balance / 100:.2f}" in words(page)


def test_while_a_trial_goes_on_nothing_is_charged(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "growth")
    page = shown(operator, owner, "growth", "year")
    assert "Charged now Nothing: the trial goes on" in words(page)
    assert "The plan is changed." in words(sent(operator, page))
    with app.app_context(), transaction():
        service.cancel(owner.tenant, at_period_end=False, **WHO)
    assert charged(app, owner) == []
