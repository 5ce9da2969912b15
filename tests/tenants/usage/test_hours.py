"""Flows by the hour: who may have them as CSV, and that each call is told once to whoever charges for it."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from saas.core.database import transaction
from tenants.usage import hours, limits, tasks
from tenants.usage.hours import Claim, Hour
from tenants.usage.limits import API_CALLS, USAGE_EXPORT
from tests.support.contexts import context
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.people import Person, allow
from tests.support.threads import together

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


def use(app: Flask, tenant: str, hour: datetime | timedelta, used: int, resource: str = "api_calls") -> None:
    """Write down `used` more calls in an hour, or in that which began so long before the present one."""
    began = hour if isinstance(hour, datetime) else None
    sql(
        app,
        "INSERT INTO platform.usage_hours (tenant, resource, hour, used)"
        " VALUES (:t, :r, coalesce(:at, date_trunc('hour', now(), 'UTC') - CAST(:ago AS interval)), :n)"
        " ON CONFLICT (tenant, resource, hour) DO UPDATE SET used = usage_hours.used + :n",
        t=tenant,
        r=resource,
        at=began,
        ago=hour if isinstance(hour, timedelta) else timedelta(),
        n=used,
    )


def claimed(app: Flask, tenant: str, hour: datetime = NINE) -> Claim | None:
    with app.app_context():
        return hours.claim(Hour(tenant, API_CALLS.name, hour))


def finish(app: Flask, claim: Claim) -> None:
    with app.app_context(), transaction():
        hours.sent(claim)


def left_open(app: Flask, tenant: str) -> None:
    """As when the process that claimed it has died some time ago."""
    sql(app, "UPDATE platform.usage_hours SET sending_at = now() - interval '1 hour' WHERE tenant = :t", t=tenant)


def test_a_time_takes_the_hours_that_began_in_it(app: Flask, owner: Person, stranger: Person) -> None:
    for hour in range(4):
        use(app, owner.tenant, NINE + hour * hours.HOUR, 10**hour)
    use(app, owner.tenant, NINE, 7, resource="another")
    use(app, stranger.tenant, NINE, 7)
    for bound in (None, owner.tenant):
        with context(app, bound):
            assert hours.total(owner.tenant, API_CALLS, NINE + hours.HOUR, NINE + 3 * hours.HOUR) == 110
            assert hours.total(owner.tenant, API_CALLS, LONG_AGO, LONG_AGO + hours.HOUR) == 0


def test_hours_are_owed_that_are_over_and_not_told_in_full(app: Flask, owner: Person, stranger: Person) -> None:
    for hour in range(3):
        use(app, owner.tenant, NINE + hour * hours.HOUR, 5)
        use(app, stranger.tenant, NINE + hour * hours.HOUR, 5)
    use(app, owner.tenant, timedelta(), 5)  # the hour that runs
    first = claimed(app, owner.tenant)
    assert first
    finish(app, first)
    with app.app_context():
        late = NINE + timedelta(hours=2, minutes=30)
        assert [hour.hour for hour in hours.owed(API_CALLS, owner.tenant, LONG_AGO)] == [
            NINE + hours.HOUR, NINE + 2 * hours.HOUR,
        ]  # fmt: skip
        assert [hour.hour for hour in hours.owed(API_CALLS, stranger.tenant, late)] == [NINE + 2 * hours.HOUR]
        both = {owner.tenant: LONG_AGO, stranger.tenant: late}
        assert hours.owing(API_CALLS, both) == sorted(both)
        assert hours.owing(API_CALLS, {owner.tenant: LONG_AGO, stranger.tenant: late + hours.HOUR}) == [owner.tenant]
        assert hours.owing(API_CALLS, {}) == []


def test_an_hour_is_claimed_by_one_of_many_at_once(app: Flask, owner: Person) -> None:
    use(app, owner.tenant, NINE, 5)
    got = together(*[lambda: claimed(app, owner.tenant)] * 8)
    assert [claim for claim in got if claim] == [Claim(Hour(owner.tenant, API_CALLS.name, NINE), 0, 5)]


def test_who_takes_over_tells_the_same_and_what_came_later_is_told_later(app: Flask, owner: Person) -> None:
    """Stripe counts an event once by its identifier, which is made of where it begins."""
    use(app, owner.tenant, NINE, 5)
    first = claimed(app, owner.tenant)
    use(app, owner.tenant, NINE, 3)
    left_open(app, owner.tenant)
    again = claimed(app, owner.tenant)
    assert first
    assert again == first
    for _ in range(2):  # both come back from it
        finish(app, first)
    rest = claimed(app, owner.tenant)
    assert rest
    assert (rest.begin, rest.end, rest.amount) == (5, 8, 3)
    finish(app, first)  # late
    finish(app, rest)
    assert claimed(app, owner.tenant) is None


def told(app: Flask, tenant: str, *, keeps: bool) -> int:
    """What a receiver that knows repeats by their identifier adds up, as claims are left open and calls come in."""
    known: dict[str, int] = {}
    use(app, tenant, NINE, 1)
    for turn in range(12):
        if claim := claimed(app, tenant):
            known.setdefault(f"{tenant}.{claim.begin}", claim.amount)
            if turn % 3 == 2:
                finish(app, claim)
        use(app, tenant, NINE, 1)
        left_open(app, tenant)
        if not keeps:
            sql(app, "UPDATE platform.usage_hours SET sending = NULL WHERE tenant = :t", t=tenant)
    while claim := claimed(app, tenant):
        known.setdefault(f"{tenant}.{claim.begin}", claim.amount)
        finish(app, claim)
    return sum(known.values())


def test_what_is_told_adds_up_to_what_was_used(app: Flask, owner: Person) -> None:
    assert told(app, owner.tenant, keeps=True) == 13


def test_control_without_the_amount_that_is_kept_calls_are_lost(app: Flask, owner: Person) -> None:
    assert told(app, owner.tenant, keeps=False) < 13


def test_who_begins_to_be_charged_is_not_charged_for_what_was_before(app: Flask, owner: Person) -> None:
    use(app, owner.tenant, NINE, 5)
    with app.app_context(), transaction():
        hours.waive(owner.tenant, API_CALLS)
    assert claimed(app, owner.tenant) is None
    use(app, owner.tenant, NINE, 2)
    claim = claimed(app, owner.tenant)
    assert claim
    assert claim.amount == 2


def test_hours_are_kept_for_four_hundred_days(app: Flask, owner: Person) -> None:
    for days in (1, 399, 401):
        use(app, owner.tenant, timedelta(days=days), days)
    with app.app_context(), transaction():
        tasks.sweep.effect()
    rows = sql(app, "SELECT used FROM platform.usage_hours WHERE tenant = :t", t=owner.tenant)
    assert Counter(row.used for row in rows) == Counter([1, 399])


def test_who_has_the_feature_downloads_the_hours(app: Flask, owner: Person, stranger: Person) -> None:
    use(app, stranger.tenant, NINE, 7)
    use(app, owner.tenant, NINE + hours.HOUR, 12)
    use(app, owner.tenant, NINE, 1_000)
    assert "Download as CSV" in words(owner.open("/usage"))
    answer = owner.browser.request("GET", f"{owner.home}/usage/hours.csv")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert f'filename="{owner.address}-usage.csv"' in answer.headers["Content-Disposition"]
    rows = [row for row in csv.reader(io.StringIO(answer.text)) if row[0].startswith(("hour", "2026-03"))]
    assert rows == [
        ["hour", "resource", "used"],
        ["2026-03-04T09:00Z", "api_calls", "1000"],
        ["2026-03-04T10:00Z", "api_calls", "12"],
    ]


@pytest.mark.parametrize("allowed", [{}, {"usage_export": 0}], ids=["not named", "zero"])
def test_whose_plan_lacks_it_is_told_so_and_where_to_look(
    app: Flask, owner: Person, allowed: dict[str, int | None]
) -> None:
    use(app, owner.tenant, NINE, 5)
    allow(app, owner.tenant, **{"usage_export": 0} if allowed else {})
    if not allowed:
        sql(app, "UPDATE platform.tenants SET limits = '{}' WHERE id = :t", t=owner.tenant)
    page = words(owner.open("/usage"))
    assert "Download as CSV" not in page
    assert "can be had as CSV in larger plans" in page
    assert "Usage as CSV 0" not in page, "a feature is not used up"
    refusal = owner.open("/usage/hours.csv")
    assert (refusal.status, heading(refusal)) == (402, "The plan does not have this")
    assert "Usage as CSV: your plan does not have it." in words(refusal)
    assert "/billing" in refusal.text


@pytest.mark.parametrize(("given", "has"), [([], False), ([0], False), ([1], True), ([None], True)])
def test_a_feature_is_had_or_not(given: list[int | None], has: bool) -> None:
    assert limits.has(dict.fromkeys([USAGE_EXPORT.name] * len(given), *given), USAGE_EXPORT) is has


def test_limits_are_listed_by_their_kind() -> None:
    assert USAGE_EXPORT in limits.of_kind("feature")
    assert {limit.kind for limit in limits.of_kind("stock", "flow")} == {"stock", "flow"}
