"""The line that waits for the first call turns green by itself, in a real browser."""

import re

import requests
from playwright.sync_api import expect

from tests.journeys.test_in_the_browser import confirm, define_a_collection, sign_up
from tests.support.visit import Visit


def test_the_page_that_waits_shows_the_call_without_being_touched(visit: Visit) -> None:
    address = sign_up(visit)
    confirm(visit, f"{address}@example.com")
    home = visit.home(address)
    define_a_collection(visit, home)
    page = visit.open(f"{home}/keys")
    page.get_by_label("Label").fill("First call")
    visit.click("Create key")
    found = re.search(r"fh_test_[a-z2-7]{16}_[\w-]{43}", page.content())
    assert found, page.content()

    page = visit.open(f"{home}/home")
    expect(page.get_by_text("Waiting for your first call")).to_be_visible()
    port = visit.site.rpartition(":")[2]
    answer = requests.get(
        f"http://127.0.0.1:{port}/api/v1/collections",
        headers={"Authorization": f"Bearer {found[0]}", "Host": f"localhost:{port}"},
        timeout=60,
    )
    assert answer.status_code == 200
    expect(page.get_by_role("heading", name="Your first call has arrived")).to_be_visible()
    visit.check()
