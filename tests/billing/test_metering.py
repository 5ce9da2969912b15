"""What is used beyond the included amount: charged as it was counted, each call once, and never beyond the cap."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from billing.entitlement import spending
from billing.errors import StripeAway
from billing.gateway import meters
from billing.metering import reporting, watching
from billing.mirrored import mirror
from billing.plans import catalog
from saas.core.database import transaction
from tests.support.clocks import Clocked, clocked_payer
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, plan_of, submit, work
from tests.support.people import Person, unique

INCLUDED = 200_000
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Starter by the month: 200,000 calls, then 40 cents for each 1,000."""
    return clocked_payer(app, stripe, owner)


def agree(owner: Person, cap: str = "50") -> None:
    location(owner, owner.open("/billing/usage"), "/billing/usage", cap=cap)


def use(app: Flask, owner: Person, calls: int, at: datetime) -> None:
    """So many calls were counted in the hour of a time."""
    sql(
        app,
        "INSERT INTO platform.usage_hours (tenant, resource, hour, used)"
        " VALUES (:t, 'api_calls', date_trunc('hour', CAST(:at AS timestamptz)), :n)"
        " ON CONFLICT (tenant, resource, hour) DO UPDATE SET used = platform.usage_hours.used + excluded.used",
        t=owner.tenant, at=at, n=calls,
    )  # fmt: skip


def period(app: Flask, owner: Person) -> tuple[datetime, datetime]:
    (row,) = sql(app, "SELECT period_start, period_end FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    return row.period_start, row.period_end


def report(app: Flask, owner: Person) -> int:
    with app.app_context():
        return reporting.report(owner.tenant)


def look(app: Flask, owner: Person) -> None:
    with app.app_context(), transaction():
        watching.look(owner.tenant)


def heard(owner: Person, clock: Clocked, stripe: Stripe) -> int:
    """How much Stripe has counted."""
    v1 = stripe.shop.v1
    (meter,) = [one for one in v1.billing.meters.list({}).data if one.event_name == "freehold_api_calls"]
    start = int(clock.now.timestamp()) // 86_400 * 86_400 - 40 * 86_400
    asked = {"customer": clock.customer, "start_time": start, "end_time": start + 90 * 86_400}
    return sum(int(one.aggregated_value) for one in v1.billing.meters.event_summaries.list(meter.id, asked).data)


def past(app: Flask, owner: Person) -> None:
    """Let the period have begun some hours ago, for the hours that the database's clock knows."""
    sql(
        app,
        "UPDATE platform.subscriptions SET period_start = period_start - interval '10 hours',"
        " started_at = started_at - interval '10 hours', metered_since = metered_since - interval '10 hours'"
        " WHERE tenant = :t",
        t=owner.tenant,
    )


def mails(app: Flask, owner: Person, word: str) -> int:
    ((count,),) = sql(
        app, 'SELECT count(*) FROM platform.mails WHERE "to" = :to AND subject LIKE :word',
        to=owner.email, word=f"%{word}%",
    )  # fmt: skip
    return int(count)


def test_calls_end_at_what_is_included_until_somebody_agrees_to_pay_for_more(
    app: Flask, owner: Person, clock: Clocked
) -> None:
    assert plan_of(app, owner)[1]["api_calls"] == INCLUDED
    shown = words(owner.open("/billing/usage"))
    assert "200,000 calls a month" in shown
    assert "$0.40 for each 1,000" in shown
    agree(owner, "25")
    assert plan_of(app, owner)[1]["api_calls"] is None
    assert "$0.00 of at most $25.00" in words(owner.open("/billing/usage"))


@pytest.mark.parametrize("cap", ["", "-1", "ten", "1.234", "99999999999", "1e9"])
def test_a_cap_that_is_no_amount_is_refused(owner: Person, stripe: Stripe, clock: Clocked, cap: str) -> None:
    page = owner.open("/billing/usage")
    stripe.forget_calls()
    assert submit(owner, page, "/billing/usage", cap=cap).status_code == 422
    assert stripe.calls("post") == {}


def test_at_the_cap_calls_end_and_go_on_when_it_is_raised_or_the_next_period_begins(
    app: Flask, owner: Person, clock: Clocked
) -> None:
    agree(owner, "4")
    begin, end = period(app, owner)
    use(app, owner, INCLUDED + 9_980, begin + HOUR)
    look(app, owner)
    assert plan_of(app, owner)[1]["api_calls"] is None
    use(app, owner, 20, begin + 2 * HOUR)
    look(app, owner)
    assert plan_of(app, owner)[1]["api_calls"] == 0
    (row,) = sql(app, "SELECT cause, source, rule FROM platform.access_changes WHERE tenant = :t"
                 " ORDER BY id DESC LIMIT 1", t=owner.tenant)  # fmt: skip
    assert tuple(row) == ("rule", "spending-cap", "subscription")
    assert "Calls are refused until" in words(owner.open("/billing/usage"))
    agree(owner, "5")
    assert plan_of(app, owner)[1]["api_calls"] is None
    agree(owner, "0")
    assert plan_of(app, owner)[1]["api_calls"] == 0
    clock.reach(end + 2 * HOUR)
    look(app, owner)
    assert plan_of(app, owner)[1]["api_calls"] is None


def test_what_was_counted_is_what_stripe_hears_and_charges_to_the_cent(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    agree(owner, "100")
    past(app, owner)
    for hours, calls in [(2, 150_000), (3, 60_000), (4, 12_345), (6, 1)]:
        use(app, owner, calls, clock.now - hours * HOUR)
    assert report(app, owner) == 4
    assert report(app, owner) == 0
    use(app, owner, 500, clock.now - 3 * HOUR)  # a flush that came late
    assert report(app, owner) == 1
    total = 150_000 + 60_000 + 12_345 + 1 + 500
    assert heard(owner, clock, stripe) == total
    with app.app_context(), transaction():
        found = mirror.live_subscription_of(owner.tenant)
        assert found
        spent = spending.of(found)
    assert spent
    assert (spent.used, spent.cost) == (total, round((total - INCLUDED) * 0.04))


def test_the_last_hours_of_a_period_and_of_a_subscription_are_told_after_their_end(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    agree(owner)
    past(app, owner)
    use(app, owner, 70, clock.now - 3 * HOUR)
    sql(app, "UPDATE platform.subscriptions SET period_start = now() WHERE tenant = :t", t=owner.tenant)
    assert report(app, owner) == 1
    use(app, owner, 7, clock.now - 4 * HOUR)
    ended = "UPDATE platform.subscriptions SET status = 'canceled', ended_at = now() - interval '{}' WHERE tenant = :t"
    sql(app, ended.format("2 days"), t=owner.tenant)
    assert report(app, owner) == 0
    sql(app, ended.format("1 hour"), t=owner.tenant)
    assert report(app, owner) == 1
    assert heard(owner, clock, stripe) == 77


@pytest.mark.parametrize("breaks", ["before", "after"])
def test_a_worker_that_dies_while_it_tells_loses_nothing_and_tells_nothing_twice(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    tell_and_break(app, owner, clock, monkeypatch, breaks)
    assert report(app, owner) == 2
    assert heard(owner, clock, stripe) == 1_000 + 234


def test_control_with_an_identifier_for_each_call_it_is_told_twice(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_and_break(app, owner, clock, monkeypatch, "after", lambda _claim: unique())
    report(app, owner)
    assert heard(owner, clock, stripe) > 1_000 + 234


def tell_and_break(
    app: Flask, owner: Person, clock: Clocked, monkeypatch: pytest.MonkeyPatch, breaks: str,
    identifier: Callable[[Any], str] | None = None,
) -> None:  # fmt: skip
    """Two hours are to be told; the worker dies at the first of them, and its claim is taken for given up."""
    agree(owner)
    past(app, owner)
    use(app, owner, 1_000, clock.now - 5 * HOUR)
    use(app, owner, 234, clock.now - 3 * HOUR)
    real = meters.report

    def dies(**options: Any) -> None:
        if breaks == "after":
            real(**options)
        raise StripeAway

    if identifier:
        monkeypatch.setattr(reporting, "identifier", identifier)
    with monkeypatch.context() as broken:
        broken.setattr(meters, "report", dies)
        with pytest.raises(StripeAway):
            report(app, owner)
    use(app, owner, 0, clock.now - 5 * HOUR)
    sql(app, "UPDATE platform.usage_hours SET sending_at = sending_at - interval '1 hour' WHERE tenant = :t",
        t=owner.tenant)  # fmt: skip


def test_who_nears_a_limit_is_told_once_at_80_and_once_at_100_percent(
    app: Flask, owner: Person, clock: Clocked
) -> None:
    def records(n: int) -> None:
        sql(app, "INSERT INTO platform.usage (tenant, resource, period, used) VALUES (:t, 'records', '', :n)"
            " ON CONFLICT (tenant, resource, period) DO UPDATE SET used = :n", t=owner.tenant, n=n)  # fmt: skip
        with app.app_context(), transaction():
            near = owner.tenant in watching.to_look_at()
        for _ in range(2 if near else 0):
            look(app, owner)

    for used, told in [(15_999, 0), (16_000, 1), (17_000, 1), (20_000, 2), (21_000, 2)]:
        records(used)
        assert mails(app, owner, "% of its records") == told, used


def test_the_next_period_and_the_year_include_as_much_as_they_say(
    app: Flask, owner: Person, stripe: Stripe, clock: Clocked
) -> None:
    location(owner, owner.open("/billing/choose?plan=starter&interval=year"), "/billing/change")
    agree(owner)
    assert "2,400,000 calls a year" in words(owner.open("/billing/usage"))
    (found,) = stripe.shop.v1.subscriptions.list({"customer": clock.customer}).data
    keys = {item.price.lookup_key for item in found["items"].data}
    assert keys == {"freehold_starter_v1_year_usd", "freehold_starter_v1_api_calls_year_usd"}
    location(owner, owner.open("/billing/choose?plan=growth&interval=year"), "/billing/change")
    (found,) = stripe.shop.v1.subscriptions.list({"customer": clock.customer}).data
    keys = {item.price.lookup_key for item in found["items"].data}
    assert keys == {"freehold_growth_v1_year_usd", "freehold_growth_v1_api_calls_year_usd"}


@pytest.mark.parametrize(
    ("units", "currency", "cost"),
    [(0, "usd", 0), (-5, "usd", 0), (1, "usd", 0), (12, "usd", 0), (13, "usd", 1), (1_000, "usd", 40),
     (1_000, "jpy", 60), (8, "jpy", 0), (9, "jpy", 1), (10**9, "usd", 40_000_000)],
)  # fmt: skip
def test_what_units_cost_is_rounded_once(units: int, currency: str, cost: int) -> None:
    assert spending.cost(catalog.plan("starter").overage["api_calls"], units, currency) == cost


def test_the_jobs_find_who_is_concerned(app: Flask, owner: Person, stranger: Person, clock: Clocked) -> None:
    agree(owner)
    past(app, owner)
    for person in (owner, stranger):  # who has agreed to nothing is not told of
        use(app, person, 10, clock.now - 3 * HOUR)
    with app.app_context(), transaction():
        assert owner.tenant in reporting.charged()
        assert stranger.tenant not in reporting.charged()
        assert stranger.tenant not in watching.to_look_at()
    work(app)
