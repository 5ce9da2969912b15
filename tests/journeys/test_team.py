"""A team in several browsers at once: what an owner does is met by the colleague in theirs, and by the stranger."""

import re

from flask import Flask
from playwright.sync_api import Page, expect

from tests.journeys import states
from tests.support.people import PASSWORD, unique
from tests.support.visit import Visit


def test_a_colleague_is_invited_works_changes_role_and_is_removed(app: Flask, visit: Visit) -> None:
    owner, mate, email = states.opened(app), visit.beside(), f"mate-{unique()}@example.com"
    owner.define("orders", customer="text")
    home = visit.home(owner.address)
    page = visit.enter(owner.email, f"{home}/team")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Role").select_option(label="Developer: collections, records and API keys")
    visit.click("Invite")
    expect(page.get_by_text(f"An invitation is on its way to {email}.")).to_be_visible()

    theirs = mate.open(mate.mail(f"Join {states.SHORT.business}", email, "/invitations/"))
    expect(theirs.get_by_text("as a developer")).to_be_visible()
    theirs.get_by_label("Your name").fill("Jo Brandt")
    theirs.get_by_label("Password").fill(PASSWORD)
    mate.click("Create account and join")
    theirs.wait_for_url(f"{home}/home")
    assert menu(theirs) == {"Home", "Collections", "API keys", "Jobs", "Team", "Usage"}
    add_record(theirs, home)

    change_role(visit, home, email, "Viewer: reads records")
    mate.open(f"{home}/collections/orders")
    expect(theirs.get_by_role("cell", name="Ada", exact=True)).to_be_visible()
    expect(theirs.get_by_role("button", name="Add record")).to_have_count(0)
    expect(theirs.get_by_role("link", name="Delete collection")).to_have_count(0)
    assert menu(theirs) == {"Home", "Collections", "Jobs", "Team", "Usage"}
    mate.open(f"{home}/keys")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Your role does not allow this")
    expect(theirs.get_by_text("As a viewer you may not")).to_be_visible()

    page.get_by_role("link", name=f"Manage {email}").click()
    page.get_by_role("button", name=f"Remove {email}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("They are out")).to_be_visible()
    mate.open(f"{home}/collections/orders")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("You are not a member of this workspace")
    expect(theirs.get_by_text("Ada")).to_have_count(0)


def test_a_form_that_was_open_when_its_sender_was_removed_does_nothing(app: Flask, visit: Visit) -> None:
    owner = states.opened(app)
    owner.define("orders", customer="text")
    email, path = states.invite(app, owner, f"mate-{unique()}@example.com")
    home, mate = visit.home(owner.address), visit.beside()
    theirs = mate.open(path)
    theirs.get_by_label("Your name").fill("Jo Brandt")
    theirs.get_by_label("Password").fill(PASSWORD)
    mate.click("Create account and join")
    mate.open(f"{home}/collections/orders")
    theirs.get_by_role("button", name="Add record").first.click()
    theirs.get_by_role("dialog").get_by_label("customer").fill("Too late")
    page = visit.enter(owner.email, f"{home}/team")
    page.get_by_role("link", name=f"Manage {email}").click()
    page.get_by_role("button", name=f"Remove {email}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("They are out")).to_be_visible()
    theirs.get_by_role("dialog").get_by_role("button", name="Add record").click()
    expect(theirs.get_by_role("heading", level=1)).not_to_have_text("Orders")
    mate.check()
    visit.open(f"{home}/collections/orders")
    expect(page.get_by_text("No record yet")).to_be_visible()


def test_a_session_that_is_signed_out_elsewhere_ends_at_once_on_every_host(app: Flask, visit: Visit) -> None:
    owner, other = states.opened(app), visit.beside()
    home = visit.home(owner.address)
    elsewhere = other.enter(owner.email, f"{home}/collections")
    expect(elsewhere.get_by_role("heading", name="Collections", level=1)).to_be_visible()
    page = visit.enter(owner.email, "/account/sessions")
    expect(page.get_by_text("This browser", exact=True)).to_have_count(1)
    before = page.get_by_role("row").count()
    others = page.get_by_role("row").filter(has_text="Chrome").filter(has=page.get_by_role("button"))
    others.get_by_role("button", name=re.compile("^Sign out")).click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("row")).to_have_count(before - 1)
    visit.check()
    for url in (f"{home}/collections", f"{visit.site}/workspaces"):
        other.open(url)
        expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    visit.open(f"{home}/home")  # this browser is as it was
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_a_stranger_meets_shut_doors_and_words_that_say_so(app: Flask, visit: Visit) -> None:
    business = states.full(app)
    owner, stranger = business.owner, states.opened(app, "Stranger & Sons")
    home, secrets = visit.home(owner.address), [states.SHORT.text, states.SHORT.business, owner.email]
    for path in business.pages:
        visit.open(home + path)
        expect(visit.page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
        assert not told(visit.page, secrets)
    page = visit.enter(stranger.email)
    for path in business.pages:
        visit.open(home + path)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are not a member of this workspace")
        assert not told(page, secrets)
    visit.open(business.invitation)
    expect(page.get_by_role("heading", level=1)).to_have_text("This invitation is for somebody else")
    expect(page.get_by_text(f"You are signed in as {stranger.email}")).to_be_visible()
    assert not told(page, [*secrets, business.invited])
    visit.enter(owner.email, f"{home}{business.pages[3]}")  # the control: what was looked for is there to be told
    assert told(page, secrets)


def menu(page: Page) -> set[str]:
    links = page.get_by_role("navigation", name="Workspace").get_by_role("link")
    return {entry.strip() for entry in links.all_inner_texts()}


def add_record(page: Page, home: str) -> None:
    page.goto(f"{home}/collections/orders")
    page.get_by_role("button", name="Add record").first.click()
    page.get_by_role("dialog").get_by_label("customer").fill("Ada")
    page.get_by_role("dialog").get_by_role("button", name="Add record").click()
    expect(page.get_by_role("cell", name="Ada", exact=True)).to_be_visible()


def change_role(visit: Visit, home: str, email: str, role: str) -> None:
    visit.open(f"{home}/team")
    visit.page.get_by_role("link", name=f"Manage {email}").click()
    visit.page.get_by_label("Role").select_option(label=role)
    visit.click("Change role")
    expect(visit.page.get_by_text("The role is changed")).to_be_visible()


def told(page: Page, secrets: list[str]) -> list[str]:
    return [secret for secret in secrets if secret in page.content()]
