"""A process that dies at any point between a webhook's arrival and its effect: nothing is lost, nothing done twice.

Each crash is a process of its own that is killed with -9 at the point. What Stripe got no answer for it sends again;
what a dead worker had leased is leased again (tests/faults shows that it is, here the lease is let run out at once).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from saas.core.settings import Settings
from tests.support import live
from tests.support.crashes.nursery import KILL
from tests.support.crashes.points import AFTER, BEFORE, COMMIT_AFTER, COMMIT_BEFORE, COMMIT_DURING
from tests.support.database import sql
from tests.support.payments import Stripe, choose, pay, plan_of, work
from tests.support.people import Person

RECEIVING = [("receive", point) for point in (BEFORE, AFTER, COMMIT_BEFORE, COMMIT_DURING, COMMIT_AFTER)]
# Before the fetch, before and after the upsert (so after the fetch), around what the tenant may do, around the mark
# and its commit, and when all is done and nobody knows it.
HANDLING = [
    ("look", AFTER), ("look", COMMIT_AFTER),
    ("upsert", BEFORE), ("upsert", AFTER),
    ("entitle", BEFORE), ("entitle", AFTER),
    ("mark", BEFORE), ("mark", AFTER), ("mark", COMMIT_BEFORE), ("mark", COMMIT_DURING), ("mark", COMMIT_AFTER),
]  # fmt: skip


class Nursery:
    """Processes to be killed, on the database of the test's application."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def kill(self, action: str, point: str, *given: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        wanted = {"action": action, "point": point, "happens": KILL, "seed": 1, "with": given}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        assert ended == {"hit": True, "status": -9}, f"{action} never came to: {point}"


@pytest.fixture(scope="module")
def nursery(settings: Settings, app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    log = Path(tmp_path_factory.mktemp("nursery")) / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.crashes.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            cwd=live.ROOT,
            env=live.environment(settings, settings.site_url),
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == "ready\n", log.read_text()
        yield Nursery(process)


@pytest.fixture
def event(app: Flask, owner: Person, stripe: Stripe) -> dict[str, Any]:
    """Somebody has paid, and of all its events this one comes."""
    work(app)
    assert pay(choose(owner)).status_code == 303
    (found,) = [one for one in stripe.events() if one["type"] == "customer.subscription.created"]
    return found


@pytest.mark.parametrize(("action", "point"), RECEIVING)
def test_killed_while_it_receives_stripe_sends_it_again_and_it_is_handled_once(
    app: Flask, owner: Person, stripe: Stripe, nursery: Nursery, event: dict[str, Any], action: str, point: str
) -> None:
    body = json.dumps(event)
    nursery.kill(action, point, body, stripe.sign(body.encode()))
    assert stripe.send(owner.browser, event).json()["new"] is (point not in {COMMIT_DURING, COMMIT_AFTER})
    work(app)
    assert_once(app, owner, event)


@pytest.mark.parametrize(("action", "point"), HANDLING)
def test_killed_while_it_handles_the_event_is_handled_again_and_changes_the_access_once(
    app: Flask, owner: Person, stripe: Stripe, nursery: Nursery, event: dict[str, Any], action: str, point: str
) -> None:
    assert stripe.send(owner.browser, event).status_code == 200
    nursery.kill(action, point)
    lease_again(app, event)
    work(app)
    assert_once(app, owner, event)


def test_control_an_event_that_was_acknowledged_before_its_commit_is_lost(
    app: Flask, owner: Person, stripe: Stripe, nursery: Nursery, event: dict[str, Any]
) -> None:
    body = json.dumps(event)
    nursery.kill("receive", COMMIT_BEFORE, body, stripe.sign(body.encode()))  # with the answer out, Stripe is content
    work(app)
    assert plan_of(app, owner)[0] == "free"


@pytest.mark.parametrize("point", [BEFORE, AFTER])
def test_control_an_event_that_was_marked_before_its_effect_is_lost(
    app: Flask, owner: Person, stripe: Stripe, nursery: Nursery, event: dict[str, Any], point: str
) -> None:
    assert stripe.send(owner.browser, event).status_code == 200
    nursery.kill("mark first", point)
    lease_again(app, event)
    work(app)
    assert plan_of(app, owner)[0] == "free"


def lease_again(app: Flask, event: dict[str, Any]) -> None:
    """As when the lease of the dead worker has run out; of a job that is done there is none."""
    sql(
        app,
        "UPDATE platform.jobs SET state = 'waiting', due_at = now() WHERE state = 'running' AND args->>0 = :id",
        id=event["id"],
    )


def assert_once(app: Flask, owner: Person, event: dict[str, Any]) -> None:
    """What one delivery without a crash leaves."""
    assert plan_of(app, owner)[0] == "starter"
    changes = sql(
        app, "SELECT source FROM platform.access_changes WHERE tenant = :t AND rule = 'subscription'", t=owner.tenant
    )
    assert [change.source for change in changes] == [event["id"]]
    kept = sql(app, "SELECT outcome, tenant FROM platform.stripe_events WHERE id = :id", id=event["id"])
    assert [tuple(row) for row in kept] == [("stored", owner.tenant)]
    jobs = sql(app, "SELECT state FROM platform.jobs WHERE args->>0 = :id", id=event["id"])
    assert [job.state for job in jobs] == ["done"]
    for table, count in (("subscriptions", 1), ("invoices", 1), ("customers", 1)):
        assert sql(app, f"SELECT count(*) FROM platform.{table} WHERE tenant = :t", t=owner.tenant) == [(count,)]
