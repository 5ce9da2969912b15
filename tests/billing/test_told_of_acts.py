"""Who cancels, goes on, plans less or is ended by the support gets a mail that says so, with the date, once."""

import pytest
from flask import Flask

from billing.acting import favours, service
from billing.entitlement import occasions
from saas.core.database import transaction
from saas.core.ids import uuid7
from tests.support.clocks import Clocked, clocked
from tests.support.database import sql
from tests.support.payments import Stripe, location, plan_of, row, subscribe
from tests.support.people import Person

WHO = {"actor": "user:admin", "reason": "They asked by phone."}


def mails(app: Flask, owner: Person, part: str) -> list[str]:
    """With these words in the subject or the text, as one line each."""
    query = 'SELECT subject, text FROM platform.mails WHERE "to" = :e ORDER BY id'
    found = [" ".join(f"{row.subject} {row.text}".split()) for row in sql(app, query, e=owner.email)]
    return [one for one in found if part in one]


def test_who_cancels_and_goes_on_is_told_so_each_time(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    for turn in (1, 2):
        location(owner, owner.open("/billing"), "/billing/cancel", reason="Too dear")
        stripe.deliver(owner.browser)
        end = row(app, owner).cancel_at
        cancelled = mails(app, owner, f"is cancelled, and ends on {end:%-d %B %Y}")
        assert len(cancelled) == turn
        assert f"It ends on {end:%-d %B %Y, %H:%M} UTC; until then everything works" in cancelled[0]
        location(owner, owner.open("/billing"), "/billing/resume")
        stripe.deliver(owner.browser)
        assert len(mails(app, owner, "Starter plan of Owner & Sons goes on")) == turn
    assert f"The next charge is on {end:%-d %B %Y}" in mails(app, owner, "goes on")[0]


def test_the_same_form_sent_twice_is_told_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    key = uuid7()
    for _ in range(2):
        with app.app_context(), transaction():
            service.cancel(owner.tenant, at_period_end=True, key=key, **WHO)
    assert len(mails(app, owner, "is cancelled, and ends on")) == 1


def test_who_plans_a_smaller_plan_is_told_when_it_comes(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    at = row(app, owner).next_at
    (told,) = mails(app, owner, f"changes to Starter on {at:%-d %B %Y}")
    assert f"on the Starter plan, by the month, from {at:%-d %B %Y, %H:%M} UTC on" in told
    assert "Until then it stays on Scale" in told


def test_who_is_ended_by_the_support_is_told_what_goes_back(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    with app.app_context(), transaction():
        back = favours.cancel_and_refund(owner.tenant, **WHO)
    stripe.deliver(owner.browser)
    (told,) = mails(app, owner, "plan of Owner & Sons has ended")
    assert "Our support has ended the Starter plan" in told
    assert f"${back / 100:.2f} of what was paid goes back" in told
    assert plan_of(app, owner)[0] == "free"


def test_who_is_ended_at_once_without_money_is_told_by_whom(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    with app.app_context(), transaction():
        service.cancel(owner.tenant, at_period_end=False, **WHO)
    (told,) = mails(app, owner, "plan of Owner & Sons has ended")
    assert "Our support has ended the Starter plan" in told
    assert "goes back" not in told


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner tries Growth, and lives by a test clock of Stripe's."""
    made = clocked(app, stripe, owner)
    subscribe(stripe, owner, "growth")
    return made


def test_only_the_first_receipt_after_a_trial_says_that_it_is_over(
    app: Flask, owner: Person, clock: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.reach(row(app, owner).trial_end)
    clock.wait(hours=2)
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    clock.stripe.deliver(owner.browser)
    assert len(mails(app, owner, "Receipt for Owner & Sons")) == 2
    (first,) = mails(app, owner, "Your trial is over, and this is your first payment.")
    assert "Receipt for Owner & Sons: $79.00" in first
    monkeypatch.setattr(occasions, "_is_first", lambda *_about: True)  # the control
    sql(app, "DELETE FROM platform.billing_notices WHERE tenant = :t AND kind = 'receipt'", t=owner.tenant)
    clock.look()
    assert len(mails(app, owner, "Your trial is over")) == 3
