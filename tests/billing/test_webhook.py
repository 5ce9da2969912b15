"""Stripe's door: what is let in, what is kept, and that it is kept before it is acknowledged."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tests.support import database
from tests.support.database import application, sql
from tests.support.payments import WEBHOOK, Stripe, post, work
from tests.support.people import Person
from tests.support.threads import listening, meeting_at, together


def event(**changes: Any) -> dict[str, Any]:
    made = {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "type": "product.created",
        "livemode": False,
        "data": {"object": {"id": "prod_x", "object": "product"}},
    }
    return made | changes


def body_of(made: dict[str, Any]) -> bytes:
    return json.dumps(made).encode()


def kept(app: Flask) -> tuple[int, int]:
    """How many events and jobs of theirs there are."""
    (row,) = sql(
        app,
        "SELECT (SELECT count(*) FROM platform.stripe_events),"
        " (SELECT count(*) FROM platform.jobs WHERE name = 'billing.handle')",
    )
    return tuple(row)


def test_an_event_is_kept_once_with_one_job_however_often_it_comes(
    app: Flask, browser: Browser, stripe: Stripe
) -> None:
    made = event()
    before = kept(app)
    for new in (True, False, False):
        answer = stripe.send(browser, made)
        assert (answer.status_code, answer.json()) == (200, {"received": True, "new": new})
    assert kept(app) == (before[0] + 1, before[1] + 1)
    (row,) = sql(app, "SELECT type, livemode, payload FROM platform.stripe_events WHERE id = :id", id=made["id"])
    assert (row.type, row.livemode, json.loads(row.payload)) == ("product.created", False, made)


def test_an_event_that_comes_twice_at_the_same_moment_is_kept_once(app: Flask, stripe: Stripe) -> None:
    body = body_of(event())
    before = kept(app)
    doors = [database.browser(app), database.browser(app)]
    with meeting_at(app, "INSERT INTO platform.stripe_events"):
        answers = together(*(lambda door=door: post(door, body, stripe.sign(body)) for door in doors))
    assert sorted((answer.status_code, answer.json()["new"]) for answer in answers) == [(200, False), (200, True)]
    assert kept(app) == (before[0] + 1, before[1] + 1)


def bad(stripe: Stripe) -> dict[str, tuple[bytes, str | None]]:
    good = body_of(event())
    live = body_of(event(livemode=True))
    later = body_of(event(id="evt_" + "x" * 300))
    huge = body_of(event(data={"object": {"id": "x" * 600_000}}))
    thin = body_of({"object": "v2.core.event", "id": "evt_x", "type": "x", "livemode": False})
    nul = body_of(event(type="a\0b"))
    right = stripe.sign(good)
    return {
        "no signature": (good, None),
        "an empty signature": (good, ""),
        "another secret": (good, stripe.sign(good, "whsec_of_another_endpoint")),
        "an altered byte": (good.replace(b"prod_x", b"prod_y"), right),
        "a byte more": (good + b" ", right),
        "an old timestamp": (good, stripe.sign(good, age=301)),
        "a timestamp made young": (good, right.replace(right[2:12], str(int(time.time()) + 60))),
        "a signature of another scheme": (good, right.replace("v1=", "v0=")),
        "a signature that is no text": (good, "t=1,v1=\xff"),
        "the other mode": (live, stripe.sign(live)),
        "an id too long": (later, stripe.sign(later)),
        "a type with NUL": (nul, stripe.sign(nul)),
        "too large": (huge, stripe.sign(huge)),
        "no JSON": (b"id=evt_1", stripe.sign(b"id=evt_1")),
        "JSON that is no event": (b"[1, 2]", stripe.sign(b"[1, 2]")),
        "JSON nested too deeply": (b"[" * 100_000, stripe.sign(b"[" * 100_000)),
        "a thin event": (thin, stripe.sign(thin)),
        "nothing": (b"", stripe.sign(b"")),
        "no text": (b"\xff\xfe", right),
    }


NAMES = [
    "no signature", "an empty signature", "another secret", "an altered byte", "a byte more", "an old timestamp",
    "a timestamp made young", "a signature of another scheme", "a signature that is no text", "the other mode",
    "an id too long", "a type with NUL", "too large", "no JSON", "JSON that is no event", "JSON nested too deeply",
    "a thin event", "nothing", "no text",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_stripes_is_refused_and_not_kept(app: Flask, browser: Browser, stripe: Stripe, name: str) -> None:
    cases = bad(stripe)
    assert list(cases) == NAMES
    body, signature = cases[name]
    before = kept(app)
    assert post(browser, body, signature).status_code == 400
    assert kept(app) == before
    good = body_of(event())  # the control
    assert post(browser, good, stripe.sign(good, age=240)).status_code == 200
    assert kept(app) == (before[0] + 1, before[1] + 1)


def test_what_was_recorded_on_its_way_is_refused_when_it_is_sent_again_later(
    app: Flask, browser: Browser, stripe: Stripe
) -> None:
    body = body_of(event())
    assert post(browser, body, stripe.sign(body, age=290)).status_code == 200
    before = kept(app)
    assert post(browser, body, stripe.sign(body, age=301)).status_code == 400  # as the first one is by now
    assert kept(app) == before


def test_each_of_two_secrets_opens_the_door(settings: Settings, stripe: Stripe) -> None:
    with application(settings, stripe_webhook_secret="whsec_old, whsec_new") as app:
        door = database.browser(app)
        for secret, status in (("whsec_old", 200), ("whsec_new", 200), ("whsec_older", 400), ("", 400)):
            body = body_of(event())
            assert post(door, body, stripe.sign(body, secret or " ")).status_code == status


@pytest.mark.parametrize(
    "changes", [{"stripe_webhook_secret": None}, {"stripe_webhook_secret": " , "}, {"stripe_secret_key": None}]
)
def test_without_a_secret_or_a_key_the_door_is_closed(
    settings: Settings, stripe: Stripe, changes: dict[str, str | None]
) -> None:
    with application(settings, **changes) as app:
        before = kept(app)
        body = body_of(event())
        for secret in (None, "", "None"):
            signature = stripe.sign(body, secret) if secret is None else stripe.sign(body, secret or " ")
            assert post(database.browser(app), body, signature).status_code == 503
        assert kept(app) == before


def test_the_door_is_on_the_bare_host_only_and_takes_posts_only(owner: Person, stripe: Stripe) -> None:
    body = body_of(event())
    headers = {"Stripe-Signature": stripe.sign(body)}
    assert owner.browser.request("POST", owner.home + WEBHOOK, data=body, headers=headers).status_code == 404
    assert (
        owner.browser.request("POST", "http://127.0.0.1:8000" + WEBHOOK, data=body, headers=headers).status_code == 200
    )
    assert owner.browser.request("GET", WEBHOOK).status_code == 405


def test_nothing_is_acknowledged_before_it_is_committed(app: Flask, stripe: Stripe) -> None:
    body, before = body_of(event()), kept(app)

    def refuse(_connection: object) -> None:
        raise OperationalError("COMMIT", None, Exception("the server is gone"))

    with listening(app, "commit", refuse):
        answer = post(database.browser(app), body, stripe.sign(body))
    assert answer.status_code >= 500
    assert kept(app) == before
    assert post(database.browser(app), body, stripe.sign(body)).status_code == 200  # sent again
    assert kept(app) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (event(type="product.created"), "not needed"),
        (event(type="charge.succeeded", data={"object": {"id": "ch_1", "payment_intent": "pi_x"}}), "not needed"),
        (event(type="something.we.never.heard.of"), "unknown type"),
        (event(type="customer.something.else"), "unknown type"),
        (event(type="invoice.upcoming", data={"object": {"object": "invoice"}}), "gone"),
        (event(type="invoice.upcoming", data={"object": {"parent": {"subscription_details": None}}}), "gone"),
        (event(type="invoice.deleted", data={"object": {"id": "in_gone"}}), "gone"),
        (event(type="charge.refunded", data={"object": {"id": "ch_1", "payment_intent": "pi_foreign"}}), "gone"),
        (event(type="charge.refunded", data={"object": {"id": "ch_1", "payment_intent": None}}), "gone"),
        (event(type="checkout.session.completed", data={"object": {"id": "cs_gone"}}), "gone"),
        (event(type="customer.created", data={}), "gone"),
        (event(type="customer.deleted", data={"object": {"id": "cus_gone"}}), "gone"),
        (event(type="customer.updated", data=[1]), "gone"),
        (event(type="payment_method.detached", data={"object": {"customer": None}}), "gone"),
        (event(type="subscription_schedule.updated", data={"object": {"id": "sub_sched_x"}}), "gone"),
        (event(type="test_helpers.test_clock.ready", data={"object": {"id": "clock_gone"}}), "gone"),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "",
)
def test_events_that_lead_to_nothing_are_kept_and_handled(
    app: Flask, browser: Browser, stripe: Stripe, made: dict[str, Any], outcome: str
) -> None:
    made = made | {"id": f"evt_{secrets.token_hex(8)}"}
    assert stripe.send(browser, made).status_code == 200
    work(app)
    (row,) = sql(app, "SELECT handled_at, outcome, tenant FROM platform.stripe_events WHERE id = :id", id=made["id"])
    assert (row.handled_at is not None, row.outcome, row.tenant) == (True, outcome, None)


def test_an_event_of_a_customer_we_never_made_is_kept_and_marked(app: Flask, browser: Browser, stripe: Stripe) -> None:
    made = stripe.shop.subscription()
    new = {found["type"]: found for found in stripe.events()}
    assert stripe.send(browser, new["customer.subscription.created"]).status_code == 200
    work(app)
    (row,) = sql(
        app, "SELECT outcome FROM platform.stripe_events WHERE id = :id", id=new["customer.subscription.created"]["id"]
    )
    assert row.outcome == "unknown customer"
    assert sql(app, "SELECT 1 FROM platform.subscriptions WHERE id = :id", id=made.id) == []


@pytest.fixture(autouse=True)
def _nothing_left_to_do(app: Flask, stripe: Stripe) -> Iterator[None]:
    yield
    work(app)
