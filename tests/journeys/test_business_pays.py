"""A business pays, by mouse: on our pages and on the payment provider's, which the stand-in has."""

import re

from flask import Flask
from playwright.sync_api import Page, expect

from tests.journeys import states
from tests.journeys.test_in_the_browser import confirm
from tests.support.live import eventually
from tests.support.payments import DECLINED, FAILS_LATER, VISA, Stripe, plan_of
from tests.support.people import PASSWORD, Person, unique
from tests.support.visit import Visit

SECURE = "4000002760003184"  # asks for 3-D Secure each time


def test_from_the_price_list_to_a_plan_that_is_paid(app: Flask, visit: Visit, stripe: Stripe) -> None:
    page, address = visit.open("/"), f"shop-{unique()}"
    page.get_by_role("link", name="Pricing").first.click()
    page.get_by_role("link", name="By the year").click()
    visit.check()
    page.get_by_role("link", name="Start with Starter").click()
    expect(page.get_by_text("You chose Starter, paid by the year.")).to_be_visible()
    page.get_by_label("Business name").fill("Kaffeerösterei Nord")
    page.get_by_label("Workspace address").fill(address)
    page.get_by_label("Email").fill(f"{address}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_role("heading", name="Choose Starter")).to_be_visible()
    chosen = page.url
    confirm(visit, f"{address}@example.com")
    visit.open(chosen)
    stripe.shop.control("POST", "hold")
    visit.click("Continue to payment")
    states.nobody_looks(app, address)
    fill_in(visit, VISA)
    page.get_by_role("button", name=re.compile("^Subscribe and pay")).click()
    expect(page.get_by_role("heading", name="Your payment is being processed")).to_be_visible()
    visit.check_all_looks()
    stripe.shop.control("POST", "release")
    expect(page.get_by_role("heading", name="You are on Starter")).to_be_visible()
    visit.check()
    page.get_by_role("link", name="Plan and payments").last.click()
    expect(page.get_by_text("This workspace is on the Starter plan.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Open")).first).to_be_visible()  # its invoice
    visit.check()
    page.get_by_role("link", name="Usage and limits").click()
    expect(page.get_by_text("what the Starter plan allows")).to_be_visible()
    expect(page.get_by_text("0 of 20,000")).to_be_visible()
    visit.check()


def test_a_card_that_is_declined_a_payment_left_alone_and_one_with_3d_secure(
    app: Flask, visit: Visit, stripe: Stripe
) -> None:
    owner, page = begin(app, visit, "starter")
    fill_in(visit, DECLINED)
    page.get_by_role("button", name=re.compile("^Subscribe and pay")).click()
    expect(page.get_by_text("Your card was declined.")).to_be_visible()
    visit.check_all_looks()
    assert plan_of(app, owner)[0] == "free"
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("heading", name="You left the payment")).to_be_visible()
    visit.check()
    page.get_by_role("link", name="Plan and payments").last.click()
    expect(page.get_by_text("This workspace is on the Free plan.")).to_be_visible()
    page.get_by_role("link", name="Go on with it").click()
    fill_in(visit, SECURE)
    page.get_by_role("button", name=re.compile("^Subscribe and pay")).click()
    expect(page.get_by_role("heading", name="Is it you who pays?")).to_be_visible()
    visit.check()
    visit.click("Fail authentication")
    expect(page.get_by_text("unable to authenticate your payment method")).to_be_visible()
    assert plan_of(app, owner)[0] == "free"
    fill_in(visit, SECURE)
    page.get_by_role("button", name=re.compile("^Subscribe and pay")).click()
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("heading", name="You are on Starter")).to_be_visible()
    assert plan_of(app, owner)[0] == "starter"


def test_the_browsers_back_button_and_a_double_click_buy_one_plan(app: Flask, visit: Visit, stripe: Stripe) -> None:
    owner, page = begin(app, visit, "starter")
    first = page.url
    page.go_back()
    page.get_by_role("button", name="Continue to payment").dblclick()
    page.wait_for_url(first)
    fill_in(visit, VISA)
    page.get_by_role("button", name=re.compile("^Subscribe and pay")).dblclick()
    expect(page.get_by_role("heading", name="You are on Starter")).to_be_visible()
    page.goto(first)
    expect(page.get_by_role("button", name=re.compile("^Subscribe and pay"))).to_have_count(0)
    visit.check()
    customer = stripe.shop.v1.checkout.sessions.retrieve(first.rpartition("/")[2]).customer
    assert len(stripe.shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data) == 1
    assert plan_of(app, owner)[0] == "starter"


def test_a_plan_is_cancelled_and_resumed_in_the_portal_and_on_our_page(
    app: Flask, visit: Visit, stripe: Stripe
) -> None:
    owner = states.opened(app)
    states.pays(app, owner)
    billing = f"{visit.home(owner.address)}/billing"
    page = visit.enter(owner.email, billing)
    page.get_by_role("button", name="Cards and invoices").click()
    visit.check_all_looks()
    page.get_by_role("link", name="Cancel plan").click()
    visit.click("Cancel plan")
    page.get_by_role("link", name="Back").click()
    until(visit, billing, "Resume the plan")
    visit.click("Resume the plan")
    expect(page.get_by_text("Your plan goes on.")).to_be_visible()
    page.get_by_role("button", name="Cancel the plan").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why do you cancel?").fill("We close for the winter.")
    dialog.get_by_role("button", name="Cancel the plan").click()
    expect(page.get_by_text("Your plan ends on")).to_be_visible()
    page.get_by_role("button", name="Cards and invoices").click()
    visit.click("Keep plan")
    page.get_by_role("link", name="Back").last.click()
    until(visit, billing, "Cancel the plan")
    assert plan_of(app, owner)[0] == "starter"


def test_a_failed_payment_is_told_on_every_page_and_mended_with_another_card(
    app: Flask, visit: Visit, stripe: Stripe
) -> None:
    owner, page = begin(app, visit, "growth")
    fill_in(visit, FAILS_LATER)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="You are on Growth")).to_be_visible()
    customer = stripe.shop.v1.customers.list({"email": owner.email}).data[0]
    (trial,) = stripe.shop.v1.subscriptions.list({"customer": customer.id}).data
    stripe.shop.v1.subscriptions.update(trial.id, {"trial_end": "now"})
    eventually(lambda: plan_of(app, owner)[2] == "past_due")
    home = visit.home(owner.address)
    for path in ("/home", "/team", "/keys"):
        visit.open(home + path)
        expect(page.get_by_text("The last payment failed.")).to_be_visible()
    page.get_by_role("link", name="Update the card").click()
    expect(page.get_by_role("heading", name="Pay what is open")).to_be_visible()
    visit.check()
    visit.click("Try the same card again")
    expect(page.get_by_text("The payment was declined.")).to_be_visible()
    visit.click("Update the card and pay")
    fill_in(visit, VISA)
    visit.click("Save card")
    expect(page.get_by_text("Paid, thank you. Everything works.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing is open")).to_be_visible()
    visit.check()
    eventually(lambda: plan_of(app, owner) == ("growth", plan_of(app, owner)[1], "good"))
    visit.open(f"{home}/home")
    expect(page.get_by_text("The last payment failed.")).to_have_count(0)


def begin(app: Flask, visit: Visit, plan: str) -> tuple[Person, Page]:
    """A fresh business on the page where it pays."""
    owner = states.opened(app)
    visit.enter(owner.email, f"{visit.home(owner.address)}/billing")
    visit.page.get_by_role("link", name=f"Choose {plan.capitalize()}").click()
    visit.click("Continue to payment")
    expect(visit.page.get_by_role("heading", name="Subscribe")).to_be_visible()
    visit.check()
    return owner, visit.page


def fill_in(visit: Visit, card: str) -> None:
    """The form of the payment page."""
    page = visit.page
    page.get_by_label("Card number").fill(card)
    page.get_by_label("Expiry").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_label("Name on card").fill("Ida Berg")
    visit.check()


def until(visit: Visit, url: str, button: str) -> None:
    """Until the page has heard of it."""

    def shown() -> bool:
        visit.page.goto(url)
        return visit.page.get_by_role("button", name=button).count() > 0

    eventually(shown)
    visit.check()
