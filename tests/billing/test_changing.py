"""A plan is changed, cancelled, taken up again; a card fails."""

import time

import pytest
import requests
from flask import Flask

from tests.support import standin
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.payments import FAILS_LATER, Stripe, location, plan_of, submit, subscribe
from tests.support.people import Person


def change(owner: Person, plan: str, interval: str = "month") -> str:
    return location(owner, owner.open(f"/billing/choose?plan={plan}&interval={interval}"), "/billing/change")


def subscription(app: Flask, owner: Person) -> str:
    ((id_,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    return str(id_)


def bad_card(app: Flask, owner: Person, stripe: Stripe) -> None:
    """From now on each payment fails."""
    ((customer,),) = sql(app, "SELECT stripe_id FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    v1 = stripe.shop.v1
    method = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    v1.subscriptions.update(subscription(app, owner), {"default_payment_method": method.id})


def test_the_page_before_a_change_says_what_it_costs_and_what_changes(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    shown = words(owner.open("/billing/choose?plan=scale"))
    assert "$299.00 a month" in shown
    for line in ("-$19.00 ", "$299.00 ", "Today $280.00", "Pay $280.00 and change"):
        assert line in shown
    assert "Records 0 20,000 5,000,000" in shown


def test_a_change_is_charged_and_holds_at_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    stripe.forget_calls()
    assert change(owner, "scale").endswith("/billing")
    assert plan_of(app, owner)[0] == "scale"
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "scale"
    rows = sql(
        app,
        "SELECT cause, before->>'plan' AS b, after->>'plan' AS a FROM platform.access_changes"
        " WHERE tenant = :t AND before->>'plan' IS DISTINCT FROM after->>'plan' ORDER BY id",
        t=owner.tenant,
    )
    assert [(row.cause, row.b, row.a) for row in rows][1:] == [
        ("event", "free", "starter"), ("person", "starter", "scale"),
    ]  # fmt: skip
    audit = sql(app, "SELECT action, detail FROM platform.audit WHERE tenant = :t AND action LIKE 'subscription.%'"
                " ORDER BY id", t=owner.tenant)  # fmt: skip
    assert [row.action for row in audit] == [
        "subscription.changed.asked", "subscription.changed.sent", "subscription.changed",
    ]  # fmt: skip
    assert audit[0].detail["before"] == {"plan": "starter", "version": 1, "interval": "month"}
    assert audit[0].detail["after"] == {"plan": "scale", "version": 1, "interval": "month"}
    invoices = sql(
        app, "SELECT total FROM platform.invoices WHERE tenant = :t ORDER BY created_at, total", t=owner.tenant
    )
    assert len(invoices) == 2


def test_a_form_that_is_sent_twice_changes_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    page = owner.open("/billing/choose?plan=scale")
    assert submit(owner, page, "/billing/change").status_code == 303
    again = submit(owner, page, "/billing/change")
    assert (again.status_code, "Nothing was changed" in again.text) == (409, True)
    stripe.deliver(owner.browser)
    assert sql(app, "SELECT count(*) FROM platform.invoices WHERE tenant = :t", t=owner.tenant) == [(2,)]


def test_a_card_that_is_declined_changes_nothing(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    bad_card(app, owner, stripe)
    page = owner.open("/billing/choose?plan=scale")
    answer = submit(owner, page, "/billing/change")
    assert (answer.status_code, "The card was declined" in answer.text) == (402, True)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "starter"
    item = stripe.shop.v1.subscriptions.retrieve(subscription(app, owner))["items"].data[0]
    assert item.price.lookup_key == "freehold_starter_v1_month_usd"
    audit = sql(
        app,
        "SELECT action FROM platform.audit WHERE tenant = :t AND action LIKE 'subscription.%' ORDER BY id",
        t=owner.tenant,
    )
    assert [row.action for row in audit] == [
        "subscription.changed.asked", "subscription.changed.sent", "subscription.changed.refused",
    ]  # fmt: skip


def test_a_smaller_plan_lists_what_is_over_and_deletes_nothing(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    owner.define("things", title="text")
    sql(app, "UPDATE platform.usage SET used = 30 WHERE tenant = :t AND resource = 'collections'", t=owner.tenant)
    shown = words(owner.open("/billing/choose?plan=starter"))
    assert "Collections 30 No limit 20 Over it" in shown
    assert "Nothing is deleted, and all of it comes back with a larger plan." in shown
    assert "Collections: 30 where 20 are allowed: the newest 10 are read-only." in shown
    assert "Over it" not in words(owner.open("/billing/choose?plan=growth"))
    change(owner, "starter")
    assert plan_of(app, owner)[0] == "scale"  # which is paid for
    assert owner.open("/collections/things").status == 200


def test_cancelling_lasts_until_the_period_ends_and_can_be_taken_back(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    page = owner.open("/billing")
    location(owner, page, "/billing/cancel", reason="Too dear")
    page = owner.open("/billing")
    assert "Ends on" in words(page)
    assert plan_of(app, owner)[0] == "starter"
    ((detail,),) = sql(app, "SELECT detail FROM platform.audit WHERE tenant = :t AND action = 'subscription.cancelled'",
                       t=owner.tenant)  # fmt: skip
    assert detail["reason"] == "Too dear"
    location(owner, page, "/billing/resume")
    assert "Next charge $19.00 before seats, discounts and credit on" in words(owner.open("/billing"))
    stripe.shop.v1.subscriptions.cancel(subscription(app, owner))
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    assert "Next charge None" in words(owner.open("/billing"))


def test_the_portal_is_a_page_of_stripes_that_leads_back(owner: Person, stripe: Stripe) -> None:
    with pytest.raises(LookupError):
        owner.open("/billing").form("/billing/portal")  # nobody pays yet
    subscribe(stripe, owner)
    url = location(owner, owner.open("/billing"), "/billing/portal")
    assert url.startswith(stripe.settings.stripe_api_url or "-")
    (session,) = [one for one in stripe.shop.v1.billing_portal.configurations.list({}).data if one.metadata]
    assert session.features.subscription_update.enabled is False  # plans are changed on our page
    portal = requests.get(url, timeout=standin.PATIENCE)
    assert portal.ok
    assert f"{owner.home}/billing" in portal.text


def test_a_failed_payment_shows_a_banner_and_the_invoice_and_keeps_the_plan(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    overdue(app, owner, stripe)
    assert plan_of(app, owner)[::2] == ("growth", "past_due")
    page = owner.open("/billing")
    assert "The last payment failed." in words(page)
    assert "Update the card" in words(page)
    assert page.form("/billing/portal")
    assert "Payment failed" in words(page)
    assert "The last payment failed." in words(owner.open("/home"))


def test_a_card_that_works_again_ends_the_banner(app: Flask, owner: Person, stripe: Stripe) -> None:
    overdue(app, owner, stripe)
    v1 = stripe.shop.v1
    found = v1.subscriptions.retrieve(subscription(app, owner))
    method = v1.payment_methods.attach("pm_card_visa", {"customer": found.customer})
    v1.customers.update(found.customer, {"invoice_settings": {"default_payment_method": method.id}})
    v1.subscriptions.update(found.id, {"default_payment_method": method.id})
    v1.invoices.pay(found.latest_invoice)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[::2] == ("growth", "good")
    assert "The last payment failed." not in words(owner.open("/home"))


def overdue(app: Flask, owner: Person, stripe: Stripe) -> None:
    """On trial with a card that fails; then the trial ends."""
    from tests.support.payments import choose, pay

    assert pay(choose(owner, "growth"), FAILS_LATER).status_code == 303
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[::2] == ("growth", "good")
    id_ = subscription(app, owner)
    stripe.shop.v1.subscriptions.update(id_, {"trial_end": "now"})
    deadline = time.monotonic() + 20
    while stripe.shop.v1.subscriptions.retrieve(id_).status == "trialing" and time.monotonic() < deadline:
        time.sleep(0.05)
    stripe.deliver(owner.browser)
    assert heading(owner.open("/billing")) == "Plan and payments"


def test_a_plan_without_a_trial_is_not_had_for_nothing_by_way_of_one_that_has(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    from tests.support.payments import choose, pay

    assert pay(choose(owner, "growth")).status_code == 303
    stripe.deliver(owner.browser)
    id_ = subscription(app, owner)
    assert stripe.shop.v1.subscriptions.retrieve(id_).status == "trialing"
    assert "Today $299.00" in words(owner.open("/billing/choose?plan=scale"))
    assert change(owner, "scale").endswith("/billing")
    assert stripe.shop.v1.subscriptions.retrieve(id_).status == "active"
    paid = [invoice.amount_paid for invoice in stripe.shop.v1.invoices.list({"subscription": id_}).data]
    assert sorted(paid) == [0, 29900]
