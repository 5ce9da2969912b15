"""The history names who did something and why, also what changes no limit, and tells customers no names of ours."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from billing.acting import favours, refunds, service
from billing.entitlement import entitlements, overrides
from billing.gateway import subscriptions
from billing.why import explaining, phrases
from saas.core.database import transaction
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import Stripe, location, subscribe
from tests.support.people import Person

WHO = {"actor": "user:01a208d7-28ec-7068-ab52-edea9e8c727e", "reason": "They moved house."}
_US = "an admin of this site"


def history(app: Flask, owner: Person, *, plainly: bool = False) -> list[str]:
    """The oldest first, each without its day."""
    naming = partial(phrases.to_members, tenant=owner.tenant) if plainly else phrases.to_admins
    with app.app_context(), transaction():
        told = [one.text for one in explaining.explain(owner.tenant, naming, most=100).history]
    return [one.split(" ", 4)[4] for one in reversed(told)]


def do(app: Flask, owner: Person, act: Any, *args: Any, **options: Any) -> Any:
    with app.app_context(), transaction():
        return act(owner.tenant, *args, **options, **WHO)


def ended_while_the_webhook_comes(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str, str | None]:
    """Cause, source and reason of the change; the event is handled before the act has stored anything."""
    subscribe(stripe, owner, "starter")
    end = subscriptions.cancel_now

    def slowly(*args: Any, **options: Any) -> None:
        end(*args, **options)
        stripe.deliver(owner.browser)

    with monkeypatch.context() as patched:
        patched.setattr(subscriptions, "cancel_now", slowly)
        do(app, owner, service.cancel, at_period_end=False)
    query = "SELECT cause, source, reason FROM platform.access_changes WHERE tenant = :t ORDER BY id DESC LIMIT 1"
    (found,) = sql(app, query, t=owner.tenant)
    return tuple(found)


def test_an_end_that_an_event_tells_first_is_its_admins(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ended_while_the_webhook_comes(app, owner, stripe, monkeypatch)
    assert found == ("person", WHO["actor"], WHO["reason"])
    assert f"{_US} moved it from Starter 1 to Free: " in history(app, owner, plainly=True)[-2]


def test_control_where_nobody_looks_what_is_under_way_it_is_the_events(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entitlements, "_under_way", lambda _tenant: None)
    assert ended_while_the_webhook_comes(app, owner, stripe, monkeypatch)[0] == "event"


def test_what_changes_no_limit_is_told_too(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "growth")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
    do(app, owner, service.extend_trial, until)
    do(app, owner, favours.credit, 1_250)
    do(app, owner, favours.own_price, 5_000, 3)
    do(app, owner, service.cancel, at_period_end=True)
    do(app, owner, service.resume)
    told = history(app, owner)[-5:]
    named, why = WHO["actor"], "“They moved house.”"
    assert told == [
        f"{named} let the trial last until {phrases.day(until)}. {why}",
        f"{named} gave credit of $12.50 for the next invoices. {why}",
        f"{named} gave a price of its own: $50.00 a month, for 3 months. {why}",
        f"{named} cancelled the plan, which ends on {phrases.day(until)}. {why}",
        f"{named} took back the cancellation: the plan goes on. {why}",
    ]
    assert [one.replace(_US, named) for one in history(app, owner, plainly=True)[-5:]] == told


def test_money_that_went_back_is_told(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "starter")
    invoice = sql(app, "SELECT id FROM platform.invoices WHERE tenant = :t", t=owner.tenant)[0].id
    do(app, owner, refunds.refund, invoice, 250)
    back = do(app, owner, favours.cancel_and_refund)
    told = " / ".join(history(app, owner))
    assert "paid back $2.50 of an invoice. “They moved house.”" in told
    assert f"ended the plan at once, and paid back ${back / 100:.2f}. “They moved house.”" in told


def test_members_read_plain_words_and_no_ids(app: Flask, owner: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    location(owner, owner.open("/billing/seats?people=102"), "/billing/seats")
    location(owner, owner.open("/billing/choose?plan=starter"), "/billing/change")
    shown = words(owner.open("/billing/history"))
    assert "Scale 1, by the subscription: $299.00 a month" in shown
    assert " a payment moved it from Free to Scale 1: " in shown
    assert f"{owner.email} bought 2 seats: 100 → 102." in shown
    assert f"{owner.email} chose Starter by the month, from " in shown
    assert [part for part in ("sub_", "evt_", "Room for more", "Chosen on the plan page") if part in shown] == []


def test_an_override_is_over_on_the_day_after_its_last(app: Flask, owner: Person) -> None:
    last = datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC)
    do(app, owner, overrides.override, "records", 5, last)
    with app.app_context(), transaction():
        (coming,) = [one.text for one in explaining.explain(owner.tenant).facts if one.about == "To come"]
    assert coming == "Records: the plan's own limit again from 1 Jan 2031 on."
