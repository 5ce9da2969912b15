"""A business pays: the choice, the payment page, the webhook, the plan; and all that can go wrong on the way."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe as package
from flask import Flask

from billing.gateway import objects, parsing, subscriptions
from billing.inbox import events, following
from billing.inbox.following import Followed
from tests.support import database
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.payments import DECLINED, Stripe, choose, hurry, pay, plan_of, subscribe, work
from tests.support.people import Person


def test_a_business_pays_and_its_plan_is_active(app: Flask, owner: Person, stripe: Stripe) -> None:
    page = owner.open("/billing")
    assert "This workspace is on the Free plan." in words(page)
    back = pay(choose(owner, "starter")).headers["Location"]
    waiting = owner.browser.open(back)
    assert heading(waiting) == "Your payment is being processed"
    assert "data-waiting" in waiting.text
    assert '<meta http-equiv="refresh" content="2">' in waiting.text
    types = stripe.deliver(owner.browser)
    assert {"checkout.session.completed", "customer.subscription.created", "invoice.paid"} <= set(types)
    assert heading(owner.browser.open(back)) == "You are on Starter"
    plan, limits, standing = plan_of(app, owner)
    assert (plan, limits["records"], standing) == ("starter", 20_000, "good")
    shown = words(owner.open("/billing"))
    assert "This workspace is on the Starter plan." in shown
    assert "$19.00 before seats, discounts and credit on" in shown
    assert "Invoices Number Date" in shown


def test_the_return_page_reads_our_own_database_only(owner: Person, stripe: Stripe) -> None:
    back = pay(choose(owner)).headers["Location"]
    stripe.forget_calls()
    for _ in range(3):
        owner.browser.open(back)
        owner.open("/billing")
    assert stripe.calls("get") == stripe.calls("post") == {}
    owner.open("/billing/choose?plan=growth")  # the control: this one may ask, once there is a subscription
    stripe.deliver(owner.browser)
    stripe.forget_calls()
    owner.open("/billing/choose?plan=growth")
    assert stripe.calls("post") != {}


def test_a_declined_card_says_so_and_changes_nothing(app: Flask, owner: Person, stripe: Stripe) -> None:
    url = choose(owner)
    refused = pay(url, DECLINED)
    assert refused.status_code != 303
    assert "declined" in refused.text
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    assert "A payment for Starter is under way." in words(owner.open("/billing"))
    again = pay(url)  # with another card, on the same page
    stripe.deliver(owner.browser)
    assert heading(owner.browser.open(again.headers["Location"])) == "You are on Starter"


def test_leaving_the_payment_page_changes_nothing(app: Flask, owner: Person, stripe: Stripe) -> None:
    url = choose(owner)
    (row,) = sql(app, "SELECT id, state FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    left = owner.open(f"/billing/return?checkout={row.id}&cancelled=1")
    assert heading(left) == "You left the payment"
    assert "data-waiting" not in left.text
    assert url.replace("&", "&amp;") in left.text
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"


def test_a_payment_that_is_never_finished_ends_and_changes_nothing(app: Flask, owner: Person, stripe: Stripe) -> None:
    choose(owner)
    (row,) = sql(app, "SELECT id, session_id FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.checkout.sessions.expire(row.session_id)
    assert "checkout.session.expired" in stripe.deliver(owner.browser)
    page = owner.open(f"/billing/return?checkout={row.id}")
    assert heading(page) == "This payment has ended"
    assert plan_of(app, owner)[0] == "free"
    assert "is under way" not in words(owner.open("/billing"))
    subscribe(stripe, owner)  # and another can be begun
    assert plan_of(app, owner)[0] == "starter"


def test_a_payment_that_fails_afterwards_is_said_so(app: Flask, owner: Person, stripe: Stripe) -> None:
    choose(owner)
    (row,) = sql(
        app,
        "UPDATE platform.checkouts SET state = 'failed', ended_at = now() WHERE tenant = :t RETURNING id",
        t=owner.tenant,
    )
    assert heading(owner.open(f"/billing/return?checkout={row.id}")) == "The payment failed"


@pytest.mark.parametrize(
    ("session", "paid", "subscription", "state"),
    [
        ("open", False, None, None),
        ("open", True, None, None),
        ("expired", False, None, "expired"),
        ("complete", True, "active", "complete"),
        ("complete", True, "trialing", "complete"),
        ("complete", False, "incomplete", None),  # the bank still thinks about it
        ("complete", False, "incomplete_expired", "failed"),
    ],
)
def test_a_payment_has_ended_only_when_it_has(
    session: str, paid: bool, subscription: str | None, state: str | None
) -> None:
    now = datetime.now(UTC)
    found = (
        objects.SubscriptionState(
            id="sub", customer="cus", status=subscription, items=(), currency="usd", livemode=False, started_at=now,
            period_start=None, period_end=None, trial_end=None, cancel_at=None, ended_at=None, latest_invoice=None,
            discounts=(), change=None, seats_paid=0, seats_paid_until=None, metered_since=None, cancel_reason=None,
            clock_at=None,
        ),
    ) if subscription else ()  # fmt: skip
    followed = Followed(objects.Session("cs", session, paid, None, None), found, now)
    assert following.ended(followed) == state


@pytest.mark.parametrize("given", ["", "nonsense", "01a20495-0000-7000-8000-000000000000", "' OR 1=1 --"])
def test_a_payment_that_is_not_there_is_not_found(owner: Person, given: str) -> None:
    page = owner.open(f"/billing/return?checkout={given}")
    assert (page.status, heading(page)) == (404, "There is no such payment")


# The webhook is late, lost, or comes too often


def test_a_late_webhook_changes_the_plan_when_it_comes(app: Flask, owner: Person, stripe: Stripe) -> None:
    back = pay(choose(owner)).headers["Location"]
    work(app)
    assert plan_of(app, owner)[0] == "free"
    assert heading(owner.browser.open(back)) == "Your payment is being processed"
    stripe.deliver(owner.browser)
    assert heading(owner.browser.open(back)) == "You are on Starter"


def test_a_lost_webhook_is_made_good_by_the_job_that_follows_the_payment(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    back = pay(choose(owner)).headers["Location"]
    lost = stripe.events()
    assert "checkout.session.completed" in {event["type"] for event in lost}
    work(app)
    assert plan_of(app, owner)[0] == "free"  # the control: nobody told us, and it is not time to look yet
    hurry(app)
    work(app, "billing.follow")
    assert plan_of(app, owner)[0] == "starter"
    assert heading(owner.browser.open(back)) == "You are on Starter"
    (change,) = sql(
        app,
        "SELECT cause, source, rule FROM platform.access_changes WHERE tenant = :t AND before IS NOT NULL",
        t=owner.tenant,
    )
    assert tuple(change) == ("rule", "follow", "subscription")


def test_the_job_looks_less_and_less_often_and_then_stops(app: Flask, owner: Person, stripe: Stripe) -> None:
    choose(owner)
    waits = []
    for _ in range(10):
        rows = sql(
            app,
            "SELECT j.args, extract(epoch FROM j.run_at - j.created_at)::int AS wait FROM platform.jobs j"
            " JOIN platform.checkouts c ON c.id::text = j.args->>0"
            " WHERE c.tenant = :t AND j.name = 'billing.follow' AND j.state = 'waiting'",
            t=owner.tenant,
        )
        if not rows:
            break
        waits.append(rows[0].wait)
        hurry(app)
        work(app, "billing.follow")
    assert waits == [30, 120, 600, 3600, 7200]


def test_a_webhook_that_comes_twice_changes_the_plan_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    pay(choose(owner))
    new = stripe.events()
    for event in [*new, *reversed(new)]:
        assert stripe.send(owner.browser, event).status_code == 200
    work(app)
    query = "SELECT rule FROM platform.access_changes WHERE tenant = :t AND before->>'plan' <> after->>'plan'"
    assert [row.rule for row in sql(app, query, t=owner.tenant)] == ["subscription"]
    assert sql(app, "SELECT count(*) FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant) == [(1,)]
    assert sql(app, "SELECT count(*) FROM platform.invoices WHERE tenant = :t", t=owner.tenant) == [(1,)]


def test_the_order_of_webhooks_does_not_matter(app: Flask, owner: Person, stripe: Stripe) -> None:
    assert backwards(app, owner, stripe) == "free"


def test_control_without_fetching_again_the_order_matters(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    believed: dict[str, Any] = {}
    receive = events.about

    def remember(event_id: str) -> Any:
        ((payload,),) = sql(app, "SELECT payload::jsonb FROM platform.stripe_events WHERE id = :id", id=event_id)
        believed["object"] = payload["data"]["object"]
        return receive(event_id)

    monkeypatch.setattr(events, "about", remember)
    fetch = subscriptions.fetch

    def believe(id_: str) -> objects.SubscriptionState:
        told = believed["object"]
        if told["object"] != "subscription":
            return fetch(id_)
        return parsing.subscription(package.Subscription.construct_from(told, "key"))

    monkeypatch.setattr(subscriptions, "fetch", believe)
    assert backwards(app, owner, stripe) == "starter"


def backwards(app: Flask, owner: Person, stripe: Stripe) -> str:
    """Pay, cancel at once at Stripe, and only then hear of it, the last thing first; returns the plan."""
    back = pay(choose(owner)).headers["Location"]
    stripe.deliver(owner.browser)
    assert heading(owner.browser.open(back)) == "You are on Starter"
    ((id_,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.subscriptions.update(id_, {"metadata": {"note": "still there"}})
    stripe.shop.v1.subscriptions.cancel(id_)
    new = [event for event in stripe.events() if event["type"].startswith("customer.subscription.")]
    assert [event["type"] for event in new] == ["customer.subscription.updated", "customer.subscription.deleted"]
    for event in reversed(new):
        assert stripe.send(owner.browser, event).status_code == 200
        work(app)
    return plan_of(app, owner)[0]


# What a form may not say


@pytest.mark.parametrize(
    ("changes", "words_"),
    [
        ({"plan": "gold"}, "There is no plan 'gold'."),
        ({"plan": "free"}, "Free costs nothing"),
        ({"plan": "starter' OR 1=1"}, "There is no plan"),
        ({"interval": "week"}, "There is no interval 'week'."),
        ({"quantity": "0"}, "leave the quantity at 1"),
        ({"quantity": "-1"}, "leave the quantity at 1"),
        ({"quantity": "1000000"}, "leave the quantity at 1"),
        ({"quantity": "many"}, "leave the quantity at 1"),
        ({"quantity": ""}, "leave the quantity at 1"),
    ],
)
def test_a_form_that_was_tampered_with_is_refused_and_nothing_is_asked_of_stripe(
    app: Flask, owner: Person, stripe: Stripe, changes: dict[str, str], words_: str
) -> None:
    page = owner.open("/billing/choose?plan=starter&interval=month")
    form = page.form("/billing/checkout")
    stripe.forget_calls()
    answer = owner.browser.request("POST", form.action, data=form.fields | changes, headers={"Origin": owner.home})
    assert answer.status_code == 422
    assert words_ in answer.text.replace("&#39;", "'")
    assert stripe.calls("post") == {}
    assert sql(app, "SELECT 1 FROM platform.checkouts WHERE tenant = :t", t=owner.tenant) == []


def test_an_unknown_plan_in_the_address_is_said_so(owner: Person) -> None:
    for query in ("plan=gold", "", "plan=growth&interval=week"):
        assert owner.open(f"/billing/choose?{query}").status == 422


def test_the_price_is_the_catalogues_whatever_a_form_says(app: Flask, owner: Person, stripe: Stripe) -> None:
    page = owner.open("/billing/choose?plan=scale&interval=year")
    form = page.form("/billing/checkout")
    more = {"price": "price_x", "amount": "1", "unit_amount": "1", "customer": "cus_x", "trial_days": "900"}
    answer = owner.browser.request("POST", form.action, data=form.fields | more, headers={"Origin": owner.home})
    assert answer.status_code == 303
    ((session,),) = sql(app, "SELECT session_id FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    found = stripe.shop.v1.checkout.sessions.retrieve(session)
    assert (found.amount_total, found.currency) == (299_000, "usd")


def test_a_trial_is_had_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    assert "the first 14 days are free" in words(owner.open("/billing/choose?plan=growth"))
    subscribe(stripe, owner, "growth")
    ((id_, status),) = sql(app, "SELECT id, status FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    assert (status, plan_of(app, owner)[0]) == ("trialing", "growth")
    stripe.shop.v1.subscriptions.cancel(id_)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    assert "days are free" not in words(owner.open("/billing/choose?plan=growth"))
    subscribe(stripe, owner, "growth")
    rows = sql(app, "SELECT id, status FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    assert sorted((row.status, row.id == id_) for row in rows) == [("active", False), ("canceled", True)]


def test_a_payment_by_path_comes_back_by_path(app: Flask, owner: Person, stripe: Stripe) -> None:
    visitor = database.browser(app)
    visitor.session.cookies.update(owner.browser.session.cookies)
    page = visitor.open(f"/w/{owner.address}/billing/choose?plan=starter")
    form = page.form("/billing/checkout")
    answer = visitor.request("POST", form.action, data=form.fields, headers={"Origin": visitor.site})
    back = pay(answer.headers["Location"]).headers["Location"]
    assert back.startswith(f"{visitor.site}/w/{owner.address}/billing/return?checkout=")
