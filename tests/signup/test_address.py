"""The address field as the visitor types, a fragment of the sign-up page."""

import pytest

from saas.devstack.browser import Browser, Page
from tests.support.pages import error_at
from tests.support.people import Person, unique


def test_an_address_is_proposed_from_the_business_name(browser: Browser) -> None:
    mark = unique()
    page = fragment(browser, business=f"Café Müller & Co {mark}")
    assert proposed(page) == f"cafe-muller-co-{mark}"
    assert error_at(page, "address") == f"Free: http://cafe-muller-co-{mark}.localhost:8000"
    assert "<html" not in page.text


def test_a_name_that_somebody_has_gets_a_number(browser: Browser, owner: Person) -> None:
    page = fragment(browser, business=owner.address.replace("-", " "))
    assert proposed(page) == f"{owner.address}-2"
    assert error_at(page, "address").startswith("Free: ")


@pytest.mark.parametrize(
    ("business", "address"),
    [
        ("", ""),
        ("東京", ""),  # nothing of it can stand in an address
        ("!!!", ""),
        ("Ab", "ab-hq"),  # too short by itself
        ("Admin", "admin-hq"),  # reserved
        ("'; DROP TABLE platform.users; --", "drop-table-platform-users"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("a" * 500, "a" * 36),
        ("x" * 35 + "-" * 20 + "y", "x" * 35),
    ],
)
def test_any_name_gives_a_good_address_or_none(browser: Browser, business: str, address: str) -> None:
    page = fragment(browser, business=business)
    assert page.status == 200
    assert proposed(page) == address
    assert "<script>" not in page.text


def test_the_visitors_own_address_wins_over_the_proposal(browser: Browser) -> None:
    mine = f"own-{unique()}"
    page = fragment(browser, business="Something Else", address=mine)
    assert proposed(page) == mine
    assert error_at(page, "address") == f"Free: http://{mine}.localhost:8000"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("www", "www is reserved for the platform. Choose another address."),
        ("ab", "Use 3 to 40 characters."),
        ("xn--80ak6aa92e", "Use letters a to z, digits, and single hyphens between them."),
        ("<b>bold</b>", "Use letters a to z, digits, and single hyphens between them."),
        ("x" * 5000, "Use 3 to 40 characters."),
    ],
)
def test_what_is_wrong_with_an_address_is_said_while_typing(browser: Browser, address: str, message: str) -> None:
    page = fragment(browser, address=address)
    assert page.status == 200
    assert error_at(page, "address") == message
    assert 'aria-invalid="true"' in page.text
    assert "<b>" not in page.text


def test_a_taken_address_is_said_while_typing(browser: Browser, owner: Person) -> None:
    assert error_at(fragment(browser, address=owner.address), "address").startswith(f"{owner.address} is taken.")


def fragment(browser: Browser, **typed: str) -> Page:
    return browser.open("/sign-up/address", params=typed)


def proposed(page: Page) -> str:
    """The value of the address input."""
    start = page.text.index('name="address"')
    tag = page.text[page.text.rindex("<", 0, start) : page.text.index(">", start)]
    return tag.partition('value="')[2].partition('"')[0]
