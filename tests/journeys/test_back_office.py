"""An operator's day in a real browser: each action of the back office, seen from outside as well."""

import re
from datetime import UTC, datetime, timedelta

from flask import Flask
from playwright.sync_api import expect

from billing.mirrored import flags
from saas.console.action_views import ACTIONS
from saas.core.database import transaction
from tests.journeys import states
from tests.support.database import sql
from tests.support.operators import code
from tests.support.payments import Stripe, plan_of
from tests.support.people import Person
from tests.support.visit import Visit

REASON = "Agreed with them by phone."
LATER = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()


def test_each_action_by_mouse(app: Flask, visit: Visit, stripe: Stripe) -> None:
    done: set[str] = set()
    enter(app, visit)
    of_the_door(visit, states.opened(app), done)
    payer = states.opened(app)
    states.pays(app, payer)
    of_what_is_paid(app, visit, payer, done)
    trier = states.opened(app)
    states.pays(app, trier, "growth")
    act(visit, trier, "extend-trial", done, until=LATER)
    of_what_is_given(app, visit, trier, done)
    act(visit, trier, "cancel", done, when="now")
    assert plan_of(app, trier)[0] == "free"
    # Of a plan that has a newer version, which the catalogue has none of yet: tests/console/test_actions.py.
    assert done == set(ACTIONS) - {"move-version"}, "each action is done here"


def of_the_door(visit: Visit, owner: Person, done: set[str]) -> None:
    owner.key()
    act(visit, owner, "suspend", done, text="Closed while we look into it.")
    expect(visit.page.get_by_text("Visitors read: Closed while we look into it.")).to_be_visible()
    assert "Closed while we look into it." in owner.open("/home").text
    refused = owner.api("GET", "/collections")
    assert (refused.status_code, "Closed while we look into it." in refused.text) == (403, True)
    act(visit, owner, "resume", done)
    assert (owner.open("/home").status, owner.api("GET", "/collections").status_code) == (200, 200)


def of_what_is_paid(app: Flask, visit: Visit, owner: Person, done: set[str]) -> None:
    ((invoice,),) = sql(app, "SELECT id FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    act(visit, owner, "refund", done, invoice=invoice, amount="12.50")
    expect(visit.page.get_by_role("cell", name="$12.50")).to_be_visible()
    act(visit, owner, "change-plan", done, plan="growth", interval="year")
    assert plan_of(app, owner)[0] == "growth"
    act(visit, owner, "cancel", done, when="period")
    expect(visit.page.get_by_text("Cancelled for")).to_be_visible()
    act(visit, owner, "keep-subscription", done)
    expect(visit.page.get_by_text("Cancelled for")).to_have_count(0)
    act(visit, owner, "grant", done, plan="scale", until=LATER)
    assert plan_of(app, owner)[0] == "scale"
    act(visit, owner, "end-grant", done)
    assert plan_of(app, owner)[0] == "growth"
    act(visit, owner, "cancel-and-refund", done)
    assert plan_of(app, owner)[0] == "free"
    expect(visit.page.get_by_role("region", name="Invoices").get_by_role("row").nth(1)).not_to_contain_text("$0.00")


def of_what_is_given(app: Flask, visit: Visit, owner: Person, done: set[str]) -> None:
    facts = visit.page.get_by_role("region", name="Subscription")
    act(visit, owner, "override", done, resource="seats", value="25", until=LATER)
    assert plan_of(app, owner)[1]["seats"] == 25
    expect(facts.get_by_text("Seats: 25")).to_be_visible()
    act(visit, owner, "end-override", done, resource="seats")
    assert plan_of(app, owner)[1]["seats"] == 20
    act(visit, owner, "credit", done, amount="12.50")
    expect(facts.get_by_text("$12.50")).to_be_visible()
    act(visit, owner, "own-price", done, amount="50", months="3")
    expect(facts.get_by_text("$50.00 a month")).to_be_visible()
    with app.app_context(), transaction():
        flags.raise_flag(owner.tenant, "dispute", f"dp_{owner.tenant}", "Their bank asks for $19.00.")
        flag = str(flags.open_of(owner.tenant)[0].id)
    act(visit, owner, "clear-flag", done, flag=flag)
    expect(visit.page.get_by_text("Their bank asks for $19.00.")).to_have_count(0)


def test_the_way_in_and_an_action_by_keyboard_alone(app: Flask, visit: Visit) -> None:
    owner = states.opened(app)
    enter(app, visit)
    page = visit.open("/console")
    page.get_by_role("searchbox").focus()
    page.keyboard.type(owner.email)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console?q=*")
    focus(visit, "Kaffeerösterei")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tenants/{owner.tenant}")
    focus(visit, "Suspend")
    page.keyboard.press("Enter")
    page.wait_for_url("**/actions/suspend")
    page.get_by_label("Text for visitors").focus()
    page.keyboard.type("Closed while we look into it.")
    page.keyboard.press("Tab")
    page.keyboard.type(REASON)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tenants/{owner.tenant}")
    expect(page.get_by_text("The workspace is suspended.")).to_be_visible()
    assert owner.open("/home").status == 403


def enter(app: Flask, visit: Visit) -> None:
    """As an operator, who sets up a second factor on the way."""
    person = states.opened(app)
    sql(app, "UPDATE platform.users SET operator = true WHERE email = :email", email=person.email)
    page = visit.open(visit.link(person.email, "/console"))
    secret = page.get_by_text(re.compile("^[A-Z2-7]{32}$")).inner_text()
    page.get_by_label("Code").fill(code(secret))
    visit.click("Turn on")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Workspaces")


def act(visit: Visit, owner: Person, name: str, done: set[str], **values: str) -> None:
    """From the tenant's page: choose where there is a choice, look at before and after, give the reason."""
    action, page = ACTIONS[name], visit.page
    page.goto(f"{visit.site}/console/tenants/{owner.tenant}")
    page.get_by_role("main").get_by_role("link", name=action.label, exact=True).click()
    page.wait_for_url(f"**/actions/{name}")
    if action.choice:
        for field, value in values.items():
            box = page.locator(f"[name='{field}']")
            box.select_option(value) if box.evaluate("field => field.tagName") == "SELECT" else box.fill(value)
        page.get_by_role("button", name="Show what changes").click()
    changes = page.get_by_role("group", name="What changes")
    expect(changes.get_by_role("columnheader")).to_have_text(["What", "Before", "After"])
    assert changes.get_by_role("rowheader").count() >= 1
    if not action.choice:
        for field, value in values.items():
            page.locator(f"[name='{field}']").fill(value)
    visit.check()
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name=action.label, exact=True).click()
    expect(page.get_by_text(action.done)).to_be_visible()
    expect(page.locator(".timeline").get_by_text(REASON).first).to_be_visible()
    done.add(name)


def focus(visit: Visit, text: str) -> None:
    """By the tab key, from where one is."""
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        if text in (visit.page.evaluate("document.activeElement.textContent") or "").strip()[:60]:
            return
    raise AssertionError(f"the tab key does not lead to {text!r}")
