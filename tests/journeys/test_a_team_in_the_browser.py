"""A team grows and shrinks, in a real browser; each page in light and dark, wide and narrow, also with long names."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.journeys.test_in_the_browser import confirm, sign_up
from tests.support.database import sql
from tests.support.live import Running
from tests.support.people import PASSWORD, unique
from tests.support.visit import Visit, visiting

LONG = "Wolfeschlegelsteinhausenbergerdorff " * 5 + "x" * 20  # 200 characters, some without a space


@pytest.fixture
def visit(app: Flask, running: Running, chromium: Browser) -> Iterator[Visit]:
    with visiting(app, running, chromium) as visit:
        yield visit


def test_a_colleague_is_invited_joins_and_is_removed(visit: Visit) -> None:
    address = sign_up(visit)
    owner, mate = f"{address}@example.com", f"mate-{unique()}@example.com"
    home = visit.site.replace("://", f"://{address}.")
    confirm(visit, owner)
    rename(visit, LONG)
    invite(visit, home, mate)
    join(visit, home, mate)
    end_other_sessions(visit, owner)
    change_and_remove(visit, home, mate)
    try_to_leave(visit)


def invite(visit: Visit, home: str, email: str) -> None:
    page = visit.open(f"{home}/team")
    visit.check_all_looks()
    page.get_by_label("Email").fill("nobody")
    page.locator("main form").first.evaluate("form => form.noValidate = true")
    visit.click("Invite")
    expect(page.get_by_text("That is not an email address")).to_be_visible()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Role").select_option(label="Admin: everything but payments and owners")
    visit.click("Invite")
    expect(page.get_by_text(f"An invitation is on its way to {email}.")).to_be_visible()
    expect(page.get_by_text("2 of 2 seats taken, 1 by open invitations.")).to_be_visible()
    visit.check_all_looks()


def join(visit: Visit, home: str, email: str) -> None:
    page = visit.page
    visit.open(visit.mail("Join Bäckerei", email, "/invitations/"))
    expect(page.get_by_role("heading", name="This invitation is for somebody else")).to_be_visible()
    visit.check_all_looks()
    visit.click("Sign out and come back")
    visit.check_all_looks()
    page.get_by_label("Your name").fill(LONG)
    page.get_by_label("Password").fill(PASSWORD)
    visit.click("Create account and join")
    page.wait_for_url(f"{home}/home")
    visit.open(f"{home}/team")
    expect(page.get_by_role("cell", name="Admin", exact=True)).to_be_visible()
    visit.check_all_looks()


def end_other_sessions(visit: Visit, email: str) -> None:
    for _ in range(2):
        visit.page.context.clear_cookies()
        page = visit.open(visit.link(email, "/account/sessions"))
    visit.check_all_looks()
    page.get_by_role("button", name="Sign out all others").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out all others").click()
    expect(page.get_by_text("All other browsers are signed out.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out all others")).to_have_count(0)


def change_and_remove(visit: Visit, home: str, email: str) -> None:
    page = visit.open(f"{home}/team")
    page.get_by_role("link", name=f"Manage {email}").click()
    visit.check_all_looks()
    page.get_by_label("Role").select_option(label="Viewer: reads records")
    visit.click("Change role")
    expect(page.get_by_role("cell", name="Viewer", exact=True)).to_be_visible()
    page.get_by_role("link", name=f"Manage {email}").click()
    page.get_by_role("button", name=f"Remove {email}").click()
    visit.check()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("They are out")).to_be_visible()


def try_to_leave(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Leave workspace").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave workspace").click()
    expect(page.get_by_role("heading", name="A workspace needs an owner")).to_be_visible()
    visit.check_all_looks()


def test_what_is_said_of_links_that_are_no_good(app: Flask, visit: Visit) -> None:
    visit.open(f"/invitations/{'A' * 43}")
    expect(visit.page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    address = sign_up(visit)
    confirm(visit, f"{address}@example.com")
    email = f"mate-{unique()}@example.com"
    sql(app, "INSERT INTO platform.users (id, email, operator) VALUES (gen_random_uuid(), :e, false)", e=email)
    visit.open(visit.site.replace("://", f"://{address}.") + "/team")
    visit.page.get_by_label("Email").fill(email)
    visit.click("Invite")
    link = visit.mail("Join Bäckerei", email, "/invitations/")
    visit.page.context.clear_cookies()
    visit.open(link)
    expect(visit.page.get_by_text("Sign in to accept.")).to_be_visible()
    visit.check_all_looks()


def rename(visit: Visit, name: str) -> None:
    visit.open("/account")
    visit.check_all_looks()
    visit.page.get_by_label("Name").fill(name)
    visit.click("Save")
    expect(visit.page.get_by_text("Your name is changed.")).to_be_visible()
