"""Every handler in the registry, run twice and twice at the same time, leaves what one run leaves."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.accounts import codes
from saas.accounts import service as accounts
from saas.core import audit, mail
from saas.core.attempts import Attempts
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue, registry
from saas.core.mail import Mail
from saas.devstack.demo import tasks as demo_tasks
from tenants import isolation, provisioning
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field
from tenants.models import State, Tenant
from tenants.probe import canaries, reports, service
from tenants.usage.models import Usage, UsageBatch
from tests.support import billing_jobs
from tests.support import jobs as _registered  # noqa: F401
from tests.support.people import Person, unique

Found = Any
OURS = ("saas.", "tenants.", "billing.")  # an added module's are tried in tests/tenants/test_modules_added.py
NAMES = sorted(found.name for found in registry.handlers() if found.path.startswith(OURS))


def deliver(_owner: Person) -> tuple[list[str], Callable[[], Found]]:
    with transaction():
        mail.send("welcome", to=f"{unique()}@example.com", url="http://x")
        db.session.flush()
        found = db.session.scalars(sa.select(Mail).order_by(Mail.id.desc()).limit(1)).one()
        db.session.execute(sa.delete(Job).where(Job.args[0].astext == str(found.id)))  # the test runs it itself
    return [str(found.id)], lambda: db.session.execute(
        sa.select(Mail.state, Mail.text).where(Mail.id == found.id)
    ).all()


def refill(_owner: Person) -> tuple[list[str], Callable[[], Found]]:
    return [], _schemas


def provision(owner: Person) -> tuple[list[str], Callable[[], Found]]:
    with transaction():
        made = Tenant(
            id=provisioning.schemas.new_id(), state=State.PREPARING, name="B", address=f"p-{unique()}",
            opened_at=sa.func.now(),
        )  # fmt: skip
        db.session.add(made)
    return [made.id], lambda: (
        db.session.execute(sa.select(Tenant.state, Tenant.revision).where(Tenant.id == made.id)).all(),
        db.session.scalar(sa.text("SELECT count(*) FROM pg_namespace WHERE nspname = :id"), {"id": made.id}),
    )


def reclaim(owner: Person) -> tuple[list[str], Callable[[], Found]]:
    old = sa.func.now() - timedelta(hours=100)
    with transaction():
        db.session.execute(sa.update(Tenant).where(Tenant.id == owner.tenant).values(opened_at=old))
    return [], lambda: (
        db.session.execute(sa.select(Tenant.state).where(Tenant.id == owner.tenant)).all(),
        db.session.scalar(sa.text("SELECT count(*) FROM pg_namespace WHERE nspname = :id"), {"id": owner.tenant}),
        db.session.scalar(
            sa.select(sa.func.count()).where(
                audit.AuditEntry.action == "tenant.reclaimed", audit.AuditEntry.tenant == owner.tenant
            )
        ),
    )


def measure(owner: Person) -> tuple[list[str], Callable[[], Found]]:
    """The tables of other tests' tenants change meanwhile; those of this one do not."""
    mine = (Usage.tenant == owner.tenant, Usage.resource == "storage")
    return [], lambda: [used > 0 for used in db.session.scalars(sa.select(Usage.used).where(*mine))]


def sweep_batches(_owner: Person) -> tuple[list[str], Callable[[], Found]]:
    old, young = uuid4(), uuid4()
    with transaction():
        for batch, at in ((old, sa.func.now() - timedelta(days=2)), (young, sa.func.now())):
            db.session.add(UsageBatch(id=batch, at=at))
    return [], lambda: db.session.scalars(sa.select(UsageBatch.id).where(UsageBatch.id.in_([old, young]))).all()


def sweep_attempts(_owner: Person) -> tuple[list[str], Callable[[], Found]]:
    key = unique()
    now = sa.func.now()
    with transaction():
        for window, until in ((1, now - timedelta(hours=1)), (2, now + timedelta(hours=1))):
            db.session.add(Attempts(key=key, window=window, count=1, until=until))
    return [], lambda: db.session.scalars(sa.select(Attempts.window).where(Attempts.key == key)).all()


def sweep_codes(owner: Person) -> tuple[list[str], Callable[[], Found]]:
    with transaction():
        user = accounts.by_email(owner.email)
        codes.issue(codes.Purpose.RESET, user.id)
        codes.issue(codes.Purpose.LINK, user.id)
        db.session.flush()
        past = sa.func.now() - timedelta(hours=1)
        mine = codes.Code.user_id == user.id
        db.session.execute(
            sa.update(codes.Code).where(mine, codes.Code.purpose == codes.Purpose.LINK).values(expires_at=past)
        )
    return [], lambda: db.session.scalars(sa.select(codes.Code.purpose).where(mine).order_by(codes.Code.purpose)).all()


def report(owner: Person) -> tuple[list[Any], Callable[[], Found]]:
    """Each job adds one record of its own."""
    with transaction():
        isolation.bind(owner.tenant)
        collections.create(Collection("orders", "Orders", (Field("title", "text"),)), actor="system")
        demo_tasks.ask(owner.tenant, "orders")

    def look() -> list[int]:
        isolation.bind(owner.tenant)
        job = demo_tasks.REPORTS.table.c.job
        return sorted(set(db.session.scalars(sa.select(sa.func.count(job)).group_by(job))))

    return ["orders", 0], look


@pytest.fixture(autouse=True)
def _a_short_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its ways are tried in tests/tenants/probe."""
    monkeypatch.setattr(service, "WAYS", {name: service.WAYS[name] for name in ("jobs", "rows")})


def probe(_owner: Person) -> tuple[list[str], Callable[[], Found]]:
    """Each run has a report; its two tenants stay the same.

    How much it tries is not compared: a run that goes on meanwhile, maybe a live stack's, leaves more to look for.
    """

    def look() -> Found:
        (newest,) = reports.newest(1)
        return newest.crossed, newest.blind, [tenant.id for tenant in canaries.known()]

    canaries.ready()
    return [], look


def peek(owner: Person) -> tuple[list[str], Callable[[], Found]]:
    markers = Collection(canaries.MARKERS, "Markers", (Field("marker", "text"),))
    with transaction():
        isolation.bind(owner.tenant)
        collections.create(markers, actor="system")

    def look() -> Found:
        isolation.bind(owner.tenant)
        return collections.counts(collections.every())

    return [str(uuid4()), owner.tenant], look


CASES = {
    "accounts.sweep": sweep_codes,
    **billing_jobs.CASES,
    "core.sweep": sweep_attempts,
    "demo.report": report,
    "isolation.peek": peek,
    "isolation.probe": probe,
    "mail.deliver": deliver,
    "tenants.refill": refill,
    "tenants.provision": provision,
    "tenants.reclaim": reclaim,
    "usage.measure": measure,
    "usage.sweep": sweep_batches,
}


def test_each_handler_has_its_case() -> None:
    assert sorted(CASES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_run_twice_and_at_the_same_time_it_ends_in_the_same_state(app: Flask, owner: Person, name: str) -> None:
    with app.app_context():
        args, look = CASES[name](owner)
    whose = owner.tenant if registry.get(name).scope == "tenant" else None
    run_as_a_job(app, name, args, whose)
    once = seen(app, look)
    run_as_a_job(app, name, args, whose)
    assert seen(app, look) == once
    threads = [threading.Thread(target=run_as_a_job, args=(app, name, args, whose)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen(app, look) == once


def test_control_a_handler_that_adds_each_time_is_seen(app: Flask) -> None:
    mark = unique()
    rows = sa.select(sa.func.count()).where(audit.AuditEntry.detail["mark"].astext == mark)
    counts = []
    for _ in range(2):
        run_as_a_job(app, "tests.effect", [mark])
        counts.append(seen(app, lambda: db.session.scalar(rows)))
    assert counts == [1, 2]


def run_as_a_job(app: Flask, name: str, args: list[str], tenant: str | None = None) -> None:
    job_id = lease(app, name, args, tenant)
    with app.app_context():
        registry.get(name)(job_id, 1)


def lease(app: Flask, name: str, args: list[str], tenant: str | None) -> str:
    with app.app_context(), transaction():
        enqueue(name, *args, tenant=tenant)
        job = next(found for found in db.session.new if isinstance(found, Job))
        job.state, job.lease, job.due_at = JobState.LEASED, 1, sa.func.now() + timedelta(hours=1)
        db.session.flush()
        return str(job.id)


def seen(app: Flask, look: Callable[[], Found]) -> Found:
    with app.app_context():
        return look()


def _schemas() -> bool:
    """The pool is full or over its low mark, and each spare has its schema."""
    spares = set(db.session.scalars(sa.select(Tenant.id).where(Tenant.state == State.SPARE)))
    schemas = set(db.session.scalars(sa.text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%'")))
    return spares <= schemas
