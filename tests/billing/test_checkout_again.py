"""A first payment that is begun again: what it was begun with may not be so any more, or was refused."""

from typing import Any

import pytest
from flask import Flask

from billing.errors import Refused
from billing.gateway import checkouts
from tenants.members.models import Role
from tests.support import database
from tests.support.database import sql
from tests.support.payments import Stripe, choose, pay, plan_of, submit, subscribe
from tests.support.people import Person, join

CUSTOMERS, SESSIONS = "post /v1/customers", "post /v1/checkout/sessions"


def begun(app: Flask, owner: Person) -> list[tuple[str, int]]:
    """The states of payments and their seats, the oldest first."""
    rows = sql(app, "SELECT state, seats FROM platform.checkouts WHERE tenant = :t ORDER BY id", t=owner.tenant)
    return [tuple(row) for row in rows]


def people(app: Flask, owner: Person, members: int) -> None:
    sql(app, "UPDATE platform.usage SET used = :n WHERE tenant = :t AND resource = 'seats'", n=members, t=owner.tenant)


def begin(owner: Person, plan: str = "starter") -> int:
    return int(submit(owner, owner.open(f"/billing/choose?plan={plan}"), "/billing/checkout").status_code)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Under which customers and sessions are made."""
    seen = list[str]()
    for name in ("create_customer", "create_session"):
        real = getattr(checkouts, name)

        def noted(*, key: str, _real: Any = real, **options: Any) -> Any:
            seen.append(key)
            return _real(key=key, **options)

        monkeypatch.setattr(checkouts, name, noted)
    return seen


@pytest.mark.parametrize("plan", ["starter", "scale"], ids=["for the same plan", "for another plan"])
def test_a_payment_that_was_begun_under_another_key_gives_way(
    app: Flask, owner: Person, stripe: Stripe, plan: str
) -> None:
    """As from the test mode to the live one: this key does not know the session, which nobody can pay any more."""
    choose(owner)
    sql(app, "UPDATE platform.checkouts SET session_id = 'cs_' || id WHERE tenant = :t", t=owner.tenant)
    assert pay(choose(owner, plan)).status_code == 303
    stripe.deliver(owner.browser)
    assert begun(app, owner) == [("expired", 0), ("complete", 0)]
    assert plan_of(app, owner)[0] == plan


def test_a_payment_that_was_begun_for_fewer_people_gives_way(app: Flask, owner: Person, stripe: Stripe) -> None:
    """Else they pay what the page of now does not say, and their colleagues have no seats."""
    people(app, owner, 5)
    first = choose(owner)
    people(app, owner, 8)
    again = choose(owner)
    assert again != first
    assert choose(owner) == again  # the control
    pay(again)
    stripe.deliver(owner.browser)
    assert begun(app, owner) == [("expired", 0), ("complete", 3)]
    ((paid,),) = sql(app, "SELECT paid FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    assert (paid, plan_of(app, owner)[1]["seats"]) == (1_900 + 3 * 400, 8)


@pytest.mark.usefixtures("unrepeated")
@pytest.mark.parametrize("endpoint", [CUSTOMERS, SESSIONS])
def test_after_an_answer_that_stripe_has_failed_the_next_try_has_a_key_of_its_own(
    app: Flask, owner: Person, stripe: Stripe, keys: list[str], endpoint: str
) -> None:
    """Under the same one Stripe would say the same for a day: https://docs.stripe.com/api/idempotent_requests"""
    stripe.fail("500", 1, at=endpoint)
    assert begin(owner) == 503
    failed = keys[-1]
    subscribe(stripe, owner)
    assert keys.count(failed) == 1
    assert plan_of(app, owner)[0] == "starter"


@pytest.mark.usefixtures("unrepeated")
@pytest.mark.parametrize("endpoint", [CUSTOMERS, SESSIONS])
def test_after_no_answer_the_next_try_has_the_same_key(
    owner: Person, stripe: Stripe, keys: list[str], endpoint: str
) -> None:
    """For it may have been done: one customer, and one page on which to pay."""
    stripe.fail("lost", 1, at=endpoint)
    assert begin(owner) == 503
    lost = keys[-1]
    assert begin(owner) == 303
    assert keys.count(lost) == 2
    assert len(stripe.shop.v1.customers.list({"email": owner.email}).data) == 1


def test_where_one_s_address_is_refused_the_next_payer_s_is_taken(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = checkouts.create_customer, list[str]()

    def create(*, email: str, **options: Any) -> str:
        seen.append(email)
        if email == owner.email:
            raise Refused("Invalid email address.")
        return real(email=email, **options)

    monkeypatch.setattr(checkouts, "create_customer", create)
    mate = join(app, owner, database.browser(app), Role.BILLING)
    assert begin(owner) == 409
    assert begin(mate) == 303
    assert seen == [owner.email, mate.email]
    ((email,),) = sql(app, "SELECT email FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    assert email == mate.email
