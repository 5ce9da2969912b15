"""The demo: killed at any point it is completed by the next start, and nothing of it is there twice."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.models import Invoice, Subscription
from saas.core.database import db
from saas.core.jobs import Job, JobState
from saas.core.settings import Settings
from saas.devstack.demo import life, opening, visits
from saas.devstack.demo.bakery import BAKERY
from saas.devstack.demo.neighbours import HARBOUR, LUMEN
from tenants import isolation
from tenants.backend.collections import service as collections
from tenants.members import service as members
from tenants.models import Tenant
from tenants.team import invitations
from tenants.usage import service as usage
from tests.support import standin
from tests.support.live import Running, eventually
from tests.support.threads import listening

SITE = "http://localhost:8000"


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill."""


@dataclass
class Demo:
    app: Flask
    kills: int

    def tenant(self, address: str) -> str:
        with self.app.app_context():
            return db.session.scalars(sa.select(Tenant.id).where(Tenant.address == address)).one()

    def bound(self, address: str, ask: Callable[[], Any]) -> Any:
        tenant = self.tenant(address)
        with self.app.app_context():
            isolation.bind(tenant)
            return ask()

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        with self.app.app_context():
            return [tuple(row) for row in db.session.execute(query)]

    def subscriptions(self, address: str) -> list[Any]:
        mine = Subscription.tenant == self.tenant(address)
        return self.rows(sa.select(Subscription.plan, Subscription.status).where(mine))

    def counts(self) -> dict[str, int]:
        """Whatever a step done twice would have more of."""
        known: dict[str, int] = {}
        for address in (BAKERY.address, HARBOUR.address, LUMEN.address):
            known[f"members of {address}"] = len(self.bound(address, members.members))
            known[f"invitations of {address}"] = len(self.bound(address, invitations.open_ones))
            for name, n in self.bound(address, lambda: collections.counts(collections.every())).items():
                known[f"{name} of {address}"] = int(n)
            tenant = self.tenant(address)
            jobs = sa.select(Job.id).where(Job.name == "demo.report", Job.tenant == tenant)
            known[f"jobs of {address}"] = len(self.rows(jobs))
            known[f"invoices of {address}"] = len(self.rows(sa.select(Invoice.id).where(Invoice.tenant == tenant)))
        return known


@pytest.fixture(scope="module")
def demo(running: Running, app: Flask) -> Demo:
    """Opened and filled by runs that are killed: the first before its first commit, the next before its second …"""
    kills = 0
    while not _survives(app, kills):
        kills += 1
    return Demo(app, kills)


def _survives(app: Flask, commits: int) -> bool:
    left, mine = Counter({"commits": commits}), threading.get_ident()

    def commit(_connection: object) -> None:
        if threading.get_ident() != mine:  # it writes down what other tests have called
            return
        if not left["commits"]:
            raise Killed
        left["commits"] -= 1

    with listening(app, "commit", commit):
        try:
            opening.run(app, SITE)
            life.run(app)
        except Killed:
            return False
    return True


def test_it_was_killed_at_many_points_and_is_complete(demo: Demo) -> None:
    assert demo.kills > 20
    roles = [member.role for member in demo.bound("demo", members.members)]
    assert sorted(roles) == ["admin", "billing", "editor", "owner", "viewer"]
    assert demo.subscriptions("demo") == [("growth", "active")]
    assert demo.subscriptions("harbour-cycles") == [("growth", "past_due")]
    assert demo.subscriptions("studio-lumen") == []
    expected = {
        "members of demo": 5, "invitations of demo": 1, "products of demo": 18, "customers of demo": 16,
        "orders of demo": 48, "jobs of demo": 2, "members of harbour-cycles": 2, "members of studio-lumen": 2,
    }  # fmt: skip
    assert demo.counts().items() >= expected.items()


def test_there_is_a_workspace_that_nears_its_limits(demo: Demo) -> None:
    with demo.app.app_context():
        meters = {meter.limit.name: meter.percent for meter in usage.meters(demo.tenant("studio-lumen"))}
    assert (meters["seats"], meters["collections"]) == (100, 80)


def test_one_job_is_dead_since_it_failed_each_time(demo: Demo) -> None:
    mine = sa.select(Job.tries, Job.error).where(
        Job.name == "demo.report", Job.state == JobState.DEAD, Job.tenant == demo.tenant(BAKERY.address)
    )
    (dead,) = eventually(lambda: demo.rows(mine))
    assert dead == (3, f"UnknownCollection: There is no collection called {life.UNKNOWN}.")


def test_nobody_was_charged_twice(demo: Demo, settings: Settings) -> None:
    shop = standin.Shop(settings.stripe_api_url or "", settings.stripe_secret_key or "")
    for address, emails in (("demo", BAKERY.owner), ("harbour-cycles", HARBOUR.owner)):
        (customer,) = shop.v1.customers.list({"email": emails}).data
        (subscription,) = shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data
        assert subscription.status == {"demo": "active", "harbour-cycles": "past_due"}[address]
        paid = sum(invoice.amount_paid for invoice in shop.v1.invoices.list({"customer": customer.id}).data)
        assert paid == {"demo": 7_900, "harbour-cycles": 0}[address], "a month of Growth, what Starter cost taken off"


def test_a_later_start_adds_nothing(demo: Demo) -> None:
    by_jobs = {"reports of demo": 1, "invoices of demo": 2, "invoices of harbour-cycles": 2}
    eventually(lambda: demo.counts().items() >= by_jobs.items())
    before = demo.counts()
    opening.run(demo.app, SITE)
    life.run(demo.app)
    assert demo.counts() == before


def test_control_without_its_mark_a_step_is_done_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for _ in range(2):
        visits.once(app, "a step of this test", lambda: done.append("marked"))
    monkeypatch.setattr(visits, "_mark", lambda _step: None)
    for _ in range(2):
        visits.once(app, "another step of this test", lambda: done.append("unmarked"))
    assert done == ["marked", "unmarked", "unmarked"]


def test_the_links_open_signed_in_and_the_code_opens_the_back_office(demo: Demo, browser: Any) -> None:
    ways = opening.run(demo.app, SITE)
    page = browser.open(ways["workspace_link"])
    assert page.status == 200
    assert "Demo Bakery" in page.text
    door = browser.open(ways["console_link"])
    office = browser.send(door, "", "code", code=ways["console_code"])
    assert office.status == 200
    assert "Harbour Cycles" in browser.open("/console", params={"q": "Harbour"}).text  # others may be newer
