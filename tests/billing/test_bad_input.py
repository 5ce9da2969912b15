"""What can't be: it is refused in a sentence, nothing is half done, and Stripe hears of nothing that it should not.

Forms of the first payment are in test_paying, bodies of webhooks in test_webhook, keys in test_gateway.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from flask import Flask

from billing.acting import changing, favours, promotions, refunds, seats, service
from billing.errors import (
    BadCap,
    BadCode,
    BadCredit,
    BadPrice,
    BadQuantity,
    BadRefund,
    CardDeclined,
    Conflict,
    Missing,
    SamePlan,
    StripeAway,
    UnknownPlan,
)  # fmt: skip
from billing.gateway import connection
from billing.gateway import promotions as gateway_promotions
from billing.metering import agreeing
from billing.plans import catalog
from saas.core.database import transaction
from saas.core.errors import PlatformError
from saas.core.ids import uuid7
from saas.core.settings import Settings
from tests.billing.test_changing import bad_card
from tests.support import database
from tests.support.database import application, sql
from tests.support.live import eventually
from tests.support.payments import Stripe, plan_of, post, submit, subscribe
from tests.support.people import Person

WHO = {"actor": "user:tests", "reason": "Tests."}
TABLES = ("customers", "checkouts", "subscriptions", "invoices", "grants", "overrides", "access_changes")
FLOATS = [4.0, 4.5, float("nan"), float("inf"), True, "400", None]


def rows(app: Flask, owner: Person) -> dict[str, Any]:
    """All that billing has written down of a tenant, but for who is at it and what was tried."""
    found = {name: _of(app, owner, f"platform.{name} WHERE tenant = :t ORDER BY t::text") for name in TABLES}
    return found | {"tenant": plan_of(app, owner)}


def _of(app: Flask, owner: Person, table: str) -> list[Any]:
    query = f"SELECT to_jsonb(t) - 'acting' - 'acting_until' AS row FROM {table.replace(' WHERE', ' t WHERE')}"
    return [found.row for found in sql(app, query, t=owner.tenant)]


def attempt(app: Flask, act: Callable[[], object]) -> None:
    with app.app_context(), transaction():
        act()


def refused(app: Flask, owner: Person, stripe: Stripe, error: type[PlatformError], act: Callable[[], object]) -> str:
    """Nothing is sent, and nothing changes; returns what is said."""
    before = rows(app, owner)
    stripe.forget_calls()
    with pytest.raises(error) as caught:
        attempt(app, act)
    assert stripe.calls("post") == {}
    assert rows(app, owner) == before
    return caught.value.detail or ""


def paid_invoice(app: Flask, owner: Person) -> str:
    ((id_,),) = sql(app, "SELECT id FROM platform.invoices WHERE tenant = :t AND paid = 1900", t=owner.tenant)
    return str(id_)


# Prices, currencies, quantities


@pytest.mark.parametrize(
    ("code", "interval", "currency", "words"),
    [
        ("gold", "month", "usd", "There is no plan 'gold'."),
        ("starter", "week", "usd", "There is no interval 'week'."),
        ("starter", "month", "sek", "There is no currency 'sek'. Choose one of usd, eur, gbp, jpy."),
        ("starter", "month", "USD", "There is no currency 'USD'."),
        ("free", "month", "usd", "Free costs nothing"),
    ],
)
def test_what_has_no_price_can_not_be_chosen(code: str, interval: str, currency: str, words: str) -> None:
    with pytest.raises(UnknownPlan) as caught:
        catalog.price(code, interval, currency)
    assert words in (caught.value.detail or "")


def test_a_wrong_currency_begins_no_payment(app: Flask, owner: Person, stripe: Stripe) -> None:
    page = owner.open("/billing/choose?plan=starter")
    before = rows(app, owner)
    stripe.forget_calls()
    for currency in ("sek", "USD", "", "usd' --", "x" * 5_000):
        answer = submit(owner, page, "/billing/checkout", currency=currency)
        assert (answer.status_code, "There is no currency" in answer.text) == (422, True), currency
    assert (stripe.calls("post"), rows(app, owner)) == ({}, before)
    assert submit(owner, page, "/billing/checkout", currency="eur").status_code == 303  # the control


def test_who_pays_in_one_currency_is_never_charged_in_another(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    page = owner.open("/billing/choose?plan=scale&currency=jpy")
    assert submit(owner, page, "/billing/change", currency="jpy").status_code == 303
    assert {row["currency"] for row in rows(app, owner)["subscriptions"]} == {"usd"}
    act = partial(changing.change_plan, owner.tenant, catalog.price("growth", "month", "eur"), at_once=True, **WHO)
    refused(app, owner, stripe, UnknownPlan, act)


def test_a_number_of_seats_that_is_none_buys_none(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    page = owner.open("/billing/seats?people=7")
    before = rows(app, owner)
    stripe.forget_calls()
    for extra in ("0", "-1", "1.5", "1e3", "٣", "10001", "", "many", "9" * 400):
        answer = submit(owner, page, "/billing/seats", extra=extra)
        assert (answer.status_code, "Choose a number of seats" in answer.text) == (422, True), extra
    assert (stripe.calls("post"), rows(app, owner)) == ({}, before)
    for number in (0, -1, 10_001, *FLOATS):
        refused(app, owner, stripe, BadQuantity, partial(seats.buy, owner.tenant, number, actor="user:tests"))
    assert submit(owner, page, "/billing/seats").status_code == 303  # the control
    assert plan_of(app, owner)[1]["seats"] == 7


# Amounts


def test_amounts_are_integers_in_the_minor_unit_and_nothing_else(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    id_, invoice = owner.tenant, paid_invoice(app, owner)
    for amount in FLOATS:
        refused(app, owner, stripe, BadCredit, partial(favours.credit, id_, amount, **WHO))
        refused(app, owner, stripe, BadPrice, partial(favours.own_price, id_, amount, None, **WHO))
        refused(app, owner, stripe, BadRefund, partial(refunds.refund, id_, invoice, amount, **WHO))
        refused(app, owner, stripe, BadCap, partial(agreeing.agree, id_, amount, actor="user:tests"))
    for act in (
        partial(refunds.refund, id_, invoice, 400, **WHO),
        partial(favours.own_price, id_, 400, None, **WHO),
        partial(favours.credit, id_, 400, **WHO),
        partial(agreeing.agree, id_, 400, actor="user:tests"),
    ):
        attempt(app, act)  # the control
    found = rows(app, owner)
    assert (found["customers"][0]["balance"], found["customers"][0]["spending_cap"]) == (-400, 400)
    assert [row["refunded"] for row in found["invoices"]] == [400]


def test_a_cap_that_is_no_amount_of_their_currency_is_refused(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    page = owner.open("/billing/usage")
    before = rows(app, owner)
    for cap in ("-1", "1e3", "nan", "12.505", "1,000", "", "9" * 30):
        assert submit(owner, page, "/billing/usage", cap=cap).status_code == 422, cap
    assert rows(app, owner) == before
    assert submit(owner, page, "/billing/usage", cap="12,50").status_code == 303  # the control


# Codes


def test_a_code_that_is_over_is_refused_whenever_its_end_comes(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner)
    v1, mark = stripe.shop.v1, uuid7().hex[-10:].upper()
    coupon = v1.coupons.create({"percent_off": 10, "duration": "forever", "name": "Spring"}).id
    promotion = {"type": "coupon", "coupon": coupon}
    soon = v1.promotion_codes.create({"promotion": promotion, "code": f"S{mark}", "expires_at": int(time.time()) + 2})
    v1.promotion_codes.create({"promotion": promotion, "code": f"G{mark}"})
    off = v1.promotion_codes.create({"promotion": promotion, "code": f"O{mark}"})
    v1.promotion_codes.update(off.id, {"active": False})
    eventually(lambda: not v1.promotion_codes.retrieve(soon.id).active)
    redeem = partial(promotions.redeem, owner.tenant, actor="user:tests")
    for code in (f"S{mark}", f"O{mark}", "NEVER", "", " ", "x" * 101, "a\0b"):
        said = refused(app, owner, stripe, BadCode, partial(redeem, code))
        assert "There is no such code, or its time is over." in said, code
    with monkeypatch.context() as patched:  # it ended between the two calls
        patched.setattr(gateway_promotions, "find", lambda _code: gateway_promotions.Promotion(soon.id))
        before = rows(app, owner)
        with pytest.raises(BadCode, match="Nothing was changed"):
            attempt(app, partial(redeem, f"S{mark}"))
        assert rows(app, owner) == before
    attempt(app, partial(redeem, f"g{mark}".lower()))  # the control
    assert rows(app, owner)["subscriptions"][0]["discount"] == "Spring: 10 % off"


# What is not there any more


def test_a_customer_that_was_deleted_at_stripe_before_we_hear_of_it(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    ((customer,),) = sql(app, "SELECT stripe_id FROM platform.customers WHERE tenant = :t", t=owner.tenant)
    stripe.shop.v1.customers.delete(customer)
    before, id_ = rows(app, owner), owner.tenant
    for act in (
        partial(changing.change_plan, id_, catalog.price("scale", "month"), **WHO),
        partial(service.cancel, id_, at_period_end=True, **WHO),
        partial(service.portal, id_, "http://localhost"),
        partial(seats.buy, id_, 2, actor="user:tests"),
        partial(favours.credit, id_, 400, **WHO),
    ):
        with pytest.raises((Missing, Conflict)):
            attempt(app, act)
        assert rows(app, owner) == before, act
    stripe.deliver(owner.browser)
    assert plan_of(app, owner)[0] == "free"
    subscribe(stripe, owner)  # the control: they are a customer again
    assert plan_of(app, owner)[0] == "starter"


# Modes


def test_to_a_live_key_an_event_of_the_test_mode_is_none(settings: Settings, stripe: Stripe) -> None:
    event = {"object": "event", "id": f"evt_{uuid7().hex}", "type": "product.updated", "data": {"object": {"id": "p"}}}
    with application(settings, stripe_secret_key="sk_live_x") as app:
        door = database.browser(app)
        for live, status in ((False, 400), (True, 200)):  # the second is the control
            body = json.dumps(event | {"livemode": live}).encode()
            assert post(door, body, stripe.sign(body)).status_code == status
            kept = sql(app, "SELECT 1 FROM platform.stripe_events WHERE id = :id", id=event["id"])
            assert len(kept) == int(live)


# Stripe is down, slow, or does it without saying so


SENDS = {
    "seats": "post /v1/subscriptions/{subscription_exposed_id}",
    "credit": "post /v1/customers/{customer}/balance_transactions",
    "refund": "post /v1/refunds",
    "change": "post /v1/subscriptions/{subscription_exposed_id}",
}


def acts(app: Flask, owner: Person) -> dict[str, Callable[..., object]]:
    id_, invoice = owner.tenant, paid_invoice(app, owner)
    return {
        "seats": partial(seats.buy, id_, 2, actor="user:tests"),
        "credit": partial(favours.credit, id_, 400, **WHO),
        "refund": partial(refunds.refund, id_, invoice, 300, **WHO),
        "change": partial(changing.change_plan, id_, catalog.price("scale", "month"), **WHO),
    }


@pytest.mark.parametrize("mode", ["500", "429", "slow"])
def test_while_stripe_is_down_or_slow_nothing_is_half_done(
    app: Flask, owner: Person, stripe: Stripe, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner)
    before = rows(app, owner)
    with app.app_context():
        monkeypatch.setattr(connection, "PATIENCE", (0.3, 0.3))
        monkeypatch.setitem(app.extensions, connection._KEY, connection._build())
    for name, act in acts(app, owner).items():
        stripe.shop.control("POST", "faults", mode=mode, times=20, seconds=1.0 if mode == "slow" else 0)
        with pytest.raises(StripeAway, match="Nothing is lost"):
            attempt(app, act)
        stripe.mend()
        assert rows(app, owner) == before, name


@pytest.mark.usefixtures("unrepeated")
def test_what_stripe_did_without_an_answer_is_done_once_when_the_same_form_comes_again(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner)
    for name, act in acts(app, owner).items():
        key = uuid7()
        stripe.forget_calls()
        stripe.fail("lost", 1, at=SENDS[name])
        with pytest.raises(StripeAway):
            attempt(app, partial(act, key=key))
        assert stripe.calls("post")[SENDS[name].removeprefix("post ")] == 1, name  # it is done
        attempt(app, partial(act, key=key))
        with suppress(SamePlan):
            attempt(app, partial(act, key=key))
    stripe.deliver(owner.browser)
    found = rows(app, owner)
    assert (plan_of(app, owner)[0], found["customers"][0]["balance"]) == ("scale", 0)
    assert sum(row["refunded"] for row in found["invoices"]) == 300
    totals = sorted(row["total"] for row in found["invoices"])
    assert (totals[:-1], 27_100 < totals[-1] < 27_300) == ([800, 1_900], True)  # the seats, the plan, the change


def test_a_card_that_is_declined_leaves_what_was_planned_and_what_the_next_renewal_charges(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "scale")
    id_ = owner.tenant
    attempt(app, partial(changing.change_plan, id_, catalog.price("starter", "month"), **WHO))
    stripe.deliver(owner.browser)
    bad_card(app, owner, stripe)
    with pytest.raises(CardDeclined):
        attempt(app, partial(changing.change_plan, id_, catalog.price("scale", "year"), **WHO))
    stripe.deliver(owner.browser)
    (found,) = rows(app, owner)["subscriptions"]
    assert (found["plan"], found["interval"], found["next_plan"]) == ("scale", "month", "starter")


def test_a_card_that_is_declined_leaves_the_seats_that_were_paid_for_as_they_are(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner)
    id_ = owner.tenant
    attempt(app, partial(seats.buy, id_, 3, actor="user:tests"))
    attempt(app, partial(seats.follow, id_, 6))
    stripe.deliver(owner.browser)
    bad_card(app, owner, stripe)
    with pytest.raises(CardDeclined):
        attempt(app, partial(seats.buy, id_, 5, actor="user:tests"))
    stripe.deliver(owner.browser)
    attempt(app, partial(seats.follow, id_, 6))  # which a job does each minute
    (found,) = rows(app, owner)["subscriptions"]
    assert (found["seats"], found["seats_paid"], plan_of(app, owner)[1]["seats"]) == (1, 3, 8)
