"""From when the days of grace count where an older invoice was left open, and who was deleted at Stripe pays anew."""

import pytest
from flask import Flask

from billing.entitlement import entitlements
from billing.entitlement.entitlements import Cause
from billing.mirrored import mirror
from billing.models import Invoice, Subscription
from saas.core.database import db, transaction
from tests.billing.test_dunning import DAY, SETTLED, renewal, since, standing
from tests.support.clocks import FAILS, Clocked, clocked_payer
from tests.support.pages import words
from tests.support.payments import Stripe, choose, pay, plan_of
from tests.support.people import Person, unique

OPEN, PAID = "open", "paid"


@pytest.fixture
def late(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """A business whose first renewal has failed."""
    made = clocked_payer(app, stripe, owner)
    made.pays_with(FAILS)
    made.reach(renewal(app, owner) + SETTLED)
    assert standing(app, owner) == "past_due"
    return made


def test_who_pays_the_newest_invoice_has_all_the_grace_again_though_an_older_one_is_open(
    app: Flask, owner: Person, stripe: Stripe, late: Clocked
) -> None:
    first = since(app, owner)
    late.reach(renewal(app, owner) + SETTLED)
    assert (since(app, owner), standing(app, owner)) == (first, "suspended")  # the second failure begins nothing anew
    v1 = stripe.shop.v1
    newest, _ = v1.invoices.list({"customer": late.customer, "status": OPEN}).data
    late.pays_with("pm_card_visa")
    v1.invoices.pay(newest.id)
    stripe.deliver(owner.browser)
    assert standing(app, owner) == "good"
    late.pays_with(FAILS)
    again = renewal(app, owner)
    late.reach(again + SETTLED)
    assert len(v1.invoices.list({"customer": late.customer, "status": OPEN}).data) == 2
    assert again <= since(app, owner) <= again + SETTLED
    assert plan_of(app, owner)[::2] == ("starter", "past_due")


@pytest.mark.parametrize(
    ("invoices", "counts_from"),
    [
        ([(61, OPEN), (31, PAID), (1, OPEN)], 1),
        ([(61, PAID), (31, OPEN), (1, OPEN)], 31),
        ([(61, OPEN), (31, OPEN), (1, OPEN)], 61),
        ([(61, OPEN), (31, PAID), (20, OPEN), (1, OPEN)], 20),
    ],
)
def test_grace_counts_from_the_first_failure_since_the_last_payment(
    app: Flask, owner: Person, invoices: list[tuple[int, str]], counts_from: int
) -> None:
    with app.app_context(), transaction():
        now = mirror.now()
        about = {"tenant": owner.tenant, "currency": "usd", "fetched_at": now}
        id_ = f"sub_{unique()}"
        db.session.add(Subscription(
            id=id_, status="past_due", plan="starter", version=1, interval="month", item="si_1", amount=1_900,
            livemode=False, started_at=now - 100 * DAY, period_start=now, **about,
        ))  # fmt: skip
        for days, status in invoices:
            at, due = now - days * DAY, 1_900 if status == OPEN else 0
            db.session.add(Invoice(
                id=f"in_{unique()}", subscription=id_, status=status, total=1_900, due=due, paid=1_900 - due,
                refunded=0, attempts=1, created_at=at, finalized_at=at, **about,
            ))  # fmt: skip
        db.session.flush()
        entitlements.settle(owner.tenant, Cause("rule", "tests"))
    assert since(app, owner) == now - counts_from * DAY


def test_who_owed_and_was_deleted_at_stripe_owes_nobody_and_can_pay_again(
    app: Flask, owner: Person, stripe: Stripe, late: Clocked
) -> None:
    stripe.shop.v1.customers.delete(late.customer)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[::2] == ("free", "good")
    assert "Nothing is open" in words(owner.open("/billing/pay"))
    assert pay(choose(owner, "starter")).status_code == 303
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[::2] == ("starter", "good")
