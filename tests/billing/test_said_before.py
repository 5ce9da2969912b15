"""What pages say before somebody pays or chooses: nothing is offered that would be refused, nothing comes unsaid."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from billing.entitlement import grants
from saas.core.database import transaction
from tests.billing.test_seats import people
from tests.support.clocks import FAILS, clocked
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, submit, subscribe
from tests.support.people import Person, unique


def given(app: Flask, owner: Person, plan: str, until: datetime | None = None) -> None:
    with app.app_context(), transaction():
        grants.grant(owner.tenant or "", plan, until, actor="user:tests", reason="A gift.")


def test_while_a_payment_is_open_more_is_not_offered_and_the_way_out_is(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner, "growth")
    assert "/billing/change" in owner.open("/billing/choose?plan=scale").text  # the control
    clock.pays_with(FAILS)
    clock.wait(days=50)
    more, less, seats = (
        owner.open(f"/billing/{path}") for path in ("choose?plan=scale", "choose?plan=starter", "seats?people=21")
    )
    assert "A payment is open. Pay what is open first, then change the plan." in words(more)
    assert ("/billing/change" in more.text, "/billing/change" in less.text) == (False, True)
    assert "Pay what is open first, then add seats." in words(seats)
    assert "and add the seats" not in words(seats)


def test_a_cancelled_plan_is_resumed_before_it_is_changed(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    location(owner, owner.open("/billing"), "/billing/cancel")
    page = owner.open("/billing/choose?plan=growth")
    assert "Resume it first, then change it." in words(page)
    assert "/billing/change" not in page.text
    until = datetime.now(UTC) + timedelta(days=27)
    seats = words(owner.open("/billing/seats?people=6"))
    assert "They last until" in seats
    assert "when your plan ends" in seats
    assert "At each renewal" not in seats
    assert f"Starter Ends {until:%-d}"[:13] in words(owner.open("/billing"))
    location(owner, page, "/billing/resume")
    assert "/billing/change" in owner.open("/billing/choose?plan=growth").text


def test_the_dialog_before_the_end_names_its_day_and_what_becomes_read_only(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    owner.define("things", title="text")
    sql(app, "UPDATE platform.usage SET used = 12 WHERE tenant = :t AND resource = 'collections'", t=owner.tenant)
    ((end,),) = sql(app, "SELECT period_end FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    shown = words(owner.open("/billing"))
    assert f"It lasts until {end:%-d %b %Y} , when what you have paid for is used up." in shown
    assert "Collections: 12 where 5 are allowed: the newest 7 are read-only." in shown


def test_beside_a_plan_that_was_given_it_is_said_that_it_counts_first(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    assert "You were given" not in words(owner.open("/billing/choose?plan=growth"))
    until = datetime.now(UTC) + timedelta(days=90)
    given(app, owner, "scale", until)
    banner = f"You were given Scale until {until:%-d %b %Y} ; it counts as long as it lasts."
    page = owner.open("/billing/choose?plan=growth")
    assert banner in words(page)
    assert banner in words(owner.open("/billing/seats"))
    location(owner, page, "/billing/change")
    said = f"You pay for Growth from now on. You were given Scale until {until:%-d %B %Y};"
    assert said in words(owner.open("/billing"))


def test_who_was_given_a_plan_and_buys_another_reads_which_one_counts(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    given(app, owner, "scale")
    shown = words(owner.browser.open(subscribe(stripe, owner, "starter")))
    assert "You pay for Starter" in shown
    assert "You were given Scale; it counts as long as it lasts." in shown


def test_that_a_trial_ends_with_the_change_is_said(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "growth")
    page = words(owner.open("/billing/choose?plan=starter"))
    assert ("It ends with this change" in page, "Your free trial" in page) == (True, True)


def test_the_chosen_currency_stays_with_the_other_interval(owner: Person, stripe: Stripe) -> None:
    page = owner.open("/billing?interval=month&currency=eur")
    assert "/billing?interval=year&amp;currency=eur" in page.text
    assert "€190" in words(owner.open("/billing?interval=year&currency=eur"))
    assert "You pay in euro from then on" in words(owner.open("/billing/choose?plan=starter&currency=eur"))


def test_what_is_beyond_the_included_calls_has_its_price_before_anybody_chooses(owner: Person, stripe: Stripe) -> None:
    assert "API calls more, if you allow them" in words(owner.open("/billing"))
    assert "beyond those that are included, once you allow it" in words(owner.open("/billing/choose?plan=starter"))


def test_from_the_month_to_the_year_nothing_is_said_to_change_but_the_rhythm(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    page = words(owner.open("/billing/choose?plan=starter&interval=year"))
    assert "Pay Starter by the year" in page
    assert "Keep paying by the month" in page
    assert "What changes" not in page


@pytest.mark.parametrize(("cap", "kept"), [("12,50", "$12.50"), ("25", "$25.00")])
def test_a_cap_is_told_wherever_calls_are_counted(owner: Person, stripe: Stripe, cap: str, kept: str) -> None:
    subscribe(stripe, owner, "starter")
    location(owner, owner.open("/billing/usage"), "/billing/usage", cap=cap)
    for path in ("/usage", "/billing"):
        assert f"API calls a month 0, up to your cap of {kept}" in words(owner.open(path))


def test_a_cap_that_is_none_comes_back_at_its_field(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    answer = submit(owner, owner.open("/billing/usage"), "/billing/usage", cap="ten & more")
    assert answer.status_code == 422
    assert 'value="ten &amp; more"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'id="cap-error"' in answer.text
    assert "Error 422" not in answer.text


def test_who_is_invited_counts_on_each_page_and_one_more_has_its_price(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :email", email=owner.email)
    people(app, owner, 4)
    invite = f"new-{unique()}@example.com"
    location(owner, owner.open("/team"), "/team", email=invite, role="editor")
    for path in ("/usage", "/billing"):
        assert "Seats 5 of 5, 1 by open invitations" in words(owner.open(path))
    page = owner.open("/team")
    assert (
        "5 of 5 seats taken, 1 by open invitations. Add seats , $4.00 a month each, or choose a larger plan"
        in words(page)
    )
    refused = submit(owner, page, "/team", email="late@example.com", role="viewer")
    assert refused.status_code == 402
    assert 'value="late@example.com"' in refused.text
    assert 'selected value="viewer"' in refused.text
    assert "One more seat costs $4.00 a month" in refused.text
    assert "/billing/seats?people=6" in refused.text
    assert "5 of 5 seats taken, 1 by" in refused.text  # who was refused is not among them
