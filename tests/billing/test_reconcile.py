"""Stripe is compared with what is written down here: what differs is told, mended where it can be, and costs few calls.

Other tests leave drift in the same database, since they lose events, so that each looks at tenants of its own.
"""

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from billing import tasks
from billing.gateway import bulk
from billing.inbox import reconcile
from billing.inbox.comparing import Drift
from billing.mirrored import flags, mirror
from saas.cli import context, main
from saas.core.database import transaction
from saas.core.ids import uuid7
from saas.core.settings import Settings
from tests.billing.test_inbox import customer, raised, row
from tests.billing.test_metering import agree
from tests.support.clocks import clocked
from tests.support.database import sql
from tests.support.payments import Stripe, hurry, location, plan_of, subscribe, work
from tests.support.people import Person

OF_TENANT = "SELECT id FROM platform.subscriptions WHERE tenant = :t"


@pytest.fixture
def command(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`saas billing …`, in this process."""
    monkeypatch.setattr(context, "load", lambda **_changes: settings)

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(main, ["billing", *arguments], obj=lambda _settings: app)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return done

    return run


def compared(app: Flask) -> list[Drift]:
    """As the daily job does."""
    with app.app_context():
        return tasks._compare(uuid7())


def lose_a_cancellation(app: Flask, owner: Person, stripe: Stripe) -> None:
    stripe.shop.v1.subscriptions.cancel(row(app, owner, "subscriptions", "id"))
    stripe.events()


def test_where_nothing_differs_that_is_said(owner: Person, stripe: Stripe, command: Any) -> None:
    subscribe(stripe, owner)
    done = command("reconcile", owner.address)
    assert (done.exit_code, done.output) == (0, "Nothing differs from Stripe.\n")


def test_what_differs_is_a_table_and_an_exit_status_and_nothing_is_changed(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    subscribe(stripe, owner)
    lose_a_cancellation(app, owner, stripe)
    done = command("reconcile", owner.tenant)
    assert done.exit_code == 1
    heading, *lines, end = [line.split() for line in done.output.splitlines()]
    assert heading == ["tenant", "object", "field", "here", "at", "Stripe"]
    assert [owner.tenant, row(app, owner, "subscriptions", "id"), "status", "active", "ended"] in lines
    assert {line[0] for line in lines} == {owner.tenant}
    assert end[1:3] == ["fields", "differ."]
    assert plan_of(app, owner)[0] == "starter"


def test_what_differs_is_mended_and_the_row_says_by_what(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    subscribe(stripe, owner)
    lose_a_cancellation(app, owner, stripe)
    done = command("reconcile", owner.tenant, "--fix")
    assert (done.exit_code, "All of it is mended" in done.output) == (0, True)
    assert plan_of(app, owner)[0] == "free"
    last = sql(
        app, "SELECT cause, source FROM platform.access_changes WHERE tenant = :t ORDER BY id DESC LIMIT 1",
        t=owner.tenant,
    )  # fmt: skip
    assert last == [("rule", "reconcile")]
    again = command("reconcile", owner.tenant, "--json")
    assert (again.exit_code, json.loads(again.output)) == (0, {"drift": [], "left": []})


def test_a_changed_card_and_credit_are_found(app: Flask, owner: Person, stripe: Stripe, command: Any) -> None:
    subscribe(stripe, owner)
    stripe.shop.v1.customers.update(customer(app, owner), {"balance": -300})
    stripe.events()
    sql(app, "UPDATE platform.customers SET card_last4 = '0000' WHERE tenant = :t", t=owner.tenant)
    told = json.loads(command("reconcile", owner.tenant, "--json").output)["drift"]
    assert [(one["field"], one["here"], one["there"]) for one in told] == [
        ("balance", "0", "-300"), ("card_last4", "0000", "4242"),
    ]  # fmt: skip
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert row(app, owner, "customers", "balance", "card_last4") == (-300, "4242")


def test_a_subscription_that_no_event_told_of_is_found(app: Flask, owner: Person, stripe: Stripe, command: Any) -> None:
    subscribe(stripe, owner, "scale")
    sql(app, "DELETE FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    sql(app, "UPDATE platform.tenants SET plan = 'free', limits = '{}' WHERE id = :t", t=owner.tenant)
    assert " exists " in command("reconcile", owner.tenant).output
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert plan_of(app, owner)[0] == "scale"


def test_a_subscription_that_stripe_does_not_have_ends(app: Flask, owner: Person, stripe: Stripe, command: Any) -> None:
    subscribe(stripe, owner)
    lose_a_cancellation(app, owner, stripe)
    sql(app, "UPDATE platform.subscriptions SET id = 'sub_' || tenant WHERE tenant = :t", t=owner.tenant)
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    rows = sql(app, "SELECT status, ended_at IS NOT NULL FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    assert {tuple(one) for one in rows} == {("canceled", True)}
    assert plan_of(app, owner)[0] == "free"


def test_who_is_named_is_asked_about_though_nothing_differs_in_the_lists(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    """An older invoice of which no event came is in none of them."""
    subscribe(stripe, owner)
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    stripe.deliver(owner.browser)
    first = "SELECT id FROM platform.invoices WHERE tenant = :t ORDER BY created_at, number LIMIT 1"
    sql(app, f"DELETE FROM platform.invoices WHERE id = ({first})", t=owner.tenant)
    assert command("reconcile", owner.tenant).exit_code == 0
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert sql(app, "SELECT count(*) FROM platform.invoices WHERE tenant = :t", t=owner.tenant) == [(2,)]


def test_a_customer_that_is_gone_at_stripe_is_marked_and_an_admin_told(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    subscribe(stripe, owner)
    stripe.shop.v1.customers.delete(customer(app, owner))
    stripe.events()
    assert command("reconcile", owner.tenant).exit_code == 1
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert row(app, owner, "customers", "deleted_at IS NOT NULL")
    assert (plan_of(app, owner)[0], raised(app, owner)) == ("free", ["customer-deleted"])


def test_a_customer_that_the_key_has_never_known_loses_nothing(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    """As with the key of another account."""
    subscribe(stripe, owner)
    sql(app, "UPDATE platform.customers SET stripe_id = 'cus_' || tenant WHERE tenant = :t", t=owner.tenant)
    done = command("reconcile", owner.tenant, "--fix")
    assert (done.exit_code, "this key does not know its customer" in done.output + done.stderr) == (1, True)
    assert plan_of(app, owner)[0] == "starter"


def test_two_subscriptions_that_charge_one_customer_are_flagged_once(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    subscribe(stripe, owner)
    again = stripe.shop.v1.subscriptions.create(
        {
            "customer": customer(app, owner),
            "items": [{"price": stripe.shop.price().id}],
            "default_payment_method": stripe.shop.v1.customers.payment_methods.list(customer(app, owner)).data[0].id,
        }
    )
    stripe.deliver(owner.browser)
    assert raised(app, owner) == []
    told = command("reconcile", owner.tenant).output
    both = {again.id, *(one.id for one in sql(app, OF_TENANT, t=owner.tenant))}
    assert any(f"{id_}  live   one   2 of" in told for id_ in both)  # which of two that were made in one second
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert raised(app, owner) == ["two-subscriptions"]
    assert command("reconcile", owner.tenant).exit_code == 0


def test_a_subscription_in_our_name_of_somebody_elses_customer_is_flagged(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    made = stripe.shop.subscription(metadata={"tenant": owner.tenant})
    stripe.shop.subscription(metadata={"tenant": "t_of_another_site"})  # the control
    assert f"{made.id}  customer" in command("reconcile", owner.tenant).output
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert raised(app, owner) == ["stray"]
    assert plan_of(app, owner)[0] == "free"
    with app.app_context(), transaction():
        assert flags.open_of("t_of_another_site") == []


def test_an_invoice_that_was_paid_without_an_event_is_found_and_mended(
    app: Flask, owner: Person, stripe: Stripe, command: Any
) -> None:
    """For an hour after a renewal one with use is a draft: whoever loses what comes then would owe for ever."""
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner)
    agree(owner, "10")
    ((end,),) = sql(app, "SELECT period_end FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    clock.reach(end + timedelta(minutes=5))
    clock.advance(end + timedelta(hours=3))
    assert "invoice.paid" in {event["type"] for event in stripe.events()}
    newest = stripe.shop.v1.invoices.list({"customer": clock.customer}).data[0].id
    told = json.loads(command("reconcile", owner.tenant, "--json").output)["drift"]
    of_it = {(one["field"], one["here"], one["there"]) for one in told if one["object"] == newest}
    assert of_it >= {("status", "draft", "paid"), ("due", "1900", "0"), ("paid", "0", "1900")}
    assert [one.tenant for one in compared(app) if one.object == newest] == [owner.tenant] * len(of_it)
    assert "/billing/change" not in owner.open("/billing/choose?plan=growth&interval=month").text  # as if it were owed
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert command("reconcile", owner.tenant).exit_code == 0
    location(owner, owner.open("/billing/choose?plan=growth&interval=month"), "/billing/change")


def test_a_refund_and_a_dispute_that_no_event_told_of_are_found_and_mended(
    app: Flask, owner: Person, stripe: Stripe, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list of invoices tells either, however old the invoice."""
    monkeypatch.setattr(reconcile, "_YOUNG", 0)
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner)
    clock.pays_with("pm_card_createDispute")
    clock.wait(days=32)
    newer, older = sql(
        app, "SELECT id, payment FROM platform.invoices WHERE tenant = :t ORDER BY created_at DESC", t=owner.tenant
    )
    forget = "WITH gone AS (DELETE FROM platform.billing_flags WHERE tenant = :t)"
    sql(app, f"{forget} UPDATE platform.invoices SET disputed = false WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.refunds.create({"payment_intent": older.payment, "amount": 700})
    assert "refund.created" in {event["type"] for event in stripe.events()}
    told = json.loads(command("reconcile", owner.tenant, "--json").output)["drift"]
    assert {tuple(one.values()) for one in told} == {
        (owner.tenant, older.id, "refunded", "0", "700"), (owner.tenant, newer.id, "disputed", "False", "True"),
    }  # fmt: skip
    assert owner.tenant in {one.tenant for one in compared(app)}
    assert command("reconcile", owner.tenant, "--fix").exit_code == 0
    assert sorted(raised(app, owner)) == ["dispute", "refund"]
    assert command("reconcile", owner.tenant).exit_code == 0


def test_what_was_fetched_after_the_list_is_no_drift(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    with app.app_context():
        with transaction():
            asked_at = mirror.now()
        listed = reconcile.list_all(asked_at)
        stripe.shop.v1.subscriptions.cancel(row(app, owner, "subscriptions", "id"))
        with transaction():
            assert reconcile.compare(listed, owner.tenant) == []
        stripe.deliver(owner.browser)
        with transaction():
            assert reconcile.compare(listed, owner.tenant) == []
        sql(
            app, "UPDATE platform.subscriptions SET fetched_at = :at - interval '1 s' WHERE tenant = :t",
            at=asked_at, t=owner.tenant,
        )  # fmt: skip
        with transaction():  # the control
            assert [one.field for one in reconcile.compare(listed, owner.tenant)][:1] != []


def test_a_day_looks_at_all_in_two_calls_a_hundred_and_asks_only_about_those_who_differ(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner)
    subscribe(stripe, stranger)
    lose_a_cancellation(app, owner, stripe)
    v1 = stripe.shop.v1
    customers = len(list(v1.customers.list({"limit": 100}).auto_paging_iter()))
    live = len(list(v1.subscriptions.list({"limit": 100}).auto_paging_iter()))
    stripe.forget_calls()
    with app.app_context():
        found = tasks._compare(uuid7())
        told = sum(stripe.calls("get").values())
        moved = [len(list(every.list({"limit": 100}).auto_paging_iter())) for every in (v1.refunds, v1.disputes)]
        assert told == calls(customers) + calls(live) + sum(calls(count) for count in moved)
        assert {one.tenant for one in found} >= {owner.tenant}
        assert stranger.tenant not in {one.tenant for one in found}
        with transaction():
            tasks.reconcile_all.effect(found)
    sql(app, "DELETE FROM platform.jobs WHERE name = 'billing.dun'")  # of other tests' people, whom Stripe may not know
    asked = sql(
        app, "SELECT args->>0 AS tenant FROM platform.jobs WHERE name = 'billing.reconcile' AND key IS NOT NULL"
    )
    tenants = {each.tenant for each in asked}
    assert owner.tenant in tenants
    assert stranger.tenant not in tenants
    hurry(app, "billing.reconcile")
    work(app, "billing.reconcile")
    assert plan_of(app, owner)[0] == "free"


def test_a_thousand_customers_who_pay_take_at_most_thirty_calls() -> None:
    """Even if for one in ten of them something was refunded within a week, and for as many something disputed."""
    assert calls(1_000) + calls(1_000) + calls(100) + calls(100) <= 30


def calls(count: int) -> int:
    """To list so many: one that finds nothing is a call too."""
    return max(math.ceil(count / bulk.A_CALL), 1)
