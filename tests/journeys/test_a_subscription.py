"""A subscription from its first day to its last but one, by mouse and by keyboard, while Stripe's test clock moves."""

import re
from datetime import timedelta

from flask import Flask
from playwright.sync_api import Page, expect

from tests.journeys import states
from tests.journeys.keyboard import Keyboard
from tests.journeys.test_business_pays import fill_in
from tests.support.clocks import FAILS, Clocked, clocked
from tests.support.database import sql
from tests.support.live import eventually
from tests.support.payments import VISA, Stripe, plan_of
from tests.support.people import Person, unique
from tests.support.visit import Visit

RENEWED = timedelta(days=31, hours=2)  # a month and what Stripe leaves an invoice a draft for


def test_from_the_first_payment_to_the_cancellation(app: Flask, visit: Visit, stripe: Stripe) -> None:
    owner = states.opened(app)
    clock = clocked(app, stripe, owner)
    visit.enter(owner.email, f"{visit.home(owner.address)}/billing")
    subscribe(app, visit, owner)
    add_a_seat(app, visit, owner)
    upgrade(app, visit, owner, clock)
    fail_and_recover(app, visit, owner, clock)
    downgrade_and_take_it_back(app, visit, owner)
    cancel_and_resume_by_keyboard(app, visit, owner)


def subscribe(app: Flask, visit: Visit, owner: Person) -> None:
    page = visit.page
    page.get_by_role("link", name="Choose Starter").click()
    visit.click("Continue to payment")
    fill_in(visit, VISA)
    page.get_by_role("button", name=re.compile("^Subscribe and pay")).click()
    expect(page.get_by_role("heading", name="You are on Starter")).to_be_visible()
    eventually(lambda: plan_of(app, owner)[1].get("seats") == 5)
    states.nobody_looks(app, owner.address)


def add_a_seat(app: Flask, visit: Visit, owner: Person) -> None:
    """From the team's page, on which there is no seat left."""
    for _ in range(4):
        states.invite(app, owner, f"mate-{unique()}@example.com")
    page = visit.open(f"{visit.home(owner.address)}/team")
    expect(page.get_by_text("5 of 5 seats taken")).to_be_visible()
    page.get_by_role("link", name="Add seats").click()
    visit.click("Show the price")
    expect(page.get_by_text("1, each $4.00 a month")).to_be_visible()
    said = today(page)
    visit.click(f"Pay {said} and add the seats")
    expect(page.get_by_text("The seats are yours.")).to_be_visible()
    page.get_by_label("Email").fill(f"mate-{unique()}@example.com")
    visit.click("Invite")
    expect(page.get_by_text("6 of 6 seats taken")).to_be_visible()
    eventually(lambda: said in paid(app, owner))


def upgrade(app: Flask, visit: Visit, owner: Person, clock: Clocked) -> None:
    """In the middle of the period: what the page itemises is what is paid."""
    clock.advance(clock.now + timedelta(days=10))
    eventually(lambda: clock_of(app, owner) == clock.now)
    page = visit.open(f"{visit.home(owner.address)}/billing")
    page.get_by_role("link", name="Change to Growth").click()
    bill = page.get_by_role("table", name="What is charged")
    expect(bill.get_by_role("row", name=re.compile("Unused time on .*Starter"))).to_have_count(2)
    expect(bill.get_by_role("row", name=re.compile("Remaining time on .*Growth"))).to_have_count(1)
    visit.check()
    said = today(page)
    visit.click(f"Pay {said} and change")
    expect(page.get_by_text("You are on Growth from now on.")).to_be_visible()
    eventually(lambda: said in paid(app, owner))
    visit.open(page.url)
    expect(page.get_by_role("row").filter(has_text=said).get_by_text("Paid")).to_be_visible()


def fail_and_recover(app: Flask, visit: Visit, owner: Person, clock: Clocked) -> None:
    clock.pays_with(FAILS)
    clock.advance(clock.now + RENEWED)
    eventually(lambda: plan_of(app, owner)[2] == "past_due")
    page = visit.open(f"{visit.home(owner.address)}/team")
    expect(page.get_by_text("The last payment failed.")).to_be_visible()
    page.get_by_role("link", name="Update the card").click()
    expect(page.get_by_role("heading", name="Pay what is open")).to_be_visible()
    visit.click("Update the card and pay")
    fill_in(visit, VISA)
    visit.click("Save card")
    expect(page.get_by_text("Paid, thank you. Everything works.")).to_be_visible()
    eventually(lambda: plan_of(app, owner)[::2] == ("growth", "good"))


def downgrade_and_take_it_back(app: Flask, visit: Visit, owner: Person) -> None:
    sql(app, "UPDATE platform.usage SET used = 9 WHERE tenant = :t AND resource = 'seats'", t=owner.tenant)
    page = visit.open(f"{visit.home(owner.address)}/billing")
    page.get_by_role("link", name="Change to Starter").click()
    expect(page.get_by_text("9 where 5 are allowed: the 4 who joined last may only read.")).to_be_visible()
    visit.click("Change to Starter")
    expect(page.get_by_text(re.compile("You will be on Starter from .* on. Until then all stays."))).to_be_visible()
    expect(page.get_by_text("You change to Starter, paid by the month, on")).to_be_visible()
    visit.check_all_looks()
    visit.click("Stay on Growth")
    expect(page.get_by_text("You are on Growth from now on.")).to_be_visible()
    expect(page.get_by_text("You change to Starter")).to_have_count(0)


def cancel_and_resume_by_keyboard(app: Flask, visit: Visit, owner: Person) -> None:
    page, keys = visit.page, Keyboard(visit)
    visit.open(f"{visit.home(owner.address)}/billing")
    keys.follow(page.get_by_role("button", name="Cancel the plan"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    keys.to(dialog.get_by_label("Why do you cancel?"), "Shift+Tab")
    page.keyboard.type("We close for the winter.")
    keys.press("Enter")
    expect(page.get_by_text(re.compile("Your plan ends on .* Nothing is deleted"))).to_be_visible()
    why = "SELECT cancel_reason FROM platform.subscriptions WHERE tenant = :t AND cancel_at IS NOT NULL"
    assert [row.cancel_reason for row in sql(app, why, t=owner.tenant)] == ["We close for the winter."]
    keys.follow(page.get_by_role("button", name="Resume the plan"))
    expect(page.get_by_text("Your plan goes on.")).to_be_visible()
    visit.check()
    assert plan_of(app, owner)[0] == "growth"


def today(page: Page) -> str:
    """What the page says is charged now: "$3.99"."""
    return page.get_by_role("row", name=re.compile("^Today")).get_by_role("cell").inner_text()


def paid(app: Flask, owner: Person) -> list[str]:
    rows = sql(app, "SELECT paid FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    return [f"${row.paid / 100:,.2f}" for row in rows]


def clock_of(app: Flask, owner: Person) -> object:
    ((at,),) = sql(app, "SELECT clock_at FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    return at
