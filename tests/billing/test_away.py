"""Stripe is away, or was never set up: pages that only read work, the others say so, nothing is lost."""

from collections.abc import Iterator

import pytest
from flask import Flask

from billing.errors import StripeAway
from saas.core.settings import Settings
from tests.support import database
from tests.support.database import application, sql
from tests.support.pages import heading, words
from tests.support.payments import Stripe, location, plan_of, submit, subscribe, work
from tests.support.people import Person, sign_up


@pytest.fixture
def payer(owner: Person, stripe: Stripe) -> Iterator[Person]:
    """Pays for a plan; from now on Stripe does not answer."""
    subscribe(stripe, owner, "starter")
    stripe.forget_calls()
    stripe.fail("500", 100)
    yield owner
    stripe.mend()


def test_pages_that_only_read_ask_nobody(payer: Person, stripe: Stripe) -> None:
    for path in ("/billing", "/usage", "/home", "/billing?interval=year"):
        assert payer.open(path).status == 200
    assert "$19.00" in words(payer.open("/billing"))
    assert stripe.calls("get") == stripe.calls("post") == {}


def test_the_page_before_a_change_says_that_the_amount_is_not_known(payer: Person) -> None:
    page = payer.open("/billing/choose?plan=scale")
    assert page.status == 200
    assert "It can't be told just now" in words(page)
    assert "/billing/change" not in page.text  # nobody pays what they have not seen


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/billing", "/billing/portal"),
        ("/billing", "/billing/cancel"),
        ("/billing/choose?plan=scale", "/billing/change"),
    ],
)
def test_buttons_say_that_payments_are_away_and_change_nothing(
    app: Flask, payer: Person, stripe: Stripe, path: str, action: str
) -> None:
    stripe.mend()  # a form names the amount that was shown
    page = payer.open(path)
    stripe.fail("500", 200)
    answer = submit(payer, page, action)
    assert answer.status_code == 503
    assert "Payments can&#39;t be reached just now" in answer.text
    assert "Nothing is lost" in answer.text
    assert answer.headers["Retry-After"] == "60"
    assert plan_of(app, payer)[0] == "starter"
    stripe.mend()
    assert submit(payer, page, action).status_code == 303  # the same form, once it is back


def test_a_webhook_is_kept_while_stripe_is_away_and_handled_later(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    ((id_,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.subscriptions.cancel(id_)
    new = stripe.events()
    stripe.fail("500", 200)
    for event in new:
        assert stripe.send(owner.browser, event).status_code == 200
    with pytest.raises(StripeAway):
        work(app)
    assert plan_of(app, owner)[0] == "starter"
    stripe.mend()
    sql(
        app,
        "UPDATE platform.jobs SET run_at = now(), due_at = now() WHERE state = 'waiting' AND name = 'billing.handle'",
    )
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"


def test_without_a_key_the_pages_say_that_payments_are_not_set_up(settings: Settings) -> None:
    with application(settings, stripe_secret_key=None, stripe_webhook_secret=None) as app:
        person = sign_up(app, database.browser(app))
        page = person.open("/billing")
        assert (page.status, "Payments are not set up." in words(page)) == (200, True)
        assert page.forms == [form for form in page.forms if "/billing" not in form.action]
        choice = person.open("/billing/choose?plan=growth")
        assert (choice.status, "Payments are not set up." in words(choice)) == (200, True)
        with pytest.raises(LookupError):
            choice.form("/billing/checkout")
        token = page.form("/leave").fields["csrf_token"]
        for path in ("checkout", "change", "cancel", "resume", "portal"):
            answer = person.browser.request(
                "POST",
                f"{person.home}/billing/{path}",
                data={"csrf_token": token, "plan": "growth", "interval": "month"},
                headers={"Origin": person.home},
            )
            assert (answer.status_code, "Payments are not set up" in answer.text) == (503, True), path
        assert sql(app, "SELECT 1 FROM platform.checkouts WHERE tenant = :t", t=person.tenant) == []
        assert heading(person.browser.open(person.browser.site + "/pricing")) == "Pricing"


def test_control_with_a_key_the_same_form_leads_to_the_payment(owner: Person, stripe: Stripe) -> None:
    assert location(owner, owner.open("/billing/choose?plan=growth"), "/billing/checkout").startswith(
        "http://127.0.0.1"
    )
