"""What a tenant may do follows what is granted and paid, and each change says why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from billing.entitlement import entitlements, grants
from billing.entitlement.entitlements import Cause
from billing.errors import BadUntil, NoGrant, UnknownPlan
from billing.gateway import subscriptions
from billing.inbox import reconcile
from billing.mirrored import mirror
from saas.core.database import transaction
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, choose, hurry, pay, plan_of, subscribe, work
from tests.support.people import Person
from tests.support.threads import together

WHO = {"actor": "user:admin", "reason": "They found a bug."}


def changes(app: Flask, owner: Person) -> list[Any]:
    return sql(
        app,
        "SELECT cause, source, rule, reason, before, after FROM platform.access_changes WHERE tenant = :t ORDER BY id",
        t=owner.tenant,
    )


def test_a_new_business_is_on_the_free_plan_and_the_row_says_why(app: Flask, owner: Person) -> None:
    (first,) = changes(app, owner)
    assert (first.cause, first.source, first.rule, first.before) == ("rule", "sign-up", "free", None)
    assert first.after == {"plan": "free", "version": 1, "limits": {}, "standing": "good"}


def test_the_api_refuses_the_record_over_the_limit_and_takes_it_after_the_upgrade(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    sql(app, "UPDATE platform.tenants SET limits = '{}' WHERE id = :t", t=owner.tenant)
    owner.define("orders", title="text")
    assert owner.api("POST", "/collections/orders/records", json={"title": "first"}).status_code == 201
    sql(app, "UPDATE platform.usage SET used = 1000 WHERE tenant = :t AND resource = 'records'", t=owner.tenant)
    refused = owner.api("POST", "/collections/orders/records", json={"title": "one too many"})
    assert refused.status_code == 402
    problem = refused.json()
    assert (problem["title"], problem["type"]) == ("The plan's limit is reached", "urn:freehold:problem:limit-reached")
    assert problem["help"] == f"{owner.home}/usage"
    assert "one too many" not in owner.api("GET", "/collections/orders/records").text
    assert words(owner.browser.open(problem["help"])).count("1,000 of 1,000") == 1
    subscribe(stripe, owner, "starter")
    taken = owner.api("POST", "/collections/orders/records", json={"title": "one too many"})
    assert taken.status_code == 201
    assert "one too many" in owner.api("GET", "/collections/orders/records").text


def test_a_payment_is_a_row_that_names_its_event(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    change = changes(app, owner)[-1]
    assert (change.cause, change.rule) == ("event", "subscription")
    ((kind, tenant),) = sql(app, "SELECT type, tenant FROM platform.stripe_events WHERE id = :id", id=change.source)
    assert (kind, tenant) == (change.reason, owner.tenant)
    assert change.after["limits"]["records"] == 20_000


@pytest.mark.parametrize(
    ("status", "plan", "standing"),
    [
        ("trialing", "growth", "good"),
        ("active", "growth", "good"),
        ("past_due", "growth", "past_due"),
        ("unpaid", "growth", "past_due"),
        ("paused", "free", "good"),
        ("incomplete", "free", "good"),
        ("incomplete_expired", "free", "good"),
        ("canceled", "free", "good"),
        ("something new", "free", "good"),
    ],
)
def test_each_status_of_a_subscription_gives_what_it_should(
    app: Flask, owner: Person, status: str, plan: str, standing: str
) -> None:
    subscription_row(app, owner, status)
    with app.app_context(), transaction():
        entitlements.settle(owner.tenant, Cause("rule", "tests"))
    assert plan_of(app, owner)[::2] == (plan, standing)


def test_a_price_that_is_not_ours_gives_nothing(app: Flask, owner: Person) -> None:
    subscription_row(app, owner, "active", plan=None)
    with app.app_context(), transaction():
        entitlements.settle(owner.tenant, Cause("rule", "tests"))
    assert plan_of(app, owner)[0] == "free"


def test_settling_again_changes_nothing_and_adds_no_row(app: Flask, owner: Person) -> None:
    subscription_row(app, owner, "active")
    done = []
    for _ in range(3):
        with app.app_context(), transaction():
            done.append(entitlements.settle(owner.tenant, Cause("rule", "tests")))
    assert done == [True, False, False]
    assert len(changes(app, owner)) == 2


def test_settling_at_the_same_moment_adds_one_row(app: Flask, owner: Person) -> None:
    subscription_row(app, owner, "active")

    def settle() -> bool:
        with app.app_context(), transaction():
            return entitlements.settle(owner.tenant, Cause("rule", "tests"))

    assert sorted(together(*[settle] * 4)) == [False, False, False, True]
    assert len(changes(app, owner)) == 2


def test_an_older_answer_does_not_replace_a_newer(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    ((id_,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    with app.app_context():
        with transaction():
            before = mirror.now()
        old = subscriptions.fetch(id_)
        stripe.shop.v1.subscriptions.cancel(id_)
        with transaction():
            after = mirror.now()
        new = subscriptions.fetch(id_)
        with transaction():
            mirror.store(owner.tenant, new, after)
            mirror.store(owner.tenant, old, before)
            assert status_of(owner) == "canceled"
        with transaction():  # the control: in the order in which they were asked
            mirror.store(owner.tenant, old, after + timedelta(seconds=1))
            assert status_of(owner) == "active"


def test_a_subscription_never_moves_to_another_tenant(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    ((id_,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    with app.app_context():
        found = subscriptions.fetch(id_)
        with transaction():
            mirror.store(stranger.tenant, found, mirror.now())
            assert mirror.subscription_of(stranger.tenant) is None
            assert mirror.subscription_of(owner.tenant) is not None


# A plan for nothing


def test_a_grant_goes_before_what_is_paid_and_ends(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    with app.app_context(), transaction():
        grants.grant(owner.tenant, "scale", None, **WHO)
    assert plan_of(app, owner)[0] == "scale"
    assert "Given to you" in words(owner.open("/billing"))
    change = changes(app, owner)[-1]
    assert (change.cause, change.source, change.rule, change.reason) == (
        "person", "user:admin", "grant", "They found a bug.",
    )  # fmt: skip
    with app.app_context(), transaction():
        grants.end_grant(owner.tenant, **WHO)
    assert plan_of(app, owner)[0] == "starter"
    with app.app_context(), pytest.raises(NoGrant):
        grants.end_grant(owner.tenant, **WHO)


def test_a_grant_is_over_when_its_time_is(app: Flask, owner: Person) -> None:
    with app.app_context(), transaction():
        grants.grant(owner.tenant, "growth", datetime.now(UTC) + timedelta(hours=1), **WHO)
    hurry(app, "billing.settle")
    work(app)
    assert plan_of(app, owner)[0] == "growth"  # the control: it is not over yet
    sql(app, "UPDATE platform.grants SET until = now() - interval '1 second' WHERE tenant = :t", t=owner.tenant)
    with app.app_context(), transaction():
        entitlements.settle(owner.tenant, Cause("rule", "grant-over"))
    assert plan_of(app, owner)[0] == "free"
    assert [change.source for change in changes(app, owner)] == ["sign-up", "user:admin", "grant-over"]


def test_a_grant_wakes_a_job_at_its_end(app: Flask, owner: Person) -> None:
    until = datetime.now(UTC) + timedelta(days=30)
    with app.app_context(), transaction():
        grants.grant(owner.tenant, "growth", until, **WHO)
    ((run_at,),) = sql(
        app, "SELECT run_at FROM platform.jobs WHERE name = 'billing.settle' AND args->>0 = :t", t=owner.tenant
    )
    assert timedelta(0) < run_at - until < timedelta(seconds=5)


def test_another_grant_takes_the_place_of_the_first(app: Flask, owner: Person) -> None:
    for plan in ("starter", "scale"):
        with app.app_context(), transaction():
            grants.grant(owner.tenant, plan, None, **WHO)
    assert plan_of(app, owner)[0] == "scale"
    rows = sql(app, "SELECT plan, ended_at FROM platform.grants WHERE tenant = :t ORDER BY id", t=owner.tenant)
    assert [(row.plan, row.ended_at is None) for row in rows] == [("starter", False), ("scale", True)]


def test_a_grant_of_an_unknown_plan_or_of_the_past_is_refused(app: Flask, owner: Person) -> None:
    with app.app_context(), pytest.raises(UnknownPlan):
        grants.grant(owner.tenant, "gold", None, **WHO)
    with app.app_context(), pytest.raises(BadUntil):
        grants.grant(owner.tenant, "scale", datetime.now(UTC) - timedelta(days=1), **WHO)
    assert len(changes(app, owner)) == 1


# Once a day


def test_what_no_event_told_is_found_once_a_day(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    ((id_,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.subscriptions.cancel(id_)
    stripe.events()  # lost
    assert plan_of(app, owner)[0] == "starter"
    with app.app_context():
        with transaction():
            wanted = reconcile.whom(owner.tenant)
        assert wanted
        looked = reconcile.ask(wanted)
        with transaction():
            assert reconcile.keep(owner.tenant, looked)
        with transaction():
            assert not reconcile.keep(owner.tenant, looked)
    assert plan_of(app, owner)[0] == "free"
    assert changes(app, owner)[-1].source == "reconcile"


def test_who_pays_is_not_taken_back_though_unconfirmed(app: Flask, owner: Person, stripe: Stripe) -> None:
    from tenants import reclaim

    pay(choose(owner))
    stripe.deliver(owner.browser)
    sql(app, "UPDATE platform.tenants SET opened_at = now() - interval '100 hours' WHERE id = :t", t=owner.tenant)
    with app.app_context():
        reclaim.reclaim()
    assert plan_of(app, owner)[0] == "starter"
    sql(app, "UPDATE platform.tenants SET plan = 'free' WHERE id = :t", t=owner.tenant)
    with app.app_context():
        reclaim.reclaim()
    assert sql(app, "SELECT 1 FROM platform.tenants WHERE id = :t", t=owner.tenant) == []  # the control


def status_of(owner: Person) -> str:
    found = mirror.subscription_of(owner.tenant)
    assert found
    return found.status


def subscription_row(app: Flask, owner: Person, status: str, plan: str | None = "growth") -> None:
    sql(
        app,
        "INSERT INTO platform.subscriptions (id, tenant, status, plan, interval, item, amount, currency, livemode,"
        " started_at, fetched_at, version)"
        " VALUES (:id, :t, :status, :plan, 'month', 'si_x', 1, 'usd', false, now(), now(), 1)",
        id=f"sub_{owner.tenant}",
        t=owner.tenant,
        status=status,
        plan=plan,
    )
