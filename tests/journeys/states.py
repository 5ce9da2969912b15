"""Businesses as pages have to show them: made by services and forms, without a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import Flask

from saas.core.database import transaction
from saas.core.ids import uuid7
from saas.core.jobs import Job, JobState
from saas.core.jobs.models import JobEvent
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import LONGEST_NAME, Collection, Field
from tenants.backend.keys import service as keys
from tenants.backend.keys.models import ApiKey
from tenants.members.models import Role
from tenants.probe import reports
from tenants.probe.outcomes import Attempt, Outcome
from tenants.probe.service import Report
from tests.support.contexts import context
from tests.support.database import browser, mailed_link, sql
from tests.support.live import eventually
from tests.support.payments import FAILS_LATER, VISA, Stripe, choose, location, pay, plan_of
from tests.support.people import Person, join, sign_up, unique


@dataclass(frozen=True)
class Names:
    business: str
    person: str
    collection: str
    label: str
    field: str
    text: str
    host: str = "example.com"  # of emails


SHORT = Names("Kaffeerösterei Nord", "Ida Berg", "orders", "Orders", "customer", "Two bags of Yirgacheffe")
# As long as each may be, and in one word, which no browser breaks on its own.
LONG = Names(
    "W" * 120, "M" * 200, "c" * LONGEST_NAME, "L" * 80, "f" * LONGEST_NAME, "T" * 200, f"{'x' * 60}.{'y' * 60}.com"
)  # fmt: skip


@dataclass
class Business:
    """What its pages' addresses need."""

    owner: Person
    collection: str
    record: str
    member: str
    invited: str  # an email
    invitation: str  # its link's path
    job: str  # that runs

    @property
    def pages(self) -> list[str]:
        """Every page of the workspace that needs no more than this."""
        one = f"/collections/{self.collection}"
        things = ["/home", "/collections", "/collections/new", one, f"{one}/records/{self.record}", f"{one}/drop"]
        return [*things, "/keys", "/team", f"/team/{self.member}", "/usage", "/jobs", f"/jobs/{self.job}", *PAYING]


PAYING = [
    "/billing",
    "/billing/history",
    "/billing/pay",
    "/billing/seats",
    "/billing/seats?people=9",
    "/billing/usage",
    "/billing?interval=year",
    "/billing/choose?plan=growth&interval=month",
]


def opened(app: Flask, name: str = SHORT.business) -> Person:
    """Fresh from its sign-up, but with its email confirmed."""
    person = sign_up(app, browser(app), name)
    sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :email", email=person.email)
    return person


def full(app: Flask, names: Names = SHORT, count: int = 3) -> Business:
    owner = opened(app, names.business)
    account = owner.browser.site + "/account"
    owner.browser.send(owner.browser.open(account), "/account", "name", name=names.person)
    record = _fill(app, owner, names, count)
    owner.key()
    assert owner.api("GET", f"/collections/{names.collection}/records").status_code == 200
    mate = join(app, owner, browser(app), Role.EDITOR)
    join(app, owner, browser(app), Role.BILLING)
    expired, invited = (invite(app, owner, f"{unique()}@{names.host}") for _ in range(2))
    sql(app, "UPDATE platform.invitations SET expires_at = now() WHERE email = :email", email=expired[0])
    return Business(owner, names.collection, record, _id(app, mate), *invited, works(app, owner.tenant, names.text))


def invite(app: Flask, owner: Person, email: str, role: str = "editor") -> tuple[str, str]:
    """The address, and the path of the link that it got."""
    page = owner.browser.send(owner.open("/team"), "/team", "email", email=email, role=role)
    assert page.status == 200, page.text
    (row,) = sql(app, "SELECT name FROM platform.tenants WHERE id = :id", id=owner.tenant)
    return email, mailed_link(app, email, f"Join {row.name}").removeprefix(owner.browser.site)


def works(app: Flask, tenant: str | None, text: str = SHORT.text, **values: Any) -> str:
    """A long job in its middle, which no worker is at; it shows what it says of itself."""
    plain: dict[str, Any] = {
        "name": "tests.long",
        "queue": "none",
        "limit_seconds": 60,
        "max_tries": 3,
        "lease": 1,
        "tries": 1,
    }
    now = {"state": JobState.RUNNING, "due_at": sa.func.now() + sa.text("interval '1 day'"), "began_at": sa.func.now()}
    far = {"done": 1204, "total": 5000, "message": text, "checkpoint": {"row": 1204}, "args": ["0198"], "key": text}
    job = Job(id=uuid7(), tenant=tenant, **(plain | now | far | values))
    told = [JobEvent(job=job.id, kind=kind, text=text) for kind in ("failed", "log")]
    with context(app) as session, transaction():
        session.add(job)
        session.flush()
        session.add_all(told)
    return str(job.id)


def pays(app: Flask, owner: Person, plan: str = "starter", card: str = VISA) -> None:
    """On the payment page; the running platform hears of it."""
    assert pay(choose(owner, plan), card).status_code == 303
    eventually(lambda: plan_of(app, owner)[0] == plan and _paid(app, owner))


def has_more(owner: Person) -> None:
    """Who pays for Starter has it by the year, with calls beyond what is included, and by the month from then on."""
    forms = [
        ("/billing/choose?plan=starter&interval=year", "/billing/change", {}),
        ("/billing/usage", "/billing/usage", {"cap": "50"}),
        ("/billing/choose?plan=starter&interval=month", "/billing/change", {}),
    ]
    for page, action, values in forms:
        location(owner, owner.open(page), action, **values)


def nobody_looks(app: Flask, address: str) -> None:
    """At a workspace's payments: the job that does half a minute later would show their page anew meanwhile."""
    sql(
        app,
        "UPDATE platform.jobs j SET run_at = now() + interval '1 day', due_at = now() + interval '1 day'"
        " FROM platform.checkouts c JOIN platform.tenants t ON t.id = c.tenant"
        " WHERE t.address = :address AND j.name = 'billing.follow' AND j.state = 'waiting' AND j.args->>0 = c.id::text",
        address=address,
    )


def falls_behind(app: Flask, stripe: Stripe, owner: Person) -> None:
    """Its trial ends, and the first charge is declined."""
    pays(app, owner, "growth", FAILS_LATER)
    (row,) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.subscriptions.update(row.id, {"trial_end": "now"})
    eventually(lambda: plan_of(app, owner)[2] == "past_due")


@contextmanager
def crossing(app: Flask) -> Iterator[None]:
    """The isolation probe has found a way across; afterwards nothing says so any more."""
    crossed = Attempt("sql", "RESET ROLE, stacked", Outcome.CROSSED, "this run's marker")
    blind = Attempt("pages", "/collections/" + "c" * LONGEST_NAME, Outcome.BLIND, "its owner does not find it either")
    refused = Attempt("keys", "/api/v1/collections, with one's own key", Outcome.REFUSED)
    with app.app_context(), transaction():
        reports.keep(Report((refused, crossed, blind), 2.5))
    try:
        yield
    finally:
        sql(app, "DELETE FROM platform.probe_reports WHERE attempts = 3 AND crossed = 1")


def _fill(app: Flask, owner: Person, names: Names, count: int) -> str:
    kinds = [(names.field, "text"), ("price", "number"), ("paid", "boolean"), ("due_date", "date")]
    design = Collection(names.collection, names.label, tuple(Field(name, kind) for name, kind in kinds))
    values: dict[str, Any] = {
        names.field: names.text,
        "price": Decimal("12345678901234.5678"),
        "due_date": "2026-02-28",
    }
    with context(app, owner.tenant) as session, transaction():
        collections.create(design, actor="tests")
        for _ in range(count):
            records.create(design, records.check(design, values))
        keys.create(names.label, actor="tests")
        keys.create("Old shop", actor="tests", role=Role.VIEWER)
        session.execute(sa.update(ApiKey).where(ApiKey.label == "Old shop").values(revoked_at=sa.func.now()))
        return str(session.scalars(sa.select(design.table.c.id).limit(1)).one())


def _id(app: Flask, person: Person) -> str:
    (row,) = sql(app, "SELECT id FROM platform.users WHERE email = :email", email=person.email)
    return str(row.id)


def _paid(app: Flask, owner: Person) -> bool:
    done = "SELECT 1 FROM platform.checkouts WHERE tenant = :t AND state = 'complete'"
    return bool(sql(app, done, t=owner.tenant)) and bool(
        sql(app, "SELECT 1 FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    )
