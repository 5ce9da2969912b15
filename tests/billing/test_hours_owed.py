"""Whose hours are to be told: nobody's wait for those whom Stripe refuses, or no longer knows."""

from collections.abc import Iterable
from datetime import timedelta

from flask import Flask

from billing.metering import reporting
from billing.mirrored import mirror
from billing.models import Customer, Subscription
from saas.core.database import db, transaction
from tenants.usage import hours, limits
from tests.support.database import browser, sql
from tests.support.people import Person, sign_up, unique

DAY = timedelta(days=1)
STUCK = 700  # hours, about as many as can be told still


def paying_for_calls(app: Flask, people: Iterable[Person]) -> None:
    """Since long ago, as rows."""
    with app.app_context(), transaction():
        now = mirror.now()
        for person in people:
            db.session.add(Customer(
                tenant=person.tenant, livemode=False, email=person.email, name="Ada", stripe_id=f"cus_{unique()}",
            ))  # fmt: skip
            db.session.add(Subscription(
                id=f"sub_{unique()}", tenant=person.tenant, status="active", plan="starter", version=1,
                interval="month", item="si_1", metered_item="si_2", amount=1_900, currency="usd", livemode=False,
                started_at=now - 90 * DAY, period_start=now - 20 * DAY, period_end=now + 10 * DAY, fetched_at=now,
            ))  # fmt: skip


def use(app: Flask, person: Person, count: int) -> None:
    """A call in each of so many hours that are over; the one for one hour is the youngest."""
    sql(
        app,
        "INSERT INTO platform.usage_hours (tenant, resource, hour, used) SELECT :t, 'api_calls',"
        " date_trunc('hour', now()) - n * interval '1 hour', 1 FROM generate_series(3, 2 + :n) n",
        t=person.tenant, n=count,
    )  # fmt: skip


def test_hours_that_stripe_refuses_hold_up_nobody_elses(app: Flask, owner: Person, stranger: Person) -> None:
    """Two whose hours stay untold have more of them than a third, whose are younger."""
    third = sign_up(app, browser(app))
    paying_for_calls(app, (owner, stranger, third))
    for person, count in ((owner, STUCK), (stranger, STUCK), (third, 1)):
        use(app, person, count)
    every = {owner.tenant, stranger.tenant, third.tenant}
    with app.app_context(), transaction():
        since = dict.fromkeys(every, mirror.now() - 34 * DAY)
        assert set(hours.owing(limits.API_CALLS, since)) == every
        assert set(reporting.charged()) >= every
    sql(app, "UPDATE platform.customers SET deleted_at = now() WHERE tenant = :t", t=owner.tenant)
    with app.app_context(), transaction():
        assert every & set(reporting.charged()) == {stranger.tenant, third.tenant}
        assert len(hours.owed(limits.API_CALLS, stranger.tenant, since[stranger.tenant])) == STUCK
    with app.app_context():
        assert reporting.report(owner.tenant) == 0  # nobody would hear it
