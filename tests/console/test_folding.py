"""An act is one line of the timeline and the audit, with how it stands and with money as money."""

import re
from uuid import UUID

import pytest
from flask import Flask

from billing.acting import changing, favours, paying
from billing.errors import CardDeclined, StripeAway
from billing.gateway import reductions
from billing.plans import catalog
from saas.console import folding
from saas.core.database import transaction
from saas.core.ids import uuid7
from saas.devstack.browser import Page
from tests.billing.test_changing import overdue
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, subscribe
from tests.support.people import Person

WHO = {"actor": "user:admin", "reason": "Agreed by phone."}


def audit(operator: Person, owner: Person, action: str) -> Page:
    return operator.browser.open("/console/audit", params={"tenant": owner.tenant, "action": action})


def lines(page: Page) -> list[str]:
    """Each event's title and state."""
    found = re.findall(
        r'<strong class="timeline-title">(.*?)</strong>(?:<span class="badge[^>]*>(.*?)</span>)?', page.text
    )
    return [" / ".join(part for part in one if part) for one in found]


def credit(app: Flask, owner: Person, amount: int, key: UUID | None = None) -> None:
    with app.app_context(), transaction():
        favours.credit(owner.tenant, amount, key=key, **WHO)


def test_an_act_that_is_done_is_one_line_with_its_amounts(
    app: Flask, operator: Person, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner, "starter")
    credit(app, owner, 2_500)
    page = audit(operator, owner, "credit.")
    assert lines(page) == ["Credit: given"]
    assert "credit: $0.00 → $25.00" in words(page)
    assert not re.search(r"act: |currency: |balance", words(page))
    assert "Credit: given" in words(operator.browser.open(f"/console/tenants/{owner.tenant}"))
    monkeypatch.setattr(folding, "hidden", lambda _entries: set())  # the control
    assert lines(audit(operator, owner, "credit.")) == ["Credit: given", "Credit: given / Asked, not done"]


def test_an_act_that_was_not_done_says_so_until_it_is(
    app: Flask, operator: Person, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner, "starter")

    def away(*_args: object, **_options: object) -> None:
        raise StripeAway

    key = uuid7()
    with monkeypatch.context() as patched:
        patched.setattr(reductions, "credit", away)
        with pytest.raises(StripeAway):
            credit(app, owner, 700, key)
    assert lines(audit(operator, owner, "credit.")) == ["Credit: given / Asked, not done"]
    credit(app, owner, 700, key)
    assert lines(audit(operator, owner, "credit.")) == ["Credit: given"]


def test_an_act_that_was_refused_says_so(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    ((payer,),) = sql(app, "SELECT stripe_id FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    v1 = stripe.shop.v1
    card = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": payer})
    (found,) = v1.subscriptions.list({"customer": payer}).data
    v1.subscriptions.update(found.id, {"default_payment_method": card.id})
    with app.app_context(), transaction(), pytest.raises(CardDeclined):
        changing.change_plan(owner.tenant, catalog.price("growth", "month"), **WHO)
    assert lines(audit(operator, owner, "subscription.changed")) == ["Subscription: changed / Refused"]


def test_a_payment_that_is_declined_is_headed_so(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    overdue(app, owner, stripe)
    with app.app_context(), transaction():
        done = paying.pay_open(owner.tenant, actor="user:admin", key=uuid7())
    assert done.refused
    page = audit(operator, owner, "invoices.")
    assert lines(page) == ["Payment: declined"]
    assert re.search(r"declined: in_\w+, \w+", words(page))
    assert not re.search(r"[\[{]'|paid: ", words(page))
