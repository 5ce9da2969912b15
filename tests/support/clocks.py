"""A business whose payments live by a test clock of Stripe's, so that weeks pass in a moment."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask

from billing.models import Customer
from saas.core.database import db, transaction
from saas.core.jobs import enqueue
from tests.support.live import eventually
from tests.support.payments import Stripe, subscribe, work
from tests.support.people import Person, unique

FAILS = "pm_card_chargeCustomerFail"


@dataclass
class Clocked:
    """One of them. Its customer is made before the application would have made it, and that is all."""

    app: Flask
    stripe: Stripe
    owner: Person
    clock: str
    customer: str
    now: datetime

    def reach(self, at: datetime) -> None:
        """Let it be this time, with all its webhooks delivered and the jobs done that are due by then."""
        self.advance(at)
        self.stripe.deliver(self.owner.browser)
        self.look()

    def wait(self, **delta: float) -> None:
        """Let so much time pass."""
        self.reach(self.now + timedelta(**delta))

    def advance(self, at: datetime) -> None:
        """Let it be this time at Stripe, of which nobody has told us yet."""
        clocks = self.stripe.shop.v1.test_helpers.test_clocks
        clocks.advance(self.clock, {"frozen_time": int(at.timestamp())})
        eventually(lambda: clocks.retrieve(self.clock).status == "ready")
        self.now = at

    def look(self) -> None:
        """Run the job that looks after those who do not pay, whose time the database's clock would bring."""
        with self.app.app_context(), transaction():
            enqueue("billing.dun", args=(self.owner.tenant,))
        work(self.app)

    def pays_with(self, token: str) -> None:
        """From now on, by one of the cards that Stripe has for tests, as if the page had been filled in."""
        v1 = self.stripe.shop.v1
        method = v1.payment_methods.attach(token, {"customer": self.customer})
        v1.customers.update(self.customer, {"invoice_settings": {"default_payment_method": method.id}})
        for found in v1.subscriptions.list({"customer": self.customer}).data:
            v1.subscriptions.update(found.id, {"default_payment_method": method.id})


def clocked(app: Flask, stripe: Stripe, owner: Person, start: datetime | None = None) -> Clocked:
    """The clock shows this moment, or that of the `start`, until it is moved."""
    v1, now = stripe.shop.v1, start or datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    clock = v1.test_helpers.test_clocks.create({"frozen_time": int(now.timestamp()), "name": unique()})
    about = {"email": owner.email, "name": "Owner & Sons", "metadata": {"tenant": owner.tenant}}
    made = v1.customers.create({**about, "test_clock": clock.id})
    with app.app_context(), transaction():
        row = Customer(tenant=owner.tenant, livemode=False, email=owner.email, name="Owner & Sons", stripe_id=made.id)
        db.session.add(row)
    return Clocked(app, stripe, owner, clock.id, made.id, now)


def clocked_payer(app: Flask, stripe: Stripe, owner: Person, plan: str = "starter") -> Clocked:
    """One who pays for a plan by the month, from now on."""
    made = clocked(app, stripe, owner)
    subscribe(stripe, owner, plan)
    return made
