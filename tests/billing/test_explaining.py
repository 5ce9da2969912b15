"""Why a tenant has what it has: in sentences, the same for its people, for admins and on the command line."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from flask import Flask

from billing.entitlement import entitlements, grants, overrides
from billing.entitlement.entitlements import Cause
from billing.ledger import AccessChange
from billing.why import explaining, phrases, telling
from billing.why.explaining import Explanation
from saas.cli import context, main
from saas.core.database import transaction
from saas.core.settings import Settings
from tenants.errors import UnknownTenant
from tests.billing.test_changing import overdue
from tests.support import database
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, subscribe
from tests.support.people import Person, join

WHO = {"actor": "user:01a208d7-28ec-7068-ab52-edea9e8c727e", "reason": "They found a bug."}


def explained(app: Flask, owner: Person) -> Explanation:
    with app.app_context(), transaction():
        return explaining.explain(owner.tenant)


def fact(app: Flask, owner: Person, about: str) -> str:
    return " / ".join(one.text for one in explained(app, owner).facts if one.about == about)


def test_a_new_workspace_is_on_the_free_plan_by_signing_up(app: Flask, owner: Person) -> None:
    sql(app, "UPDATE platform.tenants SET limits = '{}' WHERE id = :t", t=owner.tenant)
    found = explained(app, owner)
    assert fact(app, owner, "Plan") == "Free: nothing is paid for, and nothing was given."
    assert fact(app, owner, "Records") == "1,000, from the plan."
    assert fact(app, owner, "Storage") == "100.0 MiB, from the plan."
    assert fact(app, owner, "Usage as CSV") == "No, from the plan."
    assert fact(app, owner, "Standing") == "Good: no payment is open that has failed."
    (first,) = found.history
    assert first.text == f"On {phrases.day(first.at)} signing up put it on Free."


def test_a_payment_is_told_with_its_event_and_each_limit_it_changed(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    ((id_, amount),) = sql(app, "SELECT id, amount FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    assert fact(app, owner, "Plan") == f"Starter 1, by the subscription {id_}: $19.00 a month, active."
    assert amount == 1_900
    newest = explained(app, owner).history[0]
    ((event, type_),) = sql(
        app, "SELECT source, reason FROM platform.access_changes WHERE tenant = :t ORDER BY id DESC LIMIT 1",
        t=owner.tenant,
    )  # fmt: skip
    begins = f"On {phrases.day(newest.at)} the event {event} ({type_}) moved it from Free to Starter 1: "
    assert newest.text.startswith(begins)
    assert "records 1,000 → 20,000" in newest.text
    assert "API calls a month 10,000 → " in newest.text


def test_who_gave_what_and_until_when_is_told(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    until = datetime.now(UTC) + timedelta(days=30)
    with app.app_context(), transaction():
        grants.grant(owner.tenant, "scale", until, **WHO)
        overrides.override(owner.tenant, "seats", 77, until, **WHO)
    last = phrases.day(until)
    plan = fact(app, owner, "Plan")
    assert plan.startswith(f"Scale 1, given by {WHO['actor']} on ")
    assert f" until {last} “They found a bug.”." in plan
    assert "Its subscription ($19.00 a month) goes on beside that." in plan
    seats = fact(app, owner, "Seats")
    assert seats.startswith("77, instead of the plan's ")
    assert seats.endswith(f" until {last} “They found a bug.”.")
    assert fact(app, owner, "To come") == (
        f"What was given ends on {last}. / Seats: the plan's own limit again from {last} on."
    )
    newest = explained(app, owner).history[0].text
    assert " left it on Scale 1: seats " in newest
    assert newest.endswith(" → 77. “They found a bug.”")


def test_members_are_named_to_members_and_admins_are_not(app: Flask, owner: Person) -> None:
    mate = join(app, owner, database.browser(app))
    by = {}
    with app.app_context(), transaction():
        for name, email in (("theirs", mate.email), ("ours", "owner@example.org")):
            ids = sql(app, "SELECT id FROM platform.users WHERE email = :email", email=email)
            by[name] = f"user:{ids[0][0]}" if ids else WHO["actor"]
        to_members = phrases.to_members(by.values(), owner.tenant)
        to_admins = phrases.to_admins(by.values())
        assert (to_members(by["theirs"]), to_members(by["ours"])) == (mate.email, "an admin of this site")
        assert to_admins(by["theirs"]) == mate.email
        assert to_members("system") == "the system"
        assert to_members("user:nonsense") == "an admin of this site"


def test_what_happens_next_to_who_does_not_pay_is_told(app: Flask, owner: Person, stripe: Stripe) -> None:
    overdue(app, owner, stripe)
    told = fact(app, owner, "Standing")
    assert told.startswith("A payment has failed. Everything works still. Unless it is paid, nothing can be written")
    assert "standing good → past due" in explained(app, owner).history[0].text


def test_what_is_planned_is_told(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    assert fact(app, owner, "To come").startswith("Starter 1, by the month, from ")
    location(owner, owner.open("/billing"), "/billing/cancel", reason="Too dear")
    ended = fact(app, owner, "To come")
    assert ended.startswith("The subscription ends on ")
    assert ended.endswith("nothing is deleted. “Too dear”")


def test_a_limit_that_something_else_has_set_points_at_the_changes(app: Flask, owner: Person) -> None:
    sql(app, "UPDATE platform.tenants SET limits = '{\"api_calls\": 0}' WHERE id = :t", t=owner.tenant)
    assert fact(app, owner, "API calls a month") == "0, by the last of the changes below."
    with app.app_context(), transaction():
        entitlements.settle(owner.tenant, Cause("rule", "tests"))
    assert fact(app, owner, "API calls a month") == "10,000, from the plan."
    assert "the rule “tests” left it on Free: API calls a month 0 → 10,000" in explained(app, owner).history[0].text


def test_a_plan_of_another_release_is_told_as_such(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    sql(app, "UPDATE platform.subscriptions SET version = 77 WHERE tenant = :t", t=owner.tenant)
    assert "another release of this site has sold" in fact(app, owner, "Plan")


def test_changes_of_before_plans_had_versions_are_told(app: Flask) -> None:
    before = {"plan": "free", "limits": {}, "standing": "good"}
    after = {"plan": "starter", "limits": {"records": None}, "standing": "past_due"}
    change = AccessChange(
        at=datetime(2026, 11, 3, tzinfo=UTC), cause="rule", source="dunning", rule="subscription", before=before,
        after=after,
    )  # fmt: skip
    told = telling.told(change, phrases.Who({}))
    assert told == (
        "On 3 Nov 2026 the rule for payments that fail moved it from Free to Starter:"
        " records 1,000 → no limit, standing good → past due."
    )


def test_the_page_tells_it_to_the_workspace(owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    shown = words(owner.open("/billing/history"))
    assert "Starter 1, by the subscription" in shown
    assert "signing up put it on Free." in shown
    assert "/billing/history" in owner.open("/billing").text


def test_the_command_tells_it_by_address_and_by_id(
    app: Flask, settings: Settings, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "load", lambda **_changes: settings)
    for wanted in (owner.tenant, owner.address):
        done = CliRunner().invoke(main, ["billing", "explain", wanted], obj=lambda _settings: app)
        assert done.exit_code == 0, done.output
        assert "Plan: Free: nothing is paid for, and nothing was given." in done.output
        assert "signing up put it on Free." in done.output
    told = CliRunner().invoke(main, ["billing", "explain", owner.tenant, "--json"], obj=lambda _settings: app)
    found = json.loads(told.output)
    assert (found["tenant"], found["facts"][0]["about"]) == (owner.tenant, "Plan")
    assert found["history"][0]["text"].endswith("signing up put it on Free.")
    unknown = CliRunner().invoke(main, ["billing", "explain", "nobody-here"], obj=lambda _settings: app)
    assert (unknown.exit_code, "Traceback" in unknown.output) == (1, False)
    assert "'nobody-here': `saas tenants list` names those there are." in unknown.output
    with app.app_context(), transaction(), pytest.raises(UnknownTenant):
        explaining.explain("t_nobody")
