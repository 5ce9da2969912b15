"""Another limit than the plan's: from an admin, with a reason, until an end, and told in sentences."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from billing.entitlement import overrides
from billing.errors import BadOverride, BadUntil, NoOverride
from billing.why import explaining
from saas.core.database import transaction
from tests.support.database import sql
from tests.support.payments import Stripe, hurry, location, plan_of, subscribe, work
from tests.support.people import Person
from tests.support.threads import together

WHO = {"actor": "user:admin", "reason": "They move house."}


def override(app: Flask, owner: Person, resource: str, value: Any, until: datetime | None = None) -> None:
    with app.app_context(), transaction():
        overrides.override(owner.tenant, resource, value, until, **WHO)


def limit(app: Flask, owner: Person, resource: str) -> int | None:
    return plan_of(app, owner)[1].get(resource, 0)


def audit(app: Flask, owner: Person) -> list[Any]:
    query = "SELECT action, detail FROM platform.audit WHERE tenant = :t AND actor = 'user:admin' ORDER BY id"
    return [(row.action, row.detail["before"], row.detail["after"]) for row in sql(app, query, t=owner.tenant)]


def told(app: Flask, owner: Person) -> str:
    with app.app_context(), transaction():
        found = explaining.explain(owner.tenant)
    return "\n".join([*(fact.text for fact in found.facts), *(one.text for one in found.history)])


@pytest.fixture
def starter(stripe: Stripe, owner: Person) -> Person:
    subscribe(stripe, owner, "starter")
    return owner


def test_it_holds_through_a_change_of_plan_and_its_end_brings_the_plan_s_back(app: Flask, starter: Person) -> None:
    override(app, starter, "records", 25)
    override(app, starter, "storage", None)
    assert (limit(app, starter, "records"), limit(app, starter, "storage")) == (25, None)
    location(starter, starter.open("/billing/choose?plan=growth"), "/billing/change")
    assert (limit(app, starter, "records"), limit(app, starter, "seats")) == (25, 20)
    assert "25, instead of the plan's 250,000: set by user:admin" in told(app, starter)
    with app.app_context(), transaction():
        overrides.end_override(starter.tenant, "records", **WHO)
    assert limit(app, starter, "records") == 250_000
    assert limit(app, starter, "storage") is None
    with app.app_context(), pytest.raises(NoOverride):
        overrides.end_override(starter.tenant, "records", **WHO)
    shown = {"resource": "records", "value": 25, "until": None}
    assert audit(app, starter) == [
        ("limit.overridden", None, shown),
        ("limit.overridden", None, {"resource": "storage", "value": None, "until": None}),
        ("limit.override_ended", shown, None),
    ]


def test_when_its_time_is_over_a_job_brings_the_plan_s_back_and_says_why(app: Flask, starter: Person) -> None:
    until = datetime.now(UTC) + timedelta(days=30)
    override(app, starter, "records", 25, until)
    ((run_at,),) = sql(
        app, "SELECT run_at FROM platform.jobs WHERE name = 'billing.settle' AND args->>0 = :t", t=starter.tenant
    )
    assert timedelta(0) < run_at - until < timedelta(seconds=5)
    hurry(app, "billing.settle")
    work(app)
    assert limit(app, starter, "records") == 25  # the control: it is not over yet
    override(app, starter, "records", 26, until)
    sql(app, "UPDATE platform.overrides SET until = now() - interval '1 second' WHERE tenant = :t", t=starter.tenant)
    hurry(app, "billing.settle")
    work(app)
    assert limit(app, starter, "records") == 20_000
    assert "the end of an override left it on Starter 1: records 26 → 20,000." in told(app, starter)
    with app.app_context(), pytest.raises(NoOverride):  # though its row is not closed
        overrides.end_override(starter.tenant, "records", **WHO)
    override(app, starter, "records", 27)
    assert audit(app, starter)[-1][1:] == (None, {"resource": "records", "value": 27, "until": None})


def test_a_feature_is_given_and_taken(app: Flask, starter: Person) -> None:
    assert starter.open("/usage.csv").status == 404 or limit(app, starter, "usage_export") == 0
    override(app, starter, "usage_export", 1)
    assert limit(app, starter, "usage_export") == 1
    assert "Yes, instead of the plan's no" in told(app, starter)
    override(app, starter, "usage_export", 0)
    assert limit(app, starter, "usage_export") == 0
    assert audit(app, starter)[-1][1]["value"] == 1


@pytest.mark.parametrize(
    ("resource", "value"),
    [
        ("rockets", 1), ("", 1), ("records", True), ("records", 1.0), ("records", "5"), ("records", -1),
        ("records", 2**53 + 1), ("usage_export", 2), ("usage_export", None),
    ],
)  # fmt: skip
def test_what_can_not_be_given_is_refused_and_changes_nothing(
    app: Flask, starter: Person, resource: str, value: Any
) -> None:
    before = plan_of(app, starter)
    with pytest.raises(BadOverride):
        override(app, starter, resource, value)
    assert (plan_of(app, starter), audit(app, starter)) == (before, [])


def test_an_end_that_has_passed_is_refused(app: Flask, starter: Person) -> None:
    override(app, starter, "records", 25)
    with pytest.raises(BadUntil):
        override(app, starter, "records", 26, datetime.now(UTC) - timedelta(seconds=1))
    assert limit(app, starter, "records") == 25


def test_of_two_admins_at_once_the_later_one_counts_and_both_are_told_of(app: Flask, starter: Person) -> None:
    together(*(lambda value=value: override(app, starter, "records", value) for value in (31, 32, 33)))
    rows = sql(
        app, "SELECT value, ended_at FROM platform.overrides WHERE tenant = :t ORDER BY ended_at NULLS LAST",
        t=starter.tenant,
    )  # fmt: skip
    assert [row.ended_at is None for row in rows] == [False, False, True]
    assert limit(app, starter, "records") == rows[-1].value
    values = [(before and before["value"], after["value"]) for _, before, after in audit(app, starter)]
    assert {after for _, after in values} == {31, 32, 33}
    assert sorted(before or 0 for before, _ in values) == sorted([0, *(row.value for row in rows[:-1])])


def test_it_is_a_tenant_s_own(app: Flask, starter: Person, stranger: Person) -> None:
    before = plan_of(app, stranger)
    override(app, starter, "records", 25)
    assert plan_of(app, stranger) == before
    with app.app_context(), pytest.raises(NoOverride):
        overrides.end_override(stranger.tenant, "records", **WHO)
    assert limit(app, starter, "records") == 25
