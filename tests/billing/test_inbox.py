"""What each kind of event makes us fetch and keep, beside subscriptions and invoices that go as planned."""

import re
import time
from typing import Any

import pytest
from flask import Flask

from billing.inbox import events
from billing.mirrored import flags
from saas.core.database import transaction
from saas.devstack.browser import Browser
from tests.billing.test_webhook import event
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, choose, pay, plan_of, submit, subscribe, work
from tests.support.people import Person


def row(app: Flask, owner: Person, table: str, *columns: str) -> Any:
    """The columns of a tenant's only row."""
    (found,) = sql(app, f"SELECT {', '.join(columns)} FROM platform.{table} WHERE tenant = :t", t=owner.tenant)
    return found[0] if len(columns) == 1 else tuple(found)


def raised(app: Flask, owner: Person) -> list[str]:
    with app.app_context(), transaction():
        return [flag.kind for flag in flags.open_of(owner.tenant)]


def customer(app: Flask, owner: Person) -> str:
    return str(row(app, owner, "customers", "stripe_id"))


def test_a_customer_that_was_deleted_at_stripe_ends_what_was_paid_and_can_pay_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner)
    before = customer(app, owner)
    stripe.shop.v1.customers.delete(before)
    new = {found["type"]: found for found in stripe.events()}
    assert stripe.send(owner.browser, new["customer.deleted"]).status_code == 200  # the others got lost
    work(app)
    assert plan_of(app, owner)[0] == "free"
    assert row(app, owner, "subscriptions", "status") == "canceled"
    assert row(app, owner, "customers", "deleted_at IS NOT NULL")
    assert raised(app, owner) == ["customer-deleted"]
    page = owner.open("/billing")
    assert page.status == 200
    with pytest.raises(LookupError):
        page.form("/billing/portal")
    assert pay(choose(owner, "scale")).status_code == 303
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "scale"
    assert customer(app, owner) != before
    assert row(app, owner, "customers", "deleted_at IS NULL")


def test_a_subscription_that_went_with_its_customer_ends(app: Flask, owner: Person, stripe: Stripe) -> None:
    """As when a test clock is deleted: then Stripe knows neither."""
    subscribe(stripe, owner)
    sql(app, "UPDATE platform.subscriptions SET id = 'sub_' || tenant WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.customers.delete(customer(app, owner))
    only(stripe, owner, "customer.deleted")
    work(app)
    assert row(app, owner, "subscriptions", "status") == "canceled"
    assert plan_of(app, owner)[0] == "free"


def test_a_form_of_before_the_deletion_is_refused_in_a_sentence(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    page = owner.open("/billing")
    stripe.shop.v1.customers.delete(customer(app, owner))
    answer = submit(owner, page, "/billing/portal")
    assert answer.status_code in {404, 409}
    stripe.deliver(owner.browser)
    assert submit(owner, page, "/billing/portal").status_code == 409


def test_the_card_that_is_charged_next_is_known(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    columns = ("card_brand", "card_last4", "card_expires", "currency", "balance")
    assert row(app, owner, "customers", *columns) == ("visa", "4242", "2034-12", "usd", 0)
    v1, id_ = stripe.shop.v1, customer(app, owner)
    method = v1.payment_methods.attach("pm_card_mastercard", {"customer": id_})
    v1.customers.update(id_, {"invoice_settings": {"default_payment_method": method.id}, "balance": -500})
    stripe.deliver(owner.browser)
    assert row(app, owner, "customers", "card_last4", "balance") == ("4242", -500)  # the subscription has its own
    ((subscription,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    v1.subscriptions.update(subscription, {"default_payment_method": method.id})
    stripe.deliver(owner.browser)
    assert row(app, owner, "customers", "card_brand", "card_last4") == ("mastercard", "4444")


def test_a_card_that_was_taken_off_is_not_shown_any_more(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    for method in stripe.shop.v1.customers.payment_methods.list(customer(app, owner)).data:
        stripe.shop.v1.payment_methods.detach(method.id)
    kinds = {found["type"]: found for found in stripe.events()}
    assert stripe.send(owner.browser, kinds["payment_method.detached"]).status_code == 200
    work(app)
    assert row(app, owner, "customers", "card_brand", "card_last4") == (None, None)


def test_a_planned_change_is_known_from_its_schedule_alone(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    v1, id_ = stripe.shop.v1, row(app, owner, "subscriptions", "id")
    (price,) = v1.prices.list({"lookup_keys": ["freehold_starter_v1_month_usd"]}).data
    made = v1.subscription_schedules.create({"from_subscription": id_})
    first = made.phases[0]
    now = {
        "items": [{"price": first["items"][0].price, "quantity": 1}],
        "start_date": first.start_date,
        "end_date": first.end_date,
    }
    then = {"items": [{"price": price.id}], "duration": {"interval": "month", "interval_count": 1}}
    about = {"plan": "starter", "version": "1", "interval": "month"}
    v1.subscription_schedules.update(
        made.id, {"phases": [now, then], "end_behavior": "release", "proration_behavior": "none", "metadata": about}
    )
    only(stripe, owner, "subscription_schedule.updated")
    work(app)
    assert row(app, owner, "subscriptions", "schedule", "next_plan") == (made.id, "starter")
    v1.subscription_schedules.release(made.id)
    only(stripe, owner, "subscription_schedule.released")
    work(app)
    assert row(app, owner, "subscriptions", "schedule", "next_plan") == (None, None)


def test_a_credit_note_is_seen_on_its_invoice(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    invoice = row(app, owner, "invoices", "id")
    stripe.shop.v1.credit_notes.create({"invoice": invoice, "amount": 300, "credit_amount": 300})
    only(stripe, owner, "credit_note.created")
    work(app)
    assert row(app, owner, "invoices", "credited") == 300


def test_money_that_goes_back_without_us_raises_a_flag_and_ours_does_not(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe
) -> None:
    from billing.acting import refunds

    subscribe(stripe, owner)
    subscribe(stripe, stranger)
    with app.app_context(), transaction():
        refunds.refund(
            owner.tenant, row(app, owner, "invoices", "id"), 200, actor="user:admin", reason="They asked for it."
        )
    payment = row(app, stranger, "invoices", "payment")
    stripe.shop.v1.refunds.create({"payment_intent": payment, "amount": 200})
    only(stripe, owner, "charge.refunded", times=2)
    work(app)
    assert (raised(app, owner), row(app, owner, "invoices", "refunded")) == ([], 200)
    assert (raised(app, stranger), row(app, stranger, "invoices", "refunded")) == (["refund"], 200)


def test_a_dispute_raises_a_flag_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    assert pay(choose(owner), "4000000000000259").status_code == 303
    stripe.deliver(owner.browser)
    assert raised(app, owner) == ["dispute"]
    stripe.deliver(owner.browser)
    assert raised(app, owner) == ["dispute"]


def test_a_draft_that_was_deleted_asks_for_nothing(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    id_ = f"in_{owner.tenant}"
    sql(
        app,
        "INSERT INTO platform.invoices SELECT :id, tenant, subscription, NULL, 'draft', currency, total,"
        " 700, 0, 0, 0, NULL, NULL, NULL, NULL, created_at, fetched_at FROM platform.invoices WHERE tenant = :t",
        id=id_,
        t=owner.tenant,
    )
    assert stripe.send(owner.browser, event(type="invoice.deleted", data={"object": {"id": id_}})).ok
    work(app)
    assert sql(app, "SELECT due, status FROM platform.invoices WHERE id = :id", id=id_) == [(0, "draft")]


def test_what_a_customer_left_behind_still_ends_when_stripe_says_so(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    sql(app, "UPDATE platform.customers SET stripe_id = 'cus_' || id WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.subscriptions.cancel(row(app, owner, "subscriptions", "id"))
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"


def test_who_lives_by_a_test_clock_is_settled_when_it_goes_on(app: Flask, owner: Person, stripe: Stripe) -> None:
    v1, start = stripe.shop.v1, int(time.time())
    clock = v1.test_helpers.test_clocks.create({"frozen_time": start})
    subscribe(stripe, owner)
    made = stripe.shop.customer(test_clock=clock.id)
    (price,) = v1.prices.list({"lookup_keys": ["freehold_growth_v1_month_usd"]}).data
    trial = stripe.shop.subscription(made, price, trial_period_days=3)
    v1.subscriptions.cancel(row(app, owner, "subscriptions", "id"))
    sql(app, "UPDATE platform.customers SET stripe_id = :id WHERE tenant = :t", id=made.id, t=owner.tenant)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "growth"
    v1.subscriptions.update(trial.id, {"cancel_at_period_end": True})
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": start + 4 * 86_400})
    only(stripe, owner, "test_helpers.test_clock.ready")
    work(app)
    assert plan_of(app, owner)[0] == "free"
    assert row(app, owner, "customers", "extract(epoch FROM clock_at)::bigint") == start + 4 * 86_400


def test_what_an_event_is_about_and_when_it_was_made_stands_beside_it(
    app: Flask, browser: Browser, stripe: Stripe
) -> None:
    for told, kept in (
        ({"created": 1_790_000_000}, (1_790_000_000, "prod_x")),
        ({"created": 2**70}, (None, "prod_x")),
        ({"created": "now", "data": {"object": {"id": "x" * 300}}}, (None, None)),
    ):
        made = event(**told)
        assert stripe.send(browser, made).status_code == 200
        query = "SELECT extract(epoch FROM created_at)::bigint, object_id FROM platform.stripe_events WHERE id = :id"
        assert sql(app, query, id=made["id"]) == [kept]


def test_events_are_counted_by_type_and_those_of_unknown_types_are_told_apart(browser: Browser, stripe: Stripe) -> None:
    unknown = event(type="something.we.never.heard.of")
    before = counted(browser, unknown["type"])
    for made in (unknown, unknown, event()):
        assert stripe.send(browser, made).status_code == 200
    after = counted(browser, unknown["type"])
    assert {labels: after[labels] - before.get(labels, 0) for labels in after} == {("no", "yes"): 1, ("no", "no"): 1}
    assert counted(browser, "product.created")["yes", "yes"] >= 1


def counted(browser: Browser, type_: str) -> dict[tuple[str, str], float]:
    """How often it came, by whether the type is known and whether the event was new."""
    text = browser.request("GET", "/metrics").text
    assert "freehold_stripe_events_waiting " in text
    pattern = rf'freehold_stripe_events_total{{known="(\w+)",new="(\w+)",type="{re.escape(type_)}"}} (\S+)'
    return {(known, new): float(count) for known, new, count in re.findall(pattern, text)}


def only(stripe: Stripe, person: Person, type_: str, times: int = 1) -> None:
    """All other events get lost."""
    found = [one for one in stripe.events() if one["type"] == type_]
    assert len(found) == times, [one["type"] for one in found]
    for one in found:
        assert stripe.send(person.browser, one).status_code == 200


def test_the_page_still_opens_while_a_customer_is_gone_at_stripe(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    stripe.shop.v1.customers.delete(customer(app, owner))
    stripe.events()
    assert "Starter" in words(owner.open("/billing"))
    assert owner.open("/billing/choose?plan=scale").status == 200


def test_a_burst_of_events_of_one_object_asks_for_it_once_and_one_that_comes_later_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    (row,) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    asked = "/v1/subscriptions/{subscription_exposed_id}"

    def burst(times: int) -> list[str]:
        for number in range(times):
            stripe.shop.v1.subscriptions.update(row.id, {"metadata": {"number": str(number)}})
        new = [one for one in stripe.events() if one["type"] == "customer.subscription.updated"]
        for one in new:
            assert stripe.send(owner.browser, one).status_code == 200
        stripe.forget_calls()
        work(app)
        return [one["id"] for one in new]

    def outcomes(ids: list[str]) -> list[str]:
        query = "SELECT outcome FROM platform.stripe_events WHERE id = ANY(:ids) ORDER BY outcome"
        return [found.outcome for found in sql(app, query, ids=ids)]

    ids = burst(6)
    assert calls_of(stripe, asked) == 1
    assert outcomes(ids) == ["not needed"] * 5 + ["stored"]
    burst(1)  # the control: it came after Stripe was asked
    assert calls_of(stripe, asked) == 1
    stripe.forget_calls()
    with app.app_context(), transaction():
        events.replay([events.of_id(ids[0])])  # whoever wants to see it asked for again does
    work(app)
    assert calls_of(stripe, asked) == 1
    assert outcomes(ids[:1]) == ["stored"]


def calls_of(stripe: Stripe, path: str) -> int:
    return sum(count for name, count in stripe.calls("get").items() if name == path)
