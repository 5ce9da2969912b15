"""Where a case is played by the platform: a workspace whose owner pays, by a test clock that starts with the case."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import Flask

from billing.mirrored import mirror
from billing.models import Invoice, Subscription
from saas.core.database import transaction
from tests.billing.golden.model import Case, moment
from tests.billing.golden.stage import Stage
from tests.support.clocks import clocked
from tests.support.database import sql
from tests.support.payments import Stripe, work
from tests.support.people import Person

WHO = "user:golden"
_HEARD = ("customer.subscription.deleted", "invoice.paid")  # the subscription and its clock are asked about for each


class Ours(Stage):
    """What is found at Stripe is looked at as in any case; what is done is done by the platform."""

    def __init__(self, case: Case, app: Flask, stripe: Stripe, owner: Person) -> None:
        self.app, self.stripe, self.owner = app, stripe, owner
        super().__init__(stripe.shop.client, case)

    def __post_init__(self) -> None:
        self.now = moment(self.case.start)
        self.clocked = clocked(self.app, self.stripe, self.owner, at(self.now))
        self.customer = self.v1.customers.retrieve(self.clocked.customer)

    @property
    def tenant(self) -> str:
        return self.owner.tenant

    def reach(self, instant: int) -> None:
        if instant > self.now:
            self.advance(instant)
            if not self.hear():
                self.clocked.look()

    def advance(self, instant: int) -> None:
        """At Stripe, of which nobody has told us."""
        self.clocked.advance(at(instant))
        self.now = instant

    def hear(self) -> bool:
        """Let the platform be told the newest of the subscription and its invoices; whether there was any."""
        newest = {event["type"]: event for event in self.stripe.events() if event["type"] in _HEARD}
        for event in newest.values():
            assert self.stripe.send(self.owner.browser, event).status_code == 200
        self.work()
        return bool(newest)

    def work(self) -> None:
        work(self.app)

    def people(self, number: int) -> None:
        """Let so many be members, as far as counting goes."""
        counted = "UPDATE platform.usage SET used = :n WHERE tenant = :t AND resource = 'seats'"
        sql(self.app, counted, n=number, t=self.tenant)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """As in a request of the owner's."""
        with self.app.app_context(), transaction():
            yield

    def mirrored(self) -> Subscription:
        with self.inside():
            found = mirror.subscription_of(self.tenant)
            assert found
            return found

    def billed(self) -> Invoice:
        """The invoice that was looked at last, of those that the workspace's own page lists."""
        with self.inside():
            found = {one.id: one for one in mirror.invoices_of(self.tenant)}
            assert self.seen in found, "we have no such invoice"
            return found[self.seen]


def at(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
