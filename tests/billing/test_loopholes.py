"""What somebody could try so as to have more than is paid for, and how what is paid for could get lost."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import tasks
from billing.acting import changing
from billing.entitlement import entitlements, grants
from billing.entitlement.entitlements import Cause
from billing.gateway import parsing, products, subscriptions
from billing.inbox import reconcile
from billing.mirrored import mirror
from billing.pages import common
from billing.plans import catalog
from saas.core.database import db, transaction
from saas.core.ids import made_at, uuid7
from tenants.members.models import Role
from tests.billing.test_changing import change, overdue, subscription
from tests.support import database
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.payments import Stripe, choose, location, plan_of, submit, subscribe
from tests.support.people import Person, join

WHO = {"actor": "user:admin", "reason": "They found a bug."}


def at_stripe(app: Flask, owner: Person, stripe: Stripe) -> Any:
    return stripe.shop.v1.subscriptions.retrieve(subscription(app, owner))


def aged(key: str, age: timedelta) -> str:
    """The key of a form that was shown before, or that somebody made up for later."""
    bits = UUID(key).int
    moved = (bits >> 80) - int(age.total_seconds() * 1000)
    return str(UUID(int=moved << 80 | bits & (1 << 80) - 1))


# Forms that are sent again


def test_the_form_of_an_upgrade_that_was_taken_back_gives_nothing_when_sent_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    old = owner.open("/billing/choose?plan=scale")
    location(owner, old, "/billing/change")
    assert plan_of(app, owner)[0] == "scale"  # the control
    with app.app_context(), transaction():
        changing.change_plan(
            owner.tenant, catalog.price("starter", "month"), actor="user:admin", reason="Tests.", at_once=True
        )
    submit(owner, old, "/billing/change")  # Stripe answers as it did the first time
    assert at_stripe(app, owner, stripe)["items"].data[0].price.lookup_key == "freehold_starter_v1_month_usd"
    assert plan_of(app, owner)[0] == "starter"
    assert "had been sent before" in words(owner.open("/billing"))


def test_the_form_of_an_upgrade_sent_again_does_not_take_back_what_was_planned_since(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    old = owner.open("/billing/choose?plan=scale")
    location(owner, old, "/billing/change")
    change(owner, "starter")
    planned = at_stripe(app, owner, stripe).schedule
    assert planned  # the control
    submit(owner, old, "/billing/change")
    assert at_stripe(app, owner, stripe).schedule == planned


def test_the_form_of_a_cancellation_that_was_taken_back_pretends_nothing_when_sent_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    old = owner.open("/billing")
    location(owner, old, "/billing/cancel")
    assert "Ends on" in words(owner.open("/billing"))  # the control
    location(owner, owner.open("/billing"), "/billing/resume")
    submit(owner, old, "/billing/cancel")
    assert at_stripe(app, owner, stripe).cancel_at_period_end is False
    assert "Ends on" not in words(owner.open("/billing"))


@pytest.mark.parametrize(
    ("age", "status"),
    [(timedelta(hours=22), 303), (timedelta(hours=24), 409), (timedelta(hours=-1), 409), (None, 409)],
    ids=["of today", "older than Stripe's memory", "of the future", "made up"],
)
def test_a_form_is_good_for_a_day_and_its_key_can_not_be_made_up(
    app: Flask, owner: Person, stripe: Stripe, age: timedelta | None, status: int
) -> None:
    subscribe(stripe, owner, "starter")
    page = owner.open("/billing")
    key = page.form("/billing/cancel").fields["key"]
    before = sql(app, "SELECT id FROM platform.audit WHERE tenant = :t", t=owner.tenant)
    answer = submit(owner, page, "/billing/cancel", key=str(uuid4()) if age is None else aged(key, age))
    assert answer.status_code == status
    after = sql(app, "SELECT id FROM platform.audit WHERE tenant = :t", t=owner.tenant)
    assert (len(after) > len(before)) is (status == 303)
    assert ("Ends on" in words(owner.open("/billing"))) is (status == 303)


def test_a_key_tells_when_it_was_made() -> None:
    assert abs(made_at(uuid7()) - datetime.now(UTC)) < timedelta(minutes=1)
    assert made_at(UUID(int=2**128 - 1)) > datetime.now(UTC) + timedelta(days=365_000)


# Money that was never paid


def test_who_has_not_paid_gets_no_credit_for_it_by_changing_the_plan(app: Flask, owner: Person, stripe: Stripe) -> None:
    overdue(app, owner, stripe)
    assert "/billing/change" not in owner.open("/billing/choose?plan=scale").text  # it is not offered
    form = owner.open("/billing").form("/billing/cancel").fields | {"plan": "scale", "interval": "month"}
    answer = owner.browser.request(
        "POST", f"{owner.home}/billing/change", data=form, headers={"Origin": owner.home}
    )  # fmt: skip
    assert (answer.status_code, "Pay what is open first" in answer.text) == (409, True)
    found = at_stripe(app, owner, stripe)
    assert (found.status, stripe.shop.v1.customers.retrieve(found.customer).balance) == ("past_due", 0)


@pytest.mark.parametrize(
    ("status", "due", "answered"), [("draft", 1_900, 409), ("open", 1_900, 409), ("open", 0, 303), ("void", 1_900, 303)]
)
def test_a_renewal_that_is_not_paid_yet_is_no_credit_either(
    app: Flask, owner: Person, stripe: Stripe, status: str, due: int, answered: int
) -> None:
    subscribe(stripe, owner, "starter")
    page = owner.open("/billing/choose?plan=scale")
    sql(
        app,
        "INSERT INTO platform.invoices SELECT 'in_' || tenant, tenant, subscription, NULL, :status, currency, total,"
        " :due, 0, 0, 0, NULL, NULL, NULL, NULL, created_at + interval '1 month', fetched_at"
        " FROM platform.invoices WHERE tenant = :t",
        t=owner.tenant,
        status=status,
        due=due,
    )
    assert submit(owner, page, "/billing/change").status_code == answered
    assert plan_of(app, owner)[0] == ("scale" if answered == 303 else "starter")


def test_a_grant_ends_though_the_transaction_had_to_wait_before_it(app: Flask, owner: Person) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    with app.app_context(), transaction():
        db.session.execute(sa.text("SELECT pg_sleep(0.2)"))  # for the tenant's row, say
        grants.grant(owner.tenant, "growth", until, **WHO)
    query = "SELECT run_at FROM platform.jobs WHERE name = 'billing.settle' AND args->>0 = :t"
    ((run_at,),) = sql(app, query, t=owner.tenant)
    assert run_at - until == timedelta(seconds=1)


def test_to_a_live_key_what_was_bought_with_play_money_is_nothing(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner, "scale")
    with app.app_context(), transaction():
        assert not entitlements.settle(owner.tenant, Cause("rule", "tests"))  # the control
    monkeypatch.setattr(mirror, "livemode", lambda: True, raising=False)
    with app.app_context():
        with transaction():
            assert reconcile.whom(owner.tenant) is None
        looked = tasks._reconcile(uuid7(), owner.tenant)
        assert looked is None  # Stripe is not asked about a customer that this key does not know
        with transaction():
            tasks.reconcile_one.effect(owner.tenant, looked)
    assert plan_of(app, owner)[0] == "free"
    page = owner.open("/billing/choose?plan=starter")
    assert page.form("/billing/checkout")


# Money that is paid


def test_an_answer_that_a_job_got_before_the_deed_does_not_hide_it(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job asks after the intent, the deed is done, and both answers are stored."""
    subscribe(stripe, owner, "starter")
    page, real = owner.open("/billing/choose?plan=scale"), subscriptions.change

    def late(id_: str, *wanted: Any, **options: Any) -> None:
        before = subscriptions.fetch(id_)
        with app.app_context(), transaction():
            mirror.store(owner.tenant, before, mirror.now())
        real(id_, *wanted, **options)

    monkeypatch.setattr(subscriptions, "change", late)
    location(owner, page, "/billing/change")
    assert plan_of(app, owner)[0] == "scale"
    assert "You are on Scale from now on." in words(owner.open("/billing"))


def test_who_pays_a_price_that_was_replaced_keeps_the_plan(app: Flask, owner: Person, stripe: Stripe) -> None:
    """The price has lost its lookup key to the one that replaced it."""
    subscribe(stripe, owner, "starter", "year")
    found = at_stripe(app, owner, stripe)
    found["items"].data[0].price.lookup_key = None
    with app.app_context(), transaction():
        mirror.store(owner.tenant, parsing.subscription(found), mirror.now())
        entitlements.settle(owner.tenant, Cause("rule", "tests"))
    assert plan_of(app, owner)[0] == "starter"


# What others may see, and what it costs


def test_who_may_only_read_gets_no_link_to_the_payment(app: Flask, owner: Person, stripe: Stripe) -> None:
    url = choose(owner)
    ((id_,),) = sql(app, "SELECT id FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    mate = join(app, owner, database.browser(app), Role.ADMIN)
    for path in (f"/billing/return?checkout={id_}", f"/billing/return?checkout={id_}&cancelled=1"):
        assert url in owner.open(path).text.replace("&amp;", "&")  # the control
        assert (mate.open(path).status, url in mate.open(path).text.replace("&amp;", "&")) == (200, False)


def test_a_catalogue_that_never_came_to_stripe_is_not_the_visitors_fault(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = owner.open("/billing/choose?plan=starter")
    monkeypatch.setattr(products, "find", lambda _keys: {})
    answer = submit(owner, page, "/billing/checkout")
    assert (answer.status_code, "Payments are not set up" in answer.text) == (503, True)
    monkeypatch.undo()
    assert submit(owner, page, "/billing/checkout").status_code == 303


def test_a_payment_that_this_key_does_not_know_keeps_nobody_from_paying(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    """It was opened in the other mode, or with the stand-in."""
    choose(owner)
    sql(app, "UPDATE platform.checkouts SET session_id = 'cs_' || id WHERE tenant = :t", t=owner.tenant)
    subscribe(stripe, owner, "scale")
    assert plan_of(app, owner)[0] == "scale"


def test_one_workspace_can_not_use_up_what_stripe_allows_us(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "A_MINUTE", 2)
    choices = [owner.open(f"/billing/choose?plan={plan}") for plan in ("starter", "growth", "scale")]
    answers = [submit(owner, page, "/billing/checkout").status_code for page in choices * 2]  # in two minutes at most
    assert set(answers) == {303, 429}
    assert choose(stranger)  # the control: it is theirs alone
    monkeypatch.setattr(common, "A_MINUTE", 30)
    subscribe(stripe, owner, "starter")
    asked = owner.open("/billing/choose?plan=scale")
    monkeypatch.setattr(common, "A_MINUTE", 0)
    stripe.forget_calls()
    again = owner.open("/billing/choose?plan=scale")
    assert ("It can't be told just now" in words(asked), "It can't be told just now" in words(again)) == (False, True)
    assert stripe.calls("post") == {}


def test_the_page_of_an_old_payment_does_not_say_that_its_plan_holds(app: Flask, owner: Person, stripe: Stripe) -> None:
    back = subscribe(stripe, owner, "starter")
    assert heading(owner.browser.open(back)) == "You are on Starter"  # the control
    change(owner, "scale")
    assert heading(owner.browser.open(back)) == "This payment is done"
