"""Double click, two tabs, the back button: one payment is open for a tenant, and one subscription is bought."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from flask import Flask

from billing.gateway import checkouts
from saas.devstack.browser import Browser
from tests.support import database, standin
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, choose, location, pay, plan_of, submit, subscribe
from tests.support.people import Person
from tests.support.threads import MOST_WAIT, together

PAGE = "/billing/choose?plan=starter&interval=month"


def tab(app: Flask, person: Person) -> Browser:
    """Another tab of the same browser."""
    other = database.browser(app)
    other.session.cookies.update(person.browser.session.cookies)
    return other


@contextmanager
def meeting_at_stripe(monkeypatch: pytest.MonkeyPatch, keys: Callable[[str], str]) -> Iterator[None]:
    """Let two calls that open a payment wait for each other, with their keys as they are or changed."""
    barrier, real = threading.Barrier(2), checkouts.create_session

    def meet(**options: Any) -> Any:
        barrier.wait(MOST_WAIT)
        return real(**options | {"key": keys(options["key"])})

    with monkeypatch.context() as patched:
        patched.setattr(checkouts, "create_session", meet)
        yield


def double_click(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch, keys: Callable[[str], str]
) -> list[requests.Response]:
    form = owner.open(PAGE).form("/billing/checkout")
    tabs = [tab(app, owner), tab(app, owner)]
    with meeting_at_stripe(monkeypatch, keys):
        return together(
            *(
                lambda one=one: one.request("POST", form.action, data=form.fields, headers={"Origin": owner.home})
                for one in tabs
            )
        )


def sessions_at_stripe(app: Flask, owner: Person, stripe: Stripe) -> int:
    ((customer,),) = sql(app, "SELECT stripe_id FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    return len(stripe.shop.v1.checkout.sessions.list({"customer": customer}).data)


def live(app: Flask, owner: Person) -> int:
    query = "SELECT count(*) FROM platform.checkouts WHERE tenant = :t AND state IN ('starting', 'open')"
    ((count,),) = sql(app, query, t=owner.tenant)
    return int(count)


def test_a_double_click_opens_one_payment(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = double_click(app, owner, monkeypatch, lambda key: key)
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert (live(app, owner), sessions_at_stripe(app, owner, stripe)) == (1, 1)
    customers = stripe.shop.v1.customers.list({"email": owner.email}).data
    assert len(customers) == 1
    jobs = sql(
        app,
        "SELECT 1 FROM platform.jobs j JOIN platform.checkouts c ON c.id::text = j.args->>0"
        " WHERE c.tenant = :t AND j.name = 'billing.follow'",
        t=owner.tenant,
    )
    assert len(jobs) == 1


def test_control_without_the_intents_key_a_double_click_opens_two(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    double_click(app, owner, monkeypatch, lambda _key: secrets.token_hex(8))
    assert sessions_at_stripe(app, owner, stripe) == 2


def test_the_same_choice_again_leads_to_the_same_payment(app: Flask, owner: Person, stripe: Stripe) -> None:
    first = choose(owner)
    stripe.forget_calls()
    assert choose(owner) == first
    assert stripe.calls("post") == {}
    assert (live(app, owner), sessions_at_stripe(app, owner, stripe)) == (1, 1)


def test_another_choice_ends_the_payment_that_was_open(app: Flask, owner: Person, stripe: Stripe) -> None:
    first, second = choose(owner, "starter"), choose(owner, "scale")
    assert first != second
    page = requests.get(first, timeout=standin.PATIENCE)
    assert page.status_code != 200 or "<form" not in page.text
    rows = sql(app, "SELECT plan, state FROM platform.checkouts WHERE tenant = :t ORDER BY id", t=owner.tenant)
    assert [tuple(row) for row in rows] == [("starter", "expired"), ("scale", "open")]
    pay(second)
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "scale"


def test_two_tabs_with_two_choices_leave_one_payment(app: Flask, owner: Person, stripe: Stripe) -> None:
    forms = [owner.open(f"/billing/choose?plan={plan}").form("/billing/checkout") for plan in ("starter", "scale")]
    tabs = [tab(app, owner), tab(app, owner)]
    answers = together(
        *(
            lambda one=one, form=form: one.request(
                "POST", form.action, data=form.fields, headers={"Origin": owner.home}
            )
            for one, form in zip(tabs, forms, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} <= {303, 409}
    assert live(app, owner) == 1
    ((customer,),) = sql(app, "SELECT stripe_id FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    found = stripe.shop.v1.checkout.sessions.list({"customer": customer}).data
    assert [session.status for session in found].count("open") == 1


def test_after_the_payment_the_back_button_buys_nothing_twice(app: Flask, owner: Person, stripe: Stripe) -> None:
    page = owner.open(PAGE)
    url = location(owner, page, "/billing/checkout")
    back = pay(url).headers["Location"]
    # The webhook has not come yet: the old page's button leads to where the payment shows, not to another.
    assert location(owner, page, "/billing/checkout") == back
    assert plan_of(app, owner)[0] == "starter"  # for it was asked about on the way
    again = submit(owner, page, "/billing/checkout")
    assert (again.status_code, "has a plan already" in again.text) == (409, True)
    stripe.deliver(owner.browser)
    assert sql(app, "SELECT count(*) FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant) == [(1,)]
    assert sessions_at_stripe(app, owner, stripe) == 1


def test_choosing_another_plan_right_after_paying_does_not_buy_a_second(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    other = owner.open("/billing/choose?plan=scale")
    back = pay(choose(owner, "starter")).headers["Location"]
    assert location(owner, other, "/billing/checkout") == back
    assert plan_of(app, owner)[0] == "starter"
    assert sessions_at_stripe(app, owner, stripe) == 1


def test_who_has_a_subscription_changes_it_and_buys_no_second(app: Flask, owner: Person, stripe: Stripe) -> None:
    old = owner.open("/billing/choose?plan=scale")
    subscribe(stripe, owner, "starter")
    answer = submit(owner, old, "/billing/checkout")
    assert answer.status_code == 409
    page = owner.open("/billing/choose?plan=scale")
    assert page.form("/billing/change")
    with pytest.raises(LookupError):
        page.form("/billing/checkout")


def test_an_intent_whose_process_died_is_gone_on_with(app: Flask, owner: Person, stripe: Stripe) -> None:
    stripe.fail("500", 10)
    page = owner.open(PAGE)
    assert submit(owner, page, "/billing/checkout").status_code == 503
    rows = sql(app, "SELECT state, session_id FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    assert [tuple(row) for row in rows] == [("starting", None)]
    assert "is under way" in words(owner.open("/billing"))
    stripe.mend()
    subscribe(stripe, owner, "starter")
    rows = sql(app, "SELECT state FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    assert [row.state for row in rows] == ["complete"]
    assert sessions_at_stripe(app, owner, stripe) == 1


def test_an_intent_that_is_too_old_is_replaced(app: Flask, owner: Person, stripe: Stripe) -> None:
    choose(owner)
    sql(
        app,
        "UPDATE platform.checkouts SET state = 'starting', session_id = NULL,"
        " expires_at = now() + interval '20 minutes' WHERE tenant = :t",
        t=owner.tenant,
    )
    subscribe(stripe, owner)
    rows = sql(app, "SELECT state FROM platform.checkouts WHERE tenant = :t ORDER BY id", t=owner.tenant)
    assert [row.state for row in rows] == ["expired", "complete"]
