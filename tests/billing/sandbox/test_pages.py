"""The pages in a real browser: axe, 360 px, the policy, the keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import chromium
from tests.support.standin import Shop
from tests.support.visit import PATIENCE, violations

_LOOKS = [("light", 360), ("dark", 1280)]
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser_() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser_: Browser) -> Iterator[Page]:
    context = browser_.new_context()
    context.set_default_timeout(PATIENCE)
    made = context.new_page()
    complaints: list[str] = []
    made.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    yield made
    context.close()
    assert [each for each in complaints if "status of 4" not in each] == []


def check(page: Page) -> None:
    """In light and dark, narrow and wide: nothing that axe finds, no scrolling sideways."""
    for scheme, width in _LOOKS:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(_SIDEWAYS) <= 0, page.url
        assert violations(page) == [], page.url


def fill(page: Page, number: str) -> None:
    for name, value in {
        "Card number": number,
        "Expiry (MM/YY)": "12/34",
        "Security code": "123",
        "Name on card": "Ada",
    }.items():
        page.get_by_label(name).fill(value)


def test_checkout_declined_challenged_and_paid(shop: Shop, page: Page) -> None:
    product = shop.v1.products.create({"name": "Growth" * 40})
    data = {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
    session = shop.session(shop.v1.prices.create(data), success_url=f"{shop.url}/_standin/health")
    page.goto(session.url)
    check(page)
    assert "test mode, no real money" in page.get_by_role("banner").inner_text()
    page.get_by_label("Email").fill("ada@example.com")
    fill(page, "4000000000000002")
    page.get_by_role("button", name="Subscribe and pay").click()
    assert page.get_by_role("alert").inner_text() == "Your card was declined."
    assert page.get_by_label("Email").input_value() == "ada@example.com"
    check(page)
    fill(page, "12")
    page.get_by_role("button", name="Subscribe and pay").click()
    assert page.get_by_label("Card number").get_attribute("aria-invalid") == "true"
    check(page)
    fill(page, "4000002760003184")
    page.keyboard.press("Enter")  # the form is sent from the keyboard too
    page.wait_for_url("**/authenticate")
    check(page)
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**/_standin/health")
    page.goto(session.url)
    check(page)


def test_portal_and_invoice(shop: Shop, page: Page) -> None:
    customer, price = shop.customer(), shop.price()
    made = shop.subscription(customer, price)
    failed = shop.subscription(shop.customer("pm_card_chargeCustomerFail"), price)
    portal = shop.v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "http://127.0.0.1:9/"})
    invoice = shop.v1.invoices.retrieve(failed.latest_invoice)
    base = f"{portal.url}/plan/{made.id}"
    paths = ["", "/card", f"/cancel/{made.id}"]
    urls = [portal.url + path for path in paths] + [base, f"{base}/confirm?price={shop.price(9900).id}"]
    for url in [*urls, invoice.hosted_invoice_url, f"{shop.url}/checkout/nonsense"]:
        page.goto(url)
        check(page)


def test_codes_addresses_saved_cards_and_reasons(shop: Shop, page: Page) -> None:
    session = shop.session(
        allow_promotion_codes=True, automatic_tax={"enabled": True}, tax_id_collection={"enabled": True}
    )
    page.goto(session.url)
    page.get_by_label("Promotion code").fill("none")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("This code is invalid.").wait_for()
    check(page)
    customer = shop.customer()
    setup = {"mode": "setup", "currency": "usd", "success_url": session.success_url, "customer": customer.id}
    page.goto(shop.v1.checkout.sessions.create(setup).url)
    check(page)
    reason = {"enabled": True, "options": ["unused", "other"]}
    features = {
        "customer_update": {"enabled": True, "allowed_updates": ["email", "address", "tax_id"]},
        "subscription_cancel": {"enabled": True, "cancellation_reason": reason},
    }
    configuration = shop.v1.billing_portal.configurations.create({"features": features}).id
    portal = shop.v1.billing_portal.sessions.create({"customer": customer.id, "configuration": configuration})
    page.goto(f"{portal.url}/details")
    check(page)
    page.goto(f"{portal.url}/cancel/{shop.subscription(customer).id}")
    page.get_by_label("I don't use it enough").check()
    check(page)
