"""For each of billing's jobs, what it is run with (tests/core/jobs/test_handlers.py)."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app

from billing.ledger import Grant
from billing.models import StripeEvent
from billing.offering import sync
from saas.core.database import db, transaction
from tests.support.payments import Stripe, choose, pay, subscribe, work
from tests.support.people import Person, unique


def prepared_stripe() -> Stripe:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.app_context():
        for _line in sync.sync():
            pass
    made = Stripe(app)
    made.events()
    return made


def handle(owner: Person) -> list[Any]:
    stripe = prepared_stripe()
    pay(choose(owner))
    (event,) = [event for event in stripe.events() if event["type"] == "checkout.session.completed"]
    assert stripe.send(owner.browser, event).status_code == 200
    return [event["id"]]


def follow(owner: Person) -> list[Any]:
    """Of a payment that is still open: what is left is one job that looks again."""
    prepared_stripe()
    choose(owner)
    with transaction():
        query = sa.text("SELECT id::text FROM platform.checkouts WHERE tenant = :t")
        id_ = db.session.scalars(query, {"t": owner.tenant}).one()
    return [id_, 0]


def reconcile(owner: Person) -> list[Any]:
    stripe = prepared_stripe()
    pay(choose(owner))
    stripe.events()
    return [owner.tenant]


def reconcile_all(owner: Person) -> list[Any]:
    """What is left is a job that looks at them, and a row that says how many differ."""
    stripe = prepared_stripe()
    pay(choose(owner))
    stripe.events()
    return []


def settle(owner: Person) -> list[Any]:
    with transaction():
        past = sa.func.now() - timedelta(seconds=1)
        made = Grant(tenant=owner.tenant, plan="scale", until=past, reason="tests", author="tests")
        db.session.add(made)
        db.session.execute(sa.text("UPDATE platform.tenants SET plan = 'scale' WHERE id = :t"), {"t": owner.tenant})
    return [owner.tenant, str(made.id)]


def sweep(_owner: Person) -> list[Any]:
    old, young, waiting = (f"evt_{unique()}" for _ in range(3))
    with transaction():
        for id_, days, handled in ((old, 91, True), (young, 89, True), (waiting, 91, False)):
            at = sa.func.now() - timedelta(days=days)
            row = StripeEvent(id=id_, type="x", livemode=False, payload="{}", received_at=at)
            row.handled_at = at if handled else None
            db.session.add(row)
    return []


def dun(owner: Person) -> list[Any]:
    """It is paid, of which nothing has told us."""
    stripe = prepared_stripe()
    subscribe(stripe, owner)
    with transaction():
        for wanted in (
            "UPDATE platform.subscriptions SET status = 'past_due' WHERE tenant = :t",
            "UPDATE platform.tenants SET standing = 'read_only' WHERE id = :t",
        ):
            db.session.execute(sa.text(wanted), {"t": owner.tenant})
    return [owner.tenant]


def check_trial(owner: Person) -> list[Any]:
    """The first one by its card."""
    stripe = prepared_stripe()
    pay(choose(owner, "growth"))
    for event in stripe.events():
        assert stripe.send(owner.browser, event).status_code == 200
    work(stripe.app, "billing.handle")
    with transaction():
        query = sa.text("SELECT id FROM platform.subscriptions WHERE tenant = :t")
        return [owner.tenant, str(db.session.scalars(query, {"t": owner.tenant}).one())]


CASES = {
    "billing.check_trial": check_trial,
    "billing.dun": dun,
    "billing.follow": follow,
    "billing.handle": handle,
    "billing.reconcile": reconcile,
    "billing.reconcile_all": reconcile_all,
    "billing.settle": settle,
    "billing.sweep": sweep,
}
