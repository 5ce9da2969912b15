"""Every page in a real browser, by the way a person takes, under the strict Content-Security-Policy."""

import re

import pytest
from playwright.sync_api import expect

from saas.accounts import service
from saas.core.database import transaction
from tests.support import operators
from tests.support.people import PASSWORD, unique
from tests.support.visit import NARROW, WIDE, Visit


@pytest.mark.parametrize(
    "visit", [("light", WIDE), ("dark", NARROW)], ids=["wide and light", "narrow and dark"], indirect=True
)
def test_every_page_by_the_way_a_person_takes(visit: Visit) -> None:
    address = sign_up(visit)
    email = f"{address}@example.com"
    confirm(visit, email)
    home = visit.site.replace("://", f"://{address}.")
    define_a_collection(visit, home)
    add_edit_and_delete_records(visit, home)
    make_and_revoke_a_key(visit, home)
    drop_the_collection(visit, home)
    sign_out_and_reset(visit, home, email)
    look_at_the_rest(visit, email)


def sign_up(visit: Visit) -> str:
    mark = unique()
    page = visit.open("/")
    page.get_by_role("link", name="Sign up").first.click()
    visit.check()
    page.get_by_label("Business name").press_sequentially(f"Bäckerei {mark}")
    expect(page.get_by_label("Workspace address")).to_have_value(f"backerei-{mark}")
    expect(page.locator("#address-verdict")).to_contain_text(f"http://backerei-{mark}.localhost")
    page.get_by_label("Workspace address").fill("www")
    expect(page.locator("#address-verdict")).to_contain_text("reserved")
    expect(page.get_by_label("Workspace address")).to_be_focused()
    address = f"shop-{mark}"
    page.get_by_label("Workspace address").fill(address)
    expect(page.locator("#address-verdict")).to_contain_text(f"http://{address}.localhost")
    page.get_by_label("Email").fill(f"{address}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create workspace").click()
    page.wait_for_url(f"**//{address}.localhost:*/home")
    visit.check()
    expect(page.get_by_text("Confirm your email.")).to_be_visible()
    return address


def confirm(visit: Visit, email: str) -> None:
    visit.open("/workspaces?all=1")
    visit.click("Send the link again")
    visit.open(visit.mail("Confirm your email", email, "/confirm/"))
    visit.page.get_by_role("main").get_by_role("button").click()
    visit.check()


def define_a_collection(visit: Visit, home: str) -> None:
    page = visit.open(f"{home}/home")
    expect(page.get_by_text("Confirm your email.")).to_have_count(0)
    page.get_by_role("link", name="Create a collection").click()
    visit.check()
    page.get_by_label("Label").fill("Products")
    page.get_by_label("Name", exact=True).fill("products")
    for number, (name, kind) in enumerate(
        [("title", "Text"), ("price", "Number"), ("sold_out", "Yes or no"), ("since", "Date")]
    ):
        if number:
            page.get_by_role("button", name="Add field").click()
        page.locator(f"#fields-{number}-name").fill(name)
        page.locator(f"#fields-{number}-kind").select_option(label=kind)
    visit.click("Create collection")
    page.wait_for_url("**/collections/products")
    visit.open(f"{home}/collections")


def add_edit_and_delete_records(visit: Visit, home: str) -> None:
    page = visit.open(f"{home}/collections/products")
    page.get_by_role("button", name="Add record").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("title").fill("<b>Bread</b>")
    dialog.get_by_label("price").fill("four")
    dialog.get_by_role("button", name="Add record").click()
    expect(page.get_by_text("Must be a number")).to_be_visible()
    page.get_by_role("dialog").get_by_label("price").fill("4.80")
    page.get_by_role("dialog").get_by_role("button", name="Add record").click()
    expect(page.get_by_role("cell", name="<b>Bread</b>", exact=True)).to_be_visible()
    page.get_by_role("link", name=re.compile("Edit")).click()
    visit.check()
    page.get_by_label("title").fill("Rye bread")
    visit.click("Save")
    expect(page.get_by_role("cell", name="Rye bread", exact=True)).to_be_visible()
    page.get_by_role("link", name=re.compile("Edit")).click()
    page.get_by_role("button", name="Delete record").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete record").click()
    expect(page.get_by_text("No record yet")).to_be_visible()


def make_and_revoke_a_key(visit: Visit, home: str) -> None:
    page = visit.open(f"{home}/keys")
    page.get_by_label("Label").fill("Web shop")
    visit.click("Create key")
    expect(page.get_by_text(re.compile(r"^fh_test_\w{16}_[\w-]{43}$"))).to_be_visible()
    visit.open(f"{home}/keys")
    assert page.get_by_text(re.compile("^fh_test_")).count() == 0, "a key is shown once"
    page.get_by_role("button", name=re.compile("Revoke")).click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()


def drop_the_collection(visit: Visit, home: str) -> None:
    page = visit.open(f"{home}/collections/products/drop")
    page.get_by_label("Name").fill("wrong")
    visit.click("Delete collection")
    expect(page.get_by_text("Type products to agree").first).to_be_visible()
    page.get_by_label("Name").fill("products")
    visit.click("Delete collection")
    page.wait_for_url("**/collections")


def sign_out_and_reset(visit: Visit, home: str, email: str) -> None:
    page = visit.open(f"{home}/home")
    if not page.get_by_role("button", name="Sign out").is_visible():
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{visit.site}/")
    visit.open(f"{home}/home")
    assert "/sign-in" in page.url
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill("not the password")
    visit.click("Sign in")
    expect(page.get_by_role("alert")).to_be_visible()
    visit.open("/forgot")
    page.get_by_label("Email").fill(email)
    page.get_by_role("main").get_by_role("button").click()
    visit.check()
    visit.open(visit.mail("Set a new password", email, "/reset/"))
    page.get_by_label("New password").fill(f"{PASSWORD} staple")
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url(f"{home}/home")
    visit.check()


def look_at_the_rest(visit: Visit, email: str) -> None:
    with visit.app.app_context(), transaction():
        service.by_email(email).operator = True
    page = visit.open(visit.link(email, "/console"))
    secret = page.get_by_text(re.compile("^[A-Z2-7]{32}$")).inner_text()
    page.get_by_label("Code").fill(operators.code(secret))
    visit.click("Turn on")
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("searchbox").fill(email)
    visit.click("Search")
    expect(page.get_by_role("cell", name=email, exact=True)).to_be_visible()
    page.get_by_role("row").filter(has_text=email).get_by_role("link").click()
    visit.check()
    visit.open("/design")
    page.goto(f"{visit.site}/nowhere")
    visit.check()
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
