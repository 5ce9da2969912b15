"""What admins do with a subscription: each act is asked, done and written down, or nothing has happened."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from billing.acting import changing, refunds, service
from billing.entitlement import entitlements
from billing.errors import (
    BadRefund,
    BadUntil,
    NoSubscription,
    Refused,
    SamePlan,
    StripeAway,
    UnknownInvoice,
    UnknownPlan,
    UsedKey,
)
from billing.mirrored import mirror
from billing.models import Invoice, Subscription
from billing.plans import catalog
from saas.core.database import db, transaction
from saas.core.ids import uuid7
from tests.support.database import sql
from tests.support.payments import Stripe, plan_of, subscribe
from tests.support.people import Person

WHO = {"actor": "user:admin", "reason": "Asked for by phone."}


def change(tenant: str, plan: str, interval: str) -> Subscription:
    return changing.change_plan(tenant, catalog.price(plan, interval), **WHO)


def audit(app: Flask, owner: Person) -> list[Any]:
    query = (
        "SELECT id, action, actor, detail FROM platform.audit WHERE tenant = :t AND actor = 'user:admin' ORDER BY id"
    )
    return sql(app, query, t=owner.tenant)


def paid_invoice(app: Flask, owner: Person) -> Invoice:
    with app.app_context(), transaction():
        (invoice,) = mirror.invoices_of(owner.tenant)
        db.session.expunge(invoice)
        return invoice


def refund(app: Flask, owner: Person, amount: int, invoice: str | None = None, key: UUID | None = None) -> Invoice:
    wanted = invoice or paid_invoice(app, owner).id
    with app.app_context(), transaction():
        return refunds.refund(owner.tenant, wanted, amount, key=key, **WHO)


def test_each_act_is_asked_and_done_with_before_after_and_reason(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    with app.app_context(), transaction():
        changed = change(owner.tenant, "growth", "year")
        assert (changed.plan, changed.interval) == ("growth", "year")
    with app.app_context(), transaction():
        assert service.cancel(owner.tenant, at_period_end=True, **WHO).cancel_at is not None
    with app.app_context(), transaction():
        assert service.resume(owner.tenant, **WHO).cancel_at is None
    with app.app_context(), transaction():
        until = datetime.now(UTC) + timedelta(days=20)
        extended = service.extend_trial(owner.tenant, until, **WHO)
        assert (extended.status, extended.trial_end) == ("trialing", until.replace(microsecond=0))
    with app.app_context(), transaction():
        assert service.cancel(owner.tenant, at_period_end=False, **WHO).status == "canceled"
    rows = audit(app, owner)
    deeds = ["subscription.changed", "subscription.cancelled", "subscription.resumed", "trial.extended",
             "subscription.cancelled"]  # fmt: skip
    assert [row.action for row in rows] == [name for deed in deeds for name in (f"{deed}.asked", deed)]
    for row in rows:
        assert row.detail["reason"] == "Asked for by phone."
        assert {"before", "after"} <= row.detail.keys()
    assert plan_of(app, owner)[0] == "free"
    with app.app_context():
        assert entitlements.access_changes_of(owner.tenant)[0].cause == "person"
    stripe.deliver(owner.browser)  # and what Stripe tells of it all changes nothing more
    assert plan_of(app, owner)[0] == "free"


@pytest.mark.parametrize(
    "act",
    [
        lambda tenant: change(tenant, "growth", "month"),
        lambda tenant: service.cancel(tenant, at_period_end=True, **WHO),
        lambda tenant: service.cancel(tenant, at_period_end=False, **WHO),
        lambda tenant: service.resume(tenant, **WHO),
        lambda tenant: service.extend_trial(tenant, datetime.now(UTC) + timedelta(days=9), **WHO),
    ],
    ids=["change", "cancel", "end", "resume", "extend"],
)
def test_when_stripe_is_away_nothing_is_half_done(app: Flask, owner: Person, stripe: Stripe, act: Any) -> None:
    subscribe(stripe, owner, "starter")
    before = sql(app, "SELECT * FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    stripe.fail("500", 10)
    with app.app_context(), pytest.raises(StripeAway), transaction():
        act(owner.tenant)
    stripe.mend()
    assert sql(app, "SELECT * FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant) == before
    assert [row.action.rpartition(".")[2] for row in audit(app, owner)] == ["asked"]
    assert plan_of(app, owner)[0] == "starter"
    with app.app_context(), transaction():  # the control: it was only away
        act(owner.tenant)
    assert len(audit(app, owner)) == 3


def test_who_pays_for_nothing_has_nothing_to_change(app: Flask, owner: Person, stripe: Stripe) -> None:
    stripe.forget_calls()
    for act in (
        lambda: change(owner.tenant, "growth", "month"),
        lambda: service.cancel(owner.tenant, at_period_end=True, **WHO),
        lambda: service.resume(owner.tenant, **WHO),
    ):
        with app.app_context(), pytest.raises(NoSubscription):
            act()
    assert stripe.calls("post") == {}


def test_what_can_not_be_is_refused_before_stripe_hears_of_it(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    stripe.forget_calls()
    with app.app_context(), pytest.raises(UnknownPlan):
        change(owner.tenant, "gold", "month")
    with app.app_context(), pytest.raises(SamePlan):
        change(owner.tenant, "starter", "month")
    with app.app_context(), pytest.raises(BadUntil):
        service.extend_trial(owner.tenant, datetime.now(UTC) - timedelta(days=1), **WHO)
    assert stripe.calls("post") == {}
    assert audit(app, owner) == []


def test_a_key_of_another_act_is_refused(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    key = uuid7()
    with app.app_context(), transaction():
        service.cancel(owner.tenant, at_period_end=True, key=key, **WHO)
    with app.app_context(), pytest.raises(UsedKey):
        service.resume(owner.tenant, key=key, **WHO)


# Refunds


def test_a_refund_goes_back_in_parts_up_to_what_was_paid(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    assert paid_invoice(app, owner).refundable == 1_900
    assert refund(app, owner, 500).refunded == 500
    assert refund(app, owner, 1_400).refundable == 0
    rows = audit(app, owner)
    assert [row.action for row in rows] == ["invoice.refunded.asked", "invoice.refunded"] * 2
    assert rows[0].detail["before"] == {"refunded": 0}
    assert rows[0].detail["after"] == {"refunded": 500}
    assert plan_of(app, owner)[0] == "starter"
    stripe.deliver(owner.browser)
    assert paid_invoice(app, owner).refunded == 1_900


@pytest.mark.parametrize("amount", [1_901, 10**9, 0, -1])
def test_a_refund_over_what_was_paid_or_of_nothing_is_refused_and_nothing_is_sent(
    app: Flask, owner: Person, stripe: Stripe, amount: int
) -> None:
    subscribe(stripe, owner, "starter")
    stripe.forget_calls()
    with pytest.raises(BadRefund) as caught:
        refund(app, owner, amount)
    assert "Nothing was refunded" in caught.value.detail
    assert stripe.calls("post") == {}
    assert audit(app, owner) == []


def test_what_is_left_counts_not_what_was_paid(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    refund(app, owner, 1_000)
    with pytest.raises(BadRefund, match=r"At most \$9\.00"):
        refund(app, owner, 901)


def test_stripe_refuses_what_our_mirror_does_not_know_yet(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    invoice = paid_invoice(app, owner)
    stripe.shop.v1.refunds.create({"payment_intent": invoice.payment, "amount": 1_900})
    with pytest.raises(Refused):
        refund(app, owner, 1_900)


def test_a_refund_that_is_sent_twice_goes_back_once(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    key = uuid7()
    for _ in range(2):
        assert refund(app, owner, 500, key=key).refunded == 500
    assert [row.action for row in audit(app, owner)] == ["invoice.refunded.asked", "invoice.refunded"]
    refund(app, owner, 500)  # the control: another form
    assert paid_invoice(app, owner).refunded == 1_000


def test_a_refund_made_at_stripe_is_mirrored(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    stripe.shop.v1.refunds.create({"payment_intent": paid_invoice(app, owner).payment, "amount": 700})
    stripe.deliver(owner.browser)
    assert paid_invoice(app, owner).refunded == 700


def test_the_invoice_of_another_tenant_is_not_there(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    theirs = paid_invoice(app, owner).id
    stripe.forget_calls()
    with pytest.raises(UnknownInvoice):
        refund(app, stranger, 100, theirs)
    assert stripe.calls("post") == {}
