"""A business' day by keyboard alone: nothing here clicks."""

import re

from flask import Flask
from playwright.sync_api import expect

from tests.journeys import states
from tests.journeys.keyboard import Keyboard
from tests.support.database import sql
from tests.support.payments import VISA, Stripe
from tests.support.people import PASSWORD, unique
from tests.support.visit import NARROW, Visit


def test_from_sign_up_to_sign_out(app: Flask, visit: Visit, stripe: Stripe) -> None:
    keys, address = Keyboard(visit), f"shop-{unique()}"
    sign_up(keys, address)
    sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :e", e=f"{address}@example.com")
    define_a_collection(keys)
    add_a_record(keys)
    make_a_key(keys)
    invite(keys)
    pay(keys)
    keys.follow(visit.page.get_by_role("button", name="Sign out"))
    visit.page.wait_for_url(f"{visit.site}/")
    visit.open(f"{visit.home(address)}/home")
    expect(visit.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_menu_of_a_narrow_window(app: Flask, visit: Visit) -> None:
    owner, page, keys = states.opened(app), visit.page, Keyboard(visit)
    page.set_viewport_size({"width": NARROW, "height": 900})
    visit.enter(owner.email, f"{visit.home(owner.address)}/home")
    opener = page.get_by_role("button", name="Menu")
    keys.follow(opener)
    keys.to(page.get_by_role("link", name="API keys"))
    keys.press("Escape")
    expect(page.get_by_role("link", name="API keys")).to_be_hidden()
    expect(opener).to_be_focused()
    keys.press("Space")
    keys.follow(page.get_by_role("link", name="API keys"))
    expect(page.get_by_role("heading", name="API keys", level=1)).to_be_visible()


def test_a_form_that_came_back_leads_to_what_is_wrong(app: Flask, visit: Visit) -> None:
    owner, page, keys = states.opened(app), visit.page, Keyboard(visit)
    owner.define("orders", customer="text", price="number")
    visit.enter(owner.email, f"{visit.home(owner.address)}/collections/orders")
    keys.follow(page.get_by_role("button", name="Add record").first)
    dialog = page.get_by_role("dialog")
    keys.write(dialog.get_by_label("price"), "four")
    keys.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    keys.follow(page.get_by_role("alert").get_by_role("link", name="Price"))
    expect(dialog.get_by_label("price")).to_be_focused()
    keys.press("ControlOrMeta+a")
    page.keyboard.type("4.80")
    keys.press("Enter")
    expect(page.get_by_role("cell", name="4.8", exact=False)).to_be_visible()


def test_what_is_destroyed_is_asked_for_with_the_safe_answer_first(app: Flask, visit: Visit) -> None:
    owner, page, keys = states.opened(app), visit.page, Keyboard(visit)
    owner.key()
    visit.enter(owner.email, f"{visit.home(owner.address)}/keys")
    opener = page.get_by_role("button", name=re.compile("^Revoke"))
    keys.follow(opener)
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(opener).to_be_focused()
    keys.press("Enter")
    keys.to(page.get_by_role("dialog").get_by_role("button", name="Revoke key"), "Shift+Tab")
    keys.press("Space")
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()


def test_a_colleague_joins_and_signs_in_again_and_a_stranger_turns_back(app: Flask, visit: Visit) -> None:
    owner, page, keys = states.opened(app), visit.page, Keyboard(visit)
    owner.define("orders", customer="text")
    email, path = states.invite(app, owner, f"mate-{unique()}@example.com")
    home = visit.home(owner.address)
    visit.open(path)
    keys.write(page.get_by_label("Your name"), "Jo Brandt")
    keys.write(page.get_by_label("Password"), PASSWORD)
    keys.press("Enter")
    page.wait_for_url(f"{home}/home")
    keys.follow(page.get_by_role("link", name="Orders"))
    keys.follow(page.get_by_role("button", name="Add record").first)
    keys.write(page.get_by_role("dialog").get_by_label("customer"), "Ada")
    keys.follow(page.get_by_role("dialog").get_by_role("button", name="Add record"), "Space")
    expect(page.get_by_role("cell", name="Ada", exact=True)).to_be_visible()
    keys.follow(page.get_by_role("button", name="Sign out"))
    page.wait_for_url(f"{visit.site}/")
    visit.open(f"{home}/collections/orders")
    keys.write(page.get_by_label("Email"), email)
    keys.write(page.get_by_label("Password"), PASSWORD)
    keys.press("Enter")
    expect(page.get_by_role("cell", name="Ada", exact=True)).to_be_visible()  # where they wanted to go
    visit.page.context.clear_cookies()
    visit.enter(states.opened(app).email, f"{home}/collections/orders")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not a member of this workspace")
    keys.follow(page.get_by_role("main").get_by_role("link").first)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("You are not a member of this workspace")


def sign_up(keys: Keyboard, address: str) -> None:
    page = keys.visit.open("/")
    keys.press("Tab")
    assert "Skip to content" in keys.stop()["name"]
    keys.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    keys.press("Shift+Tab")
    keys.to(page.get_by_role("banner").get_by_role("link", name="Sign up"), "Shift+Tab")
    keys.press("Enter")
    keys.write(page.get_by_label("Business name"), "Bäckerei Süd")
    field = page.get_by_label("Workspace address")
    expect(field).to_have_value(re.compile("^backerei-sud"))  # a swap, while the focus is elsewhere
    expect(page.get_by_label("Business name")).to_be_focused()
    keys.write(field, address)
    expect(page.locator("#address-verdict")).to_contain_text(f"http://{address}.localhost")
    expect(field).to_be_focused()  # the swap has replaced the field's block
    assert field.evaluate("field => field.selectionStart") == len(address)
    keys.write(page.get_by_label("Email"), f"{address}@example.com")
    keys.write(page.get_by_label("Password"), PASSWORD)
    keys.press("Enter")
    page.wait_for_url(f"**//{address}.localhost:*/home")


def define_a_collection(keys: Keyboard) -> None:
    page = keys.page
    page.reload()
    keys.follow(page.get_by_role("link", name="Create a collection"))
    keys.write(page.get_by_label("Label"), "Open orders")
    expect(page.get_by_label("Name", exact=True)).to_have_value("open_orders")
    keys.write(page.locator("#fields-0-name"), "customer")
    for number in (1, 2):
        keys.follow(page.get_by_role("button", name="Add field"))
        expect(page.locator(f"#fields-{number}-name")).to_be_focused()
        keys.stop()
    keys.follow(page.get_by_role("button", name="Remove field 3"))
    expect(page.locator("#fields-1-name")).to_be_focused()
    page.keyboard.type("price")
    keys.choose(page.locator("#fields-1-kind"), "Number")
    keys.follow(page.get_by_role("button", name="Create collection"))
    expect(page.get_by_role("heading", name="Open orders", level=1)).to_be_visible()


def add_a_record(keys: Keyboard) -> None:
    page = keys.page
    opener, dialog = page.get_by_role("button", name="Add record").first, page.get_by_role("dialog")
    keys.follow(opener)
    expect(dialog.get_by_label("customer")).to_be_focused()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    keys.press("Space")
    keys.write(dialog.get_by_label("customer"), "Ada")
    keys.write(dialog.get_by_label("price"), "12.50")
    keys.follow(dialog.get_by_role("button", name="Add record"))
    expect(page.get_by_role("cell", name="Ada", exact=True)).to_be_visible()


def make_a_key(keys: Keyboard) -> None:
    page = keys.page
    keys.follow(page.get_by_role("navigation").get_by_role("link", name="API keys"))
    keys.write(page.get_by_label("Label"), "Web shop")
    keys.choose(page.get_by_label("Role"), "Viewer: reads records")
    keys.follow(page.get_by_role("button", name="Create key"))
    expect(page.get_by_text(re.compile(r"^fh_test_\w{16}_[\w-]{43}$"))).to_be_visible()


def invite(keys: Keyboard) -> None:
    page, email = keys.page, f"mate-{unique()}@example.com"
    keys.follow(page.get_by_role("navigation").get_by_role("link", name="Team"))
    keys.write(page.get_by_label("Email"), email)
    keys.choose(page.get_by_label("Role"), "Editor: reads and writes records")
    keys.follow(page.get_by_role("button", name="Invite"))
    expect(page.get_by_text(f"An invitation is on its way to {email}.")).to_be_visible()


def pay(keys: Keyboard) -> None:
    page = keys.page
    keys.follow(page.get_by_role("navigation").get_by_role("link", name="Plan and payments"))
    keys.follow(page.get_by_role("link", name="Choose Starter"))
    keys.follow(page.get_by_role("button", name="Continue to payment"))
    form = {"Card number": VISA, "Expiry": "12/34", "Security code": "123", "Name on card": "Ada"}
    for label, text in form.items():
        keys.write(page.get_by_label(label), text)
    keys.press("Enter")
    expect(page.get_by_role("heading", name="You are on Starter")).to_be_visible()
