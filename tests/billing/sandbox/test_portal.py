"""The billing portal's pages."""

from typing import Any

import pytest
import requests
import stripe

from tests.support.standin import PATIENCE, Shop, opened, said, send, submit

BACK = "http://127.0.0.1:9/billing"


class Portal:
    def __init__(self, shop: Shop, **features: Any) -> None:
        self.shop, self.v1 = shop, shop.v1
        self.small, self.large = shop.price(1000), shop.price(2000)
        self.customer = shop.customer()
        self.made = shop.subscription(self.customer, self.small)
        wanted = {"customer": self.customer.id, "return_url": BACK}
        if features:
            wanted["configuration"] = self.v1.billing_portal.configurations.create({"features": features}).id
        self.url = self.v1.billing_portal.sessions.create(wanted).url

    def page(self, path: str = "") -> requests.Response:
        return requests.get(self.url + path, timeout=PATIENCE)

    def subscription(self) -> Any:
        return self.v1.subscriptions.retrieve(self.made.id)


@pytest.fixture
def portal(shop: Shop) -> Portal:
    return Portal(shop)


def test_it_shows_plan_card_and_invoices(portal: Portal) -> None:
    text = portal.page().text
    for words in ("Plan for 1000", "10.00 USD per month", "Visa ending in 4242", "Paid", f'<a href="{BACK}">Back</a>'):
        assert words in text
    invoice = portal.v1.invoices.retrieve(portal.made.latest_invoice)
    assert invoice.number in text
    assert "10.00 USD" in requests.get(invoice.hosted_invoice_url, timeout=PATIENCE).text


def test_the_plan_is_changed_after_its_cost_was_shown(portal: Portal) -> None:
    path = f"/plan/{portal.made.id}"
    assert "Plan for 2000" in portal.page(path).text
    confirm = portal.page(f"{path}/confirm?price={portal.large.id}")
    assert "Remaining time on" in confirm.text
    assert portal.subscription()["items"].data[0].price.id == portal.small.id
    answer = send(portal.url + f"{path}/confirm?price={portal.large.id}")
    assert answer.status_code == 303
    assert portal.subscription()["items"].data[0].price.id == portal.large.id
    assert "customer.subscription.updated" in portal.shop.types()


def test_only_the_configurations_prices_are_offered(shop: Shop) -> None:
    price = shop.price(3000)
    offered = {"product": price.product, "prices": [price.id]}
    update = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "products": [offered],
        "proration_behavior": "always_invoice",
    }
    portal = Portal(shop, subscription_update=update)
    path = f"/plan/{portal.made.id}"
    assert "Plan for 3000" in portal.page(path).text
    assert "Plan for 2000" not in portal.page(path).text
    refused = requests.get(
        f"{portal.url}{path}/confirm?price={portal.large.id}", allow_redirects=False, timeout=PATIENCE
    )
    assert refused.status_code == 303
    send(f"{portal.url}{path}/confirm?price={price.id}")
    assert portal.subscription()["items"].data[0].price.id == price.id
    assert portal.v1.invoices.list({"customer": portal.customer.id}).data[0].total == 2000


def test_a_declined_change_says_so_and_changes_nothing(shop: Shop) -> None:
    update = {"enabled": True, "default_allowed_updates": ["price"], "proration_behavior": "always_invoice"}
    portal = Portal(shop, subscription_update=update)
    method = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": portal.customer.id})
    shop.v1.customers.update(portal.customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    answer = send(f"{portal.url}/plan/{portal.made.id}/confirm?price={portal.large.id}")
    assert (answer.status_code, said(answer, "card")) == (402, "Your card was declined.")
    assert portal.subscription()["items"].data[0].price.id == portal.small.id


def test_cancelled_at_the_periods_end_and_kept_after_all(portal: Portal) -> None:
    send(f"{portal.url}/cancel/{portal.made.id}")
    assert portal.subscription().cancel_at_period_end
    assert "Ends on" in portal.page().text
    send(portal.url)  # the only form there: keep
    assert not portal.subscription().cancel_at_period_end


def test_another_card(portal: Portal) -> None:
    answer = send(f"{portal.url}/card", number="4000000000000002")
    assert (answer.status_code, said(answer, "card")) == (402, "Your card was declined.")
    assert send(f"{portal.url}/card", number="1").status_code == 422
    assert send(f"{portal.url}/card", number="5555555555554444").status_code == 303
    assert "Mastercard ending in 4444" in portal.page().text


def test_another_card_with_3d_secure(portal: Portal) -> None:
    answer = send(f"{portal.url}/card", number="4000002500003155")
    assert answer.headers["Location"].endswith("/card/authenticate")
    send(f"{portal.url}/card/authenticate", {"result": "fail"})
    assert "ending in 4242" in portal.page().text
    send(f"{portal.url}/card", number="4000002500003155")
    send(f"{portal.url}/card/authenticate", {"result": "complete"})
    assert "ending in 3155" in portal.page().text


def test_a_session_for_one_thing_begins_and_ends_there(portal: Portal) -> None:
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": portal.made.id},
        "after_completion": {"type": "redirect", "redirect": {"return_url": BACK}},
    }
    session = portal.v1.billing_portal.sessions.create({"customer": portal.customer.id, "flow_data": flow})
    page = requests.get(session.url, timeout=PATIENCE)
    assert page.url.endswith(f"/cancel/{portal.made.id}")
    assert send(page.url).headers["Location"] == BACK
    assert portal.subscription().cancel_at_period_end


def test_what_the_configuration_forbids_is_not_there(shop: Shop) -> None:
    portal = Portal(shop, invoice_history={"enabled": True})
    assert "Change plan" not in portal.page().text
    for path in ("/card", f"/cancel/{portal.made.id}", f"/plan/{portal.made.id}"):
        assert portal.page(path).status_code == 404


def test_another_customers_subscription_is_not_there(portal: Portal, shop: Shop) -> None:
    other = shop.subscription()
    for path in (f"/cancel/{other.id}", f"/plan/{other.id}", f"/plan/{other.id}/confirm?price={portal.large.id}"):
        assert portal.page(path).status_code == 404
    token = requests.get(f"{portal.url}/card", timeout=PATIENCE).text.split('csrf_token" value="')[1].split('"')[0]
    for path in (f"/cancel/{other.id}", f"/keep/{other.id}", f"/plan/{other.id}/confirm"):
        answer = requests.post(
            portal.url + path, data={"csrf_token": token, "price": portal.large.id}, timeout=PATIENCE
        )
        assert answer.status_code == 404
    assert not shop.v1.subscriptions.retrieve(other.id).cancel_at_period_end


def test_a_form_without_its_token_is_refused(portal: Portal) -> None:
    for path in (f"/cancel/{portal.made.id}", f"/keep/{portal.made.id}", "/card", f"/plan/{portal.made.id}/confirm"):
        assert requests.post(portal.url + path, timeout=PATIENCE).status_code == 400


def test_a_portal_needs_a_customer(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.v1.billing_portal.sessions.create({"customer": "cus_x"})


def test_cards_are_made_the_default_and_removed(shop: Shop) -> None:
    portal = Portal(shop, payment_method_update={"enabled": True})
    first = shop.v1.customers.retrieve(portal.customer.id).invoice_settings.default_payment_method
    send(f"{portal.url}/card", number="5555555555554444")
    assert "Mastercard ending in 4444" in portal.page().text
    second = shop.v1.customers.retrieve(portal.customer.id).invoice_settings.default_payment_method
    assert second != first
    assert button(portal, f"/methods/{second}/remove").status_code == 404  # the one that is charged
    assert button(portal, f"/methods/{first}/default").status_code == 303
    assert shop.v1.customers.retrieve(portal.customer.id).invoice_settings.default_payment_method == first
    assert button(portal, f"/methods/{second}/remove").status_code == 303
    assert [each.id for each in shop.v1.payment_methods.list({"customer": portal.customer.id}).data] == [first]
    assert shop.v1.payment_methods.retrieve(second).customer is None
    others = shop.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer(card=None).id})
    assert button(portal, f"/methods/{others.id}/default").status_code == 404


def test_what_invoices_say_of_the_customer_is_changed(shop: Shop) -> None:
    allowed = ["email", "name", "address", "tax_id"]
    portal = Portal(shop, customer_update={"enabled": True, "allowed_updates": allowed})
    new = {"name": "Ada Ltd", "email": "pay@example.com", "country": "de", "line1": "1 Way", "phone": "1"}
    wrong = send(f"{portal.url}/details", **new | {"email": "ada", "country": "Germany", "tax_id": "1"})
    assert wrong.status_code == 422
    assert said(wrong, "email").startswith("Enter an email address")
    assert said(wrong, "country").startswith("Enter the country's two letters")
    assert said(wrong, "tax_id").startswith("Write the tax ID")
    assert send(f"{portal.url}/details", **new | {"tax_id": "DE123456789"}).status_code == 303
    made = shop.v1.customers.retrieve(portal.customer.id, {"expand": ["tax_ids"]})
    assert (made.name, made.email, made.address.country, made.phone) == ("Ada Ltd", "pay@example.com", "DE", None)
    assert [each.value for each in made.tax_ids.data] == ["DE123456789"]
    send(f"{portal.url}/details", **new | {"tax_id": ""})
    assert shop.v1.customers.tax_ids.list(made.id).data == []


def test_a_reason_is_asked_for_and_kept(shop: Shop) -> None:
    reason = {"enabled": True, "options": ["too_expensive", "other"]}
    portal = Portal(shop, subscription_cancel={"enabled": True, "mode": "at_period_end", "cancellation_reason": reason})
    page = portal.page(f"/cancel/{portal.made.id}").text
    assert "It is too expensive" in page
    assert "It was hard to use" not in page
    send(f"{portal.url}/cancel/{portal.made.id}", feedback="too_expensive", comment="Sorry")
    details = portal.subscription().cancellation_details
    assert (details.feedback, details.comment, details.reason) == ("too_expensive", "Sorry", "cancellation_requested")


def test_an_end_at_once_gives_back_what_the_configuration_says(shop: Shop) -> None:
    feature = {"enabled": True, "mode": "immediately", "proration_behavior": "always_invoice"}
    portal = Portal(shop, subscription_cancel=feature)
    send(f"{portal.url}/cancel/{portal.made.id}", feedback="other")
    made = portal.subscription()
    assert (made.status, made.cancellation_details.feedback) == ("canceled", None)  # no reason was asked for
    assert shop.v1.customers.retrieve(portal.customer.id).balance < 0


def test_the_quantity_is_changed_where_that_is_allowed(shop: Shop) -> None:
    update = {"enabled": True, "default_allowed_updates": ["quantity"], "proration_behavior": "always_invoice"}
    portal = Portal(shop, subscription_update=update)
    path = f"{portal.url}/plan/{portal.made.id}"
    assert "Plan for 2000" not in opened(path).text
    assert "Due now" in opened(f"{path}/confirm?quantity=3").text
    send(f"{path}/confirm?quantity=3")
    assert portal.subscription()["items"].data[0].quantity == 3
    assert requests.get(f"{path}/confirm?quantity=0", timeout=PATIENCE).url == path


@pytest.mark.parametrize("kind", ["payment_method_update", "customer_update"])
def test_a_session_for_one_thing_may_end_with_a_confirmation(shop: Shop, kind: str) -> None:
    features = {
        "customer_update": {"enabled": True, "allowed_updates": ["email"]},
        "payment_method_update": {"enabled": True},
    }
    portal = Portal(shop, **features)
    after = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "Thank you, Ada."}}
    flow = {"type": kind, "after_completion": after}
    wanted = {"customer": portal.customer.id, "flow_data": flow, "return_url": BACK}
    page = opened(shop.v1.billing_portal.sessions.create(wanted).url)
    assert page.url.endswith("/card" if kind == "payment_method_update" else "/details")
    answer = submit(page, number="4242424242424242")
    assert "Thank you, Ada." in requests.get(shop.url + answer.headers["Location"], timeout=PATIENCE).text


@pytest.mark.parametrize(
    "update",
    [
        {"default_allowed_updates": ["promotion_code"]},
        {"schedule_at_period_end": {"conditions": [{"type": "shortening_interval"}]}},
    ],
)
def test_what_its_pages_would_pass_over_is_refused(shop: Shop, update: dict[str, Any]) -> None:
    wanted = {"features": {"subscription_update": {"enabled": True} | update}}
    with pytest.raises(stripe.APIError, match="does not do all of") as refused:
        shop.v1.billing_portal.configurations.create(wanted)
    assert refused.value.http_status == 501


def test_what_is_forbidden_cannot_be_sent_either(shop: Shop) -> None:
    portal = Portal(shop, payment_method_update={"enabled": True})
    for path in (f"/cancel/{portal.made.id}", f"/plan/{portal.made.id}/confirm", "/details"):
        assert button(portal, path).status_code == 404
    assert portal.subscription().cancel_at_period_end is False


def button(portal: Portal, path: str) -> requests.Response:
    """Send a form of the portal that has no fields but its token."""
    token = requests.get(f"{portal.url}/card", timeout=PATIENCE).text.split('csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token}
    return requests.post(portal.url + path, data=data, allow_redirects=False, timeout=PATIENCE)
