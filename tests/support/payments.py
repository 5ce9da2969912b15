"""Paying, as people and Stripe do it: the stand-in is a process of its own, its webhooks are sent by hand or lost."""

import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import requests
import sqlalchemy as sa
from flask import Flask

from billing.inbox import kinds
from billing.sandbox import signing
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, registry
from saas.core.settings import Settings
from saas.devstack.browser import Browser, Page
from tests.support import standin
from tests.support.database import sql
from tests.support.people import Person
from tests.support.threads import listening

VISA, DECLINED, FAILS_LATER = standin.VISA, standin.DECLINED, "4000000000000341"
WEBHOOK = "/billing/webhook"


@dataclass
class Stripe:
    """The stand-in, under the key of one application."""

    app: Flask
    last: str | None = None  # the newest event that was asked for before

    def __post_init__(self) -> None:
        """Stripe's cards for tests are few, so nobody has had a trial by one of them before."""
        with self.app.app_context(), transaction():
            db.session.execute(sa.text("DELETE FROM platform.trials WHERE kind = 'card'"))

    @property
    def settings(self) -> Settings:
        found: Settings = self.app.extensions["freehold.settings"]
        return found

    @cached_property
    def shop(self) -> standin.Shop:
        """Calls that our own application does not make."""
        return standin.Shop(self.settings.stripe_api_url or "", self.settings.stripe_secret_key or "")

    def events(self) -> list[dict[str, Any]]:
        """Those that were not asked for before, the oldest first."""
        new: list[dict[str, Any]] = []
        while found := self._after(new[-1]["id"] if new else self.last):
            new += found
            if self.last is None:
                break
        self.last = new[-1]["id"] if new else self.last
        return new

    def calls(self, verb: str = "post") -> dict[str, int]:
        """How often each endpoint was called with a verb, by its path with `{…}` for ids."""
        found = self.shop.control("GET", "calls")["calls"]
        return {name.partition(" ")[2]: count for name, count in found.items() if name.startswith(verb)}

    def forget_calls(self) -> None:
        self.shop.control("DELETE", "calls")

    def fail(self, mode: str = "500", times: int = 10, at: str = "") -> None:
        """The next calls; or the next ones of an endpoint, named as `calls` does with its verb before it."""
        self.shop.control("POST", "faults", mode=mode, times=times, endpoint=at)

    def mend(self) -> None:
        self.shop.control("DELETE", "faults")

    def sign(self, body: bytes, secret: str | None = None, age: int = 0) -> str:
        return signing.header(secret or self.settings.stripe_webhook_secret or "", body, int(time.time()) - age)

    def send(self, browser: Browser, event: dict[str, Any]) -> requests.Response:
        """Deliver an event as Stripe does."""
        body = json.dumps(event).encode()
        return post(browser, body, self.sign(body))

    def deliver(self, browser: Browser, *, each: bool = False) -> list[str]:
        """Deliver what is new and do the jobs; returns the types of all that is new.

        Of several events about one object the last does, as each makes the application ask what is so by now, and what
        tells nothing that it keeps is left out. With `each` all are delivered.
        """
        new = self.events()
        for event in new if each else _telling(new):
            assert self.send(browser, event).status_code == 200
        work(self.app)
        return [event["type"] for event in new]

    def _after(self, last: str | None) -> list[dict[str, Any]]:
        """A hundred events, the oldest first: those right after one, or the newest."""
        wanted = {"limit": "100", **({"ending_before": last} if last else {})}
        found: list[dict[str, Any]] = self.shop.raw("GET", "/v1/events", params=wanted).json()["data"]
        return found[::-1]


def _telling(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for event in events:
        type_ = event["type"]
        if not kinds.ignored(type_):
            about = (type_ if type_ in kinds._ASKERS else type_.rpartition(".")[0], event["data"]["object"]["id"])
            last.pop(about, None)
            last[about] = event
    return list(last.values())


def post(browser: Browser, body: bytes, signature: str | None) -> requests.Response:
    headers = {"Content-Type": "application/json", **({"Stripe-Signature": signature} if signature else {})}
    return browser.request("POST", WEBHOOK, data=body, headers=headers)


def work(app: Flask, *names: str) -> int:
    """Do the billing jobs that are due, in the way of a worker; returns how many there were."""
    done = 0
    while job := _lease(app, names):
        with app.app_context():
            registry.get(job.name)(str(job.id), job.lease)
        done += 1
    return done


def hurry(app: Flask, name: str = "billing.follow") -> None:
    """Let the jobs of a kind that wait for their time be due now."""
    with app.app_context(), transaction():
        waiting = sa.update(Job).where(Job.name == name, Job.state == JobState.WAITING)
        db.session.execute(waiting.values(run_at=sa.func.now(), due_at=sa.func.now()))


def choose(person: Person, plan: str = "starter", interval: str = "month") -> str:
    """Go to the payment page for a plan; returns its address, where nobody has paid yet."""
    page = person.open(f"/billing/choose?plan={plan}&interval={interval}")
    return location(person, page, "/billing/checkout")


def location(person: Person, page: Page, action: str, **changes: str) -> str:
    """Send a form of the page; returns where it leads."""
    answer = submit(person, page, action, **changes)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def submit(person: Person, page: Page, action: str, **changes: str) -> requests.Response:
    """Send a form of the page, without following where it leads."""
    form = page.form(action)
    return person.browser.request("POST", form.action, data=form.fields | changes, headers={"Origin": person.home})


def pay(url: str, number: str = VISA) -> requests.Response:
    """Fill in the payment page."""
    return standin.send(url, number=number)


def subscribe(stripe: Stripe, person: Person, plan: str = "starter", interval: str = "month") -> str:
    """Buy a plan, with all its webhooks delivered; returns where the payment page leads back to."""
    answer = pay(choose(person, plan, interval))
    assert answer.status_code == 303, answer.text
    stripe.deliver(person.browser)
    return str(answer.headers["Location"])


def plan_of(app: Flask, person: Person) -> tuple[str, dict[str, int | None], str]:
    """Plan, limits and standing, as the product reads them."""
    with app.app_context(), transaction():
        row = db.session.execute(
            sa.text("SELECT plan, limits, standing FROM platform.tenants WHERE id = :id"), {"id": person.tenant}
        ).one()
        return row.plan, row.limits, row.standing


def row(app: Flask, person: Person) -> Any:
    """The one subscription that they have had."""
    (found,) = sql(app, "SELECT * FROM platform.subscriptions WHERE tenant = :t", t=person.tenant)
    return found


def charged(app: Flask, person: Person) -> list[int]:
    """What was paid by each invoice, the oldest first."""
    query = "SELECT paid FROM platform.invoices WHERE tenant = :t ORDER BY created_at, number"
    return [one.paid for one in sql(app, query, t=person.tenant)]


def transactions(app: Flask, seen: list[str]) -> AbstractContextManager[None]:
    """Notes each commit of the application's."""
    return listening(app, "commit", lambda _connection: seen.append("commit"))


def _lease(app: Flask, names: tuple[str, ...]) -> Any:
    with app.app_context(), transaction():
        due = sa.select(Job).where(Job.name.like("billing.%"), Job.state == JobState.WAITING, Job.tick.is_(None))
        due = due.where(Job.due_at <= sa.func.now())
        if names:
            due = due.where(Job.name.in_(names))
        job = db.session.scalars(due.order_by(Job.id).limit(1).with_for_update()).first()
        if job:
            job.state, job.lease, job.due_at = JobState.LEASED, job.lease + 1, sa.func.now() + timedelta(hours=1)
        return job
