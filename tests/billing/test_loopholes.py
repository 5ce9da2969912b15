"""What somebody could try in order to have more than is paid for, or would lose of what is."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from billing import entitlements, grants, mirror, service, sync
from billing.entitlements import Cause
from billing.errors import UsedKey
from saas.core.database import db, transaction
from saas.core.ids import uuid7
from tests.billing.test_changing import change, overdue, subscription
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, plan_of, submit, subscribe
from tests.support.people import Person

WHO = {"actor": "user:admin", "reason": "Asked for by phone."}


def at_stripe(app: Flask, owner: Person, stripe: Stripe) -> Any:
    return stripe.shop.v1.subscriptions.retrieve(subscription(app, owner))


def test_the_form_of_an_upgrade_that_was_taken_back_gives_nothing_when_sent_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    old = owner.open("/billing/choose?plan=scale")
    location(owner, old, "/billing/change")
    change(owner, "starter")
    submit(owner, old, "/billing/change")  # Stripe answers as it did the first time
    assert at_stripe(app, owner, stripe)["items"].data[0].price.lookup_key == "freehold_starter_month_v1"
    assert plan_of(app, owner)[0] == "starter"


def test_the_form_of_a_cancellation_that_was_taken_back_does_not_pretend_when_sent_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    old = owner.open("/billing")
    location(owner, old, "/billing/cancel")
    location(owner, owner.open("/billing"), "/billing/resume")
    submit(owner, old, "/billing/cancel")
    ends = at_stripe(app, owner, stripe).cancel_at_period_end
    assert ("Ends on" in words(owner.open("/billing"))) is ends


def test_who_has_not_paid_gets_no_credit_for_it_by_changing_the_plan(app: Flask, owner: Person, stripe: Stripe) -> None:
    overdue(app, owner, stripe)
    answer = submit(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    assert (answer.status_code, "Pay what is open first" in answer.text) == (409, True)
    found = at_stripe(app, owner, stripe)
    assert found.status == "past_due"
    assert stripe.shop.v1.customers.retrieve(found.customer).balance == 0


def test_who_pays_a_price_that_was_replaced_keeps_the_plan(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner, "starter", "year")
    with app.app_context():
        with monkeypatch.context() as changed:
            from dataclasses import replace

            from billing import catalog
            from billing.catalog import Interval

            plans = tuple(
                replace(plan, prices={**plan.prices, Interval.YEAR: 17_000}) if plan.code == "starter" else plan
                for plan in catalog.PLANS
            )
            changed.setattr(catalog, "PLANS", plans)
            list(sync.sync())
        list(sync.sync())
    stripe.shop.v1.subscriptions.update(subscription(app, owner), {"metadata": {"note": "looked at again"}})
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "starter"
