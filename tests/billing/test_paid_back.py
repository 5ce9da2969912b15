"""An end with money back: what is unused of what was paid, whatever else is charged or not heard of yet."""

import pytest
from flask import Flask

from billing.acting import favours
from saas.core.database import transaction
from saas.core.ids import uuid7
from tests.support.clocks import Clocked, clocked_payer
from tests.support.database import sql
from tests.support.payments import Stripe, location
from tests.support.people import Person

WHO = {"actor": "user:admin", "reason": "They were ill."}


@pytest.fixture
def clock(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """The owner pays for Starter by the month, and lives by a test clock of Stripe's."""
    return clocked_payer(app, stripe, owner)


def end(app: Flask, owner: Person) -> int:
    with app.app_context(), transaction():
        return favours.cancel_and_refund(owner.tenant, **WHO)


def invoices(app: Flask, owner: Person, clock: Clocked) -> list[tuple[int, int]]:
    """What was paid and what of it went back, the oldest first."""
    clock.stripe.deliver(owner.browser)
    query = "SELECT paid, refunded FROM platform.invoices WHERE tenant = :t ORDER BY created_at, number"
    return [tuple(row) for row in sql(app, query, t=owner.tenant)]


def test_what_is_unused_goes_back_whole_though_the_last_invoice_charges_what_was_used(
    app: Flask, owner: Person, clock: Clocked
) -> None:
    """Use is charged by that invoice; taken off the refund as well it would be paid twice."""
    location(owner, owner.open("/billing/usage"), "/billing/usage", cap="50")
    clock.wait(days=3)
    used = {"stripe_customer_id": clock.customer, "value": "212500"}  # 12,500 beyond what is included
    at = int(clock.now.timestamp()) - 60
    clock.stripe.shop.v1.billing.meter_events.create(
        {"event_name": "freehold_api_calls", "payload": used, "timestamp": at, "identifier": uuid7().hex}
    )
    clock.wait(hours=1)
    back = end(app, owner)
    assert 1_600 < back < 1_800  # 27 days of 30 or so
    assert invoices(app, owner, clock) == [(1_900, back), (500, 0)]


def test_a_change_that_no_event_has_told_of_yet_is_paid_back_too(app: Flask, owner: Person, clock: Clocked) -> None:
    location(owner, owner.open("/billing/choose?plan=scale"), "/billing/change")
    known = sql(app, "SELECT count(*) FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    assert known == [(1,)]  # the change's own is not among them
    assert end(app, owner) == 29_900
    assert invoices(app, owner, clock) == [(1_900, 1_900), (28_000, 28_000)]
