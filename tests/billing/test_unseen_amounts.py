"""Nobody is charged what their page did not say: not for a page of before, nor from a page that could not say it."""

import pytest
from flask import Flask

from billing.pages import common
from tests.support.clocks import Clocked, clocked
from tests.support.payments import Stripe, charged, location, plan_of, submit, subscribe
from tests.support.people import Person


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    return clocked(app, stripe, owner)


def test_a_page_of_a_trial_that_said_nothing_today_charges_nothing_once_the_trial_is_over(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    subscribe(stripe, owner, "growth")
    page = owner.open("/billing/choose?plan=growth&interval=year")
    assert page.form("/billing/change").fields["due"] == "0"
    clock.wait(days=15)
    before = charged(app, owner)
    assert submit(owner, page, "/billing/change").status_code == 409
    stripe.deliver(owner.browser)
    assert charged(app, owner) == before == [0, 7_900]
    location(owner, owner.open("/billing/choose?plan=growth&interval=year"), "/billing/change")  # the control
    stripe.deliver(owner.browser)
    assert len(charged(app, owner)) == 3


def test_a_page_of_a_trial_still_changes_it_for_nothing_while_it_runs(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    """Though a preview would be of the trial's end, and of more than the nothing that was shown."""
    subscribe(stripe, owner, "growth")
    location(owner, owner.open("/billing/choose?plan=growth&interval=year"), "/billing/change")
    location(owner, owner.open("/billing/seats?people=40"), "/billing/seats")
    stripe.deliver(owner.browser)
    assert set(charged(app, owner)) == {0}


def test_a_page_that_said_later_charges_nothing_once_it_would_be_now(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    """From Scale to Growth is less; by then Starter has come, from which it is more."""
    subscribe(stripe, owner, "scale")
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    page = owner.open("/billing/choose?plan=growth")
    assert page.form("/billing/change").fields["due"] == "0"
    clock.wait(days=32)
    assert submit(owner, page, "/billing/change").status_code == 409
    stripe.deliver(owner.browser)
    assert (charged(app, owner), plan_of(app, owner)[0]) == ([29_900, 1_900], "starter")


def test_a_page_without_an_amount_has_no_button(owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(stripe, owner, "starter")
    for path, action in [("choose?plan=scale", "change"), ("seats?people=8", "seats")]:
        with monkeypatch.context() as patched:
            patched.setattr(common, "may_ask", lambda: False)  # as after too many pages of a minute
            page = owner.open(f"/billing/{path}")
        assert (page.status, f'method="post" action="/billing/{action}"' in page.text) == (200, False), path
        assert int(owner.open(f"/billing/{path}").form(f"/billing/{action}").fields["due"]) > 0  # the control
