"""For each of billing's jobs, what it is run with and what it must leave (tests/core/jobs/test_handlers.py)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app

from billing import sync
from billing.models import Grant, StripeEvent
from saas.core.database import db, transaction
from saas.core.jobs import Job
from tests.support.payments import Stripe, choose, pay
from tests.support.people import Person, unique

Case = tuple[list[Any], Callable[[], Any]]


def _stripe() -> Stripe:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.app_context():
        for _line in sync.sync():
            pass
    made = Stripe(app)
    made.events()
    return made


def _left(owner: Person) -> Callable[[], Any]:
    """All that billing knows of a tenant, but for when it was asked."""
    queries = [
        "SELECT plan, limits, standing FROM platform.tenants WHERE id = :t",
        "SELECT id, status, plan FROM platform.subscriptions WHERE tenant = :t",
        "SELECT id, status, paid FROM platform.invoices WHERE tenant = :t",
        "SELECT state FROM platform.checkouts WHERE tenant = :t",
        "SELECT cause, rule, before, after FROM platform.access_changes WHERE tenant = :t ORDER BY id",
    ]
    return lambda: [db.session.execute(sa.text(query), {"t": owner.tenant}).all() for query in queries]


def handle(owner: Person) -> Case:
    stripe = _stripe()
    pay(choose(owner))
    (event,) = [event for event in stripe.events() if event["type"] == "checkout.session.completed"]
    assert stripe.send(owner.browser, event).status_code == 200
    return [event["id"]], _left(owner)


def follow(owner: Person) -> Case:
    """Of a payment that is still open: what is left is one job that looks again."""
    _stripe()
    choose(owner)
    with transaction():
        query = sa.text("SELECT id::text FROM platform.checkouts WHERE tenant = :t")
        id_ = db.session.scalars(query, {"t": owner.tenant}).one()
    mine = (Job.name == "billing.follow", Job.args[0].astext == id_, Job.args[1].astext == "1", Job.lease == 0)
    return [id_, 0], lambda: db.session.scalar(sa.select(sa.func.count()).where(*mine))


def reconcile(owner: Person) -> Case:
    stripe = _stripe()
    pay(choose(owner))
    stripe.events()
    return [owner.tenant], _left(owner)


def reconcile_all(owner: Person) -> Case:
    _stripe()
    choose(owner)
    mine = (Job.name == "billing.reconcile", Job.args[0].astext == owner.tenant)
    return [], lambda: db.session.scalar(sa.select(sa.func.count()).where(*mine))


def settle(owner: Person) -> Case:
    with transaction():
        past = sa.func.now() - timedelta(seconds=1)
        made = Grant(tenant=owner.tenant, plan="scale", until=past, reason="tests", author="tests")
        db.session.add(made)
        db.session.execute(sa.text("UPDATE platform.tenants SET plan = 'scale' WHERE id = :t"), {"t": owner.tenant})
    return [owner.tenant, str(made.id)], _left(owner)


def sweep(_owner: Person) -> Case:
    old, young, waiting = (f"evt_{unique()}" for _ in range(3))
    with transaction():
        for id_, days, handled in ((old, 91, True), (young, 89, True), (waiting, 91, False)):
            at = sa.func.now() - timedelta(days=days)
            row = StripeEvent(id=id_, type="x", livemode=False, payload="{}", received_at=at)
            row.handled_at = at if handled else None
            db.session.add(row)
    mine = sa.select(StripeEvent.id).where(StripeEvent.id.in_([old, young, waiting])).order_by(StripeEvent.id)
    return [], lambda: db.session.scalars(mine).all()


CASES = {
    "billing.follow": follow,
    "billing.handle": handle,
    "billing.reconcile": reconcile,
    "billing.reconcile_all": reconcile_all,
    "billing.settle": settle,
    "billing.sweep": sweep,
}
