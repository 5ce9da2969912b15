"""Stripe is away for hours, or a worker knows less than it should: what was to be done is done afterwards."""

from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import tasks
from billing.errors import StripeAway
from billing.inbox import kinds
from billing.plans import catalog
from saas.core.database import db, transaction
from saas.core.jobs import enqueue, registry, rows
from tests.support.clocks import FAILS, clocked
from tests.support.database import sql
from tests.support.payments import Stripe, choose, hurry, pay, plan_of, subscribe, work
from tests.support.people import Person

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MANY = 20  # tries, by which about ten hours have passed
NEEDED = ["billing.handle", "billing.follow", "billing.dun", "billing.settle", "billing.check_trial"]


@pytest.mark.parametrize("name", NEEDED)
def test_what_nothing_else_would_make_up_for_is_tried_for_three_days(app: Flask, name: str) -> None:
    job = registry.get(name)
    tries = sa.func.generate_series(1, job.max_tries - 1).column_valued()
    waits = rows.again(tries, job.backoff.first, job.backoff.most) - sa.func.now()
    with app.app_context(), transaction():
        lasts = db.session.scalars(sa.select(sa.func.sum(waits))).one()
    assert 70 * HOUR < lasts < 76 * HOUR


def test_an_event_whose_job_has_failed_for_hours_is_handled_when_stripe_is_back(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(choose(owner))
    (event,) = [one for one in stripe.events() if one["type"] == "customer.subscription.created"]
    assert stripe.send(owner.browser, event).status_code == 200
    with monkeypatch.context() as away:
        away.setattr(kinds, "fetch", is_away)
        for _ in range(MANY):
            hurry(app, "billing.handle")
            with suppress(StripeAway):
                work(app, "billing.handle")
    ((tries, state),) = sql(app, "SELECT tries, state FROM platform.jobs WHERE args->>0 = :e", e=event["id"])
    assert (tries, state, plan_of(app, owner)[0]) == (MANY, "waiting", "free")
    hurry(app, "billing.handle")
    work(app, "billing.handle")
    assert plan_of(app, owner)[0] == "starter"


def test_once_a_day_whoever_owes_is_looked_at_so_that_no_step_is_left_out(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe
) -> None:
    subscribe(stripe, stranger)
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner)
    clock.pays_with(FAILS)
    ((end,),) = sql(app, "SELECT period_end FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    clock.reach(end + 2 * HOUR)
    assert plan_of(app, owner)[2] == "past_due"
    sql(app, "DELETE FROM platform.jobs WHERE name = 'billing.dun'")
    clock.advance(end + 15 * DAY)
    stripe.events()
    with app.app_context(), transaction():
        tasks.reconcile_all.effect([])
    jobs = sql(app, "SELECT args->>0 AS tenant FROM platform.jobs WHERE name = 'billing.dun' AND state = 'waiting'")
    looked_at = {row.tenant for row in jobs}
    assert (owner.tenant in looked_at, stranger.tenant in looked_at) == (True, False)
    look(app, owner)
    assert plan_of(app, owner)[2] == "read_only"


def test_a_subscription_of_another_account_is_not_asked_for_over_and_over(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner)
    elsewhere = "UPDATE platform.subscriptions SET id = :id, status = 'past_due' WHERE tenant = :t"
    sql(app, elsewhere, id=f"sub_{owner.tenant}", t=owner.tenant)
    with app.app_context(), transaction():
        enqueue("billing.dun", args=(owner.tenant,))
    look(app, owner)
    assert ("done",) in sql(app, "SELECT state FROM platform.jobs WHERE name = 'billing.dun'")


def test_a_worker_that_does_not_know_a_plan_yet_looks_again_in_ten_minutes(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While two releases run, the older one may have the event of what the newer one sells."""
    real = catalog.find
    with monkeypatch.context() as older:
        older.setattr(catalog, "find", lambda code, version: None if code == "scale" else real(code, version))
        pay(choose(owner, "scale"))
        stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    waiting = "SELECT run_at - now() AS left FROM platform.jobs WHERE name = 'billing.dun' AND args->>0 = :t"
    (job,) = sql(app, waiting + " AND state = 'waiting'", t=owner.tenant)
    assert timedelta(minutes=9) < job.left <= timedelta(minutes=10)
    look(app, owner)
    assert plan_of(app, owner)[0] == "scale"


def look(app: Flask, owner: Person) -> None:
    """Do the owner's jobs now; those of other tests' people, whom Stripe may not know, never."""
    sql(app, "DELETE FROM platform.jobs WHERE name = 'billing.dun' AND args->>0 <> :t", t=owner.tenant)
    hurry(app, "billing.dun")
    work(app, "billing.dun")


def is_away(_what: kinds.About) -> kinds.Fetched:
    raise StripeAway
