"""Every page in a real browser, by the way a person takes, under the strict Content-Security-Policy."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response, expect
from werkzeug.exceptions import HTTPException

from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.core.database import transaction
from tests.support.chromium import chromium
from tests.support.live import Running, eventually
from tests.support.people import PASSWORD, unique

PROGRAMS = {"static", "health", "api"}  # what is not a page


class Visit:
    """One visitor's browser, which notes what it saw."""

    def __init__(self, app: Flask, running: Running, context: BrowserContext) -> None:
        self.app, self.running, self.site = app, running, running.site
        self.seen: set[str] = set()
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._response)

    def open(self, url: str) -> Page:
        self.page.goto(url if "://" in url else self.site + url)
        self.check()
        return self.page

    def check(self) -> None:
        """What holds on each page: nothing refused by the policy, no scrolling sideways, one heading."""
        expect(self.page.locator("h1")).to_have_count(1)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} scrolls sideways by {wide} px"

    def click(self, name: str, *, exact: bool = True) -> None:
        self.page.get_by_role("button", name=name, exact=exact).click()
        self.page.wait_for_load_state()
        self.check()

    def mail(self, subject: str, email: str) -> str:
        """Open the newest mail of this subject from the mailbox; returns the link in it."""

        def arrived() -> bool:
            self.open("/dev/mailbox")
            return self.page.get_by_role("row").filter(has_text=email).filter(has_text=subject).count() > 0

        eventually(arrived)
        row = self.page.get_by_role("row").filter(has_text=email).filter(has_text=subject).first
        row.get_by_role("link").first.click()
        self.check()
        return self.page.locator("main a[href*='/confirm/'], main a[href*='/reset/']").first.get_attribute("href") or ""

    def link(self, email: str, path: str) -> str:
        """A one-time link, as the command line makes it."""
        with self.app.app_context(), transaction():
            return f"/link/{codes.issue(Purpose.LINK, service.by_email(email).id)}?next={path}"

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _response(self, response: Response) -> None:
        parts = urlsplit(response.url)
        try:
            endpoint, _ = self.app.url_map.bind(parts.netloc).match(parts.path, method=response.request.method)
        except HTTPException:
            return
        self.seen.add(endpoint)


@pytest.fixture(params=[("light", 1280), ("dark", 360)], ids=["wide and light", "narrow and dark"])
def visit(app: Flask, running: Running, request: pytest.FixtureRequest) -> Iterator[Visit]:
    scheme, width = request.param
    with chromium() as browser:
        network = {"X-Forwarded-For": f"10.50.{width % 250}.1"}
        size = {"width": width, "height": 900}
        context = browser.new_context(color_scheme=scheme, viewport=size, extra_http_headers=network)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        yield Visit(app, running, context)


def test_every_page_by_the_way_a_person_takes(app: Flask, visit: Visit) -> None:
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
    assert visit.complaints == []
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] not in PROGRAMS
    }
    assert pages - visit.seen == set(), "pages that no browser has visited"


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
    visit.open(visit.mail("Confirm your email", email))
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
    visit.open(visit.mail("Set a new password", email))
    page.get_by_label("New password").fill(f"{PASSWORD} staple")
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url(f"{home}/home")
    visit.check()


def look_at_the_rest(visit: Visit, email: str) -> None:
    with visit.app.app_context(), transaction():
        service.by_email(email).operator = True
    page = visit.open(visit.link(email, "/console"))
    page.get_by_role("searchbox").fill(email)
    visit.click("Search")
    expect(page.get_by_role("cell", name=email, exact=True)).to_be_visible()
    visit.open("/design")
    page.goto(f"{visit.site}/nowhere")
    visit.check()
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
