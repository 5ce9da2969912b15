"""The billing portal's pages."""

from typing import Any

import pytest
import requests
import stripe

from tests.support.standin import PATIENCE, Shop, said, send

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
