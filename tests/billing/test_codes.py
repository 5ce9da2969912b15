"""Promotion codes beside other things: clicked at once, beside a change that is planned, typed in where one pays."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask

from billing.acting import acts
from billing.acting import promotions as redeeming
from billing.gateway import promotions, subscriptions
from saas.core.ids import uuid7
from tests.support import database, standin
from tests.support.clocks import clocked
from tests.support.database import sql
from tests.support.payments import Stripe, charged, choose, location, pay, row, submit, subscribe
from tests.support.people import Person
from tests.support.threads import MOST_WAIT, together


def half(stripe: Stripe, duration: str) -> str:
    """A code that takes off half."""
    v1, code = stripe.shop.v1, f"C{uuid7().hex[-10:].upper()}"
    coupon = v1.coupons.create({"percent_off": 50, "duration": duration}).id
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}, "code": code})
    return code


def test_a_code_that_is_sent_three_times_at_once_is_had_once(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have asked for the code, then all have given it to Stripe, and then, if they can, all have noted the deed."""
    subscribe(stripe, owner, "starter")
    code, form = half(stripe, "once"), owner.open("/billing").form("/billing/code")
    barrier, turn = threading.Barrier(3), threading.Lock()

    def meet_to_keep(*given: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(0.5)  # one of them, as the others wait for what it commits
        return acts.keep(*given)

    def meet(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            with turn:
                made = real(*given, **options)
            barrier.wait(MOST_WAIT)
            return made

        return call

    def click() -> int:
        tab = database.browser(app)
        tab.session.cookies.update(owner.browser.session.cookies)
        sent = form.fields | {"code": code}
        return int(tab.request("POST", form.action, data=sent, headers={"Origin": owner.home}).status_code)

    with monkeypatch.context() as patched:
        patched.setattr(promotions, "find", meet(promotions.find))
        patched.setattr(subscriptions, "discount", meet(subscriptions.discount))
        patched.setattr(redeeming, "keep", meet_to_keep)
        assert together(click, click, click) == [303, 303, 303]
    assert row(app, owner).discount
    deeds = sql(app, "SELECT 1 FROM platform.audit WHERE tenant = :t AND action = 'discount.redeemed'", t=owner.tenant)
    assert len(deeds) == 1


def test_a_code_beside_a_smaller_plan_that_is_planned_stays_when_that_comes(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    """A schedule's phases have the discounts from when it was made, and none of later."""
    clock = clocked(app, stripe, owner)
    subscribe(stripe, owner, "scale")
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    location(owner, owner.open("/billing"), "/billing/code", code=half(stripe, "forever"))
    assert (row(app, owner).next_plan, bool(row(app, owner).discount)) == ("starter", True)
    clock.wait(days=32)
    assert (row(app, owner).plan, bool(row(app, owner).discount)) == ("starter", True)
    assert charged(app, owner) == [29_900, 950]


def test_a_code_that_is_refused_leaves_the_smaller_plan_planned(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    v1, code = stripe.shop.v1, f"C{uuid7().hex[-10:].upper()}"
    coupon = v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    first = {"first_time_transaction": True}
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}, "code": code, "restrictions": first})
    assert submit(owner, owner.open("/billing"), "/billing/code", code=code).status_code == 422
    stripe.deliver(owner.browser)
    assert (row(app, owner).next_plan, row(app, owner).discount) == ("starter", None)
    held = v1.subscriptions.retrieve(row(app, owner).id).schedule
    assert v1.subscription_schedules.retrieve(held).status == "active"


def test_a_code_for_one_invoice_that_was_typed_in_where_one_pays_is_not_had_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    clock = clocked(app, stripe, owner)
    code, url = half(stripe, "once"), choose(owner, "starter")
    assert standin.entered(url, promotion_code=code).status_code == 303
    assert pay(url).status_code == 303
    stripe.deliver(owner.browser)
    assert submit(owner, owner.open("/billing"), "/billing/code", code=code).status_code == 422
    clock.wait(days=32)
    assert charged(app, owner) == [950, 1_900]
    other = half(stripe, "once")  # the control
    assert submit(owner, owner.open("/billing"), "/billing/code", code=other).status_code == 303
