"""Events are handled again when somebody asks: those that were lost on the way to a job, or met a fault of ours."""

from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from saas.cli import context, main
from saas.core.settings import Settings
from tests.billing.test_inbox import row
from tests.support.database import sql
from tests.support.payments import Stripe, plan_of, subscribe, work
from tests.support.people import Person


@pytest.fixture
def command(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(context, "load", lambda **_changes: settings)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["billing", "replay", *arguments], obj=lambda _settings: app)

    return run


@pytest.fixture
def missed(app: Flask, owner: Person, stripe: Stripe) -> str:
    """An event that was handled by something that did nothing; returns its id."""
    subscribe(stripe, owner)
    stripe.shop.v1.subscriptions.cancel(row(app, owner, "subscriptions", "id"))
    (event,) = [one for one in stripe.events() if one["type"] == "customer.subscription.deleted"]
    assert stripe.send(owner.browser, event).status_code == 200
    sql(app, "UPDATE platform.stripe_events SET handled_at = now(), outcome = 'stored' WHERE id = :id", id=event["id"])
    work(app)
    assert plan_of(app, owner)[0] == "starter"
    return str(event["id"])


def test_an_event_is_handled_again(app: Flask, owner: Person, missed: str, command: Any) -> None:
    planned = command(missed, "--plan")
    assert (planned.exit_code, missed in planned.output, "customer.subscription.deleted" in planned.output) == (
        0,
        True,
        True,
    )
    assert work(app) == 0
    for told in ("1 of 1 events will be handled again", "The other 1 were asked for before"):
        done = command(missed)
        assert (done.exit_code, told in done.output) == (0, True), done.output
    assert work(app) == 1
    assert plan_of(app, owner)[0] == "free"
    rows = sql(app, "SELECT count(*) FROM platform.access_changes WHERE tenant = :t", t=owner.tenant)
    assert command(missed).exit_code == 0
    assert work(app) == 1
    assert sql(app, "SELECT count(*) FROM platform.access_changes WHERE tenant = :t", t=owner.tenant) == rows


def test_all_of_a_type_since_a_day_are_handled_again(app: Flask, owner: Person, missed: str, command: Any) -> None:
    other = command("--since", "2020-01-01", "--type", "invoice.nothing")
    assert (other.exit_code, "0 of 0 events" in other.output) == (0, True)
    late = command("--since", "2099-01-01")
    assert "0 of 0 events" in late.output
    done = command("--since", "2020-01-01", "--type", "customer.subscription.deleted")
    assert done.exit_code == 0
    assert work(app) >= 1
    assert plan_of(app, owner)[0] == "free"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("evt_nowhere",), 1, "No event 'evt_nowhere' of Stripe's has come here"),
        ((), 2, "Name an event by its id, or a day with --since."),
        (("evt_1", "--since", "2026-11-01"), 2, "Name an event by its id, or a day with --since."),
        (("evt_1", "--type", "invoice.paid"), 2, "--type goes with --since."),
        (("--since", "yesterday"), 2, "does not match the formats"),
    ],
)
def test_what_can_not_be_replayed_is_said(command: Any, arguments: tuple[str, ...], status: int, told: str) -> None:
    done = command(*arguments)
    assert (done.exit_code, told in done.output, "Traceback" in done.output) == (status, True, False), done.output
