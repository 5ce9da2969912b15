"""What is killed between a webhook's arrival and what it leads to."""

from typing import Any
from unittest import mock

import sqlalchemy as sa
from flask import current_app

from billing.inbox import events
from billing.inbox.kinds import About, Fetched
from billing.models import StripeEvent
from saas.core.database import db
from saas.core.settings import current_settings
from tests.support.payments import WEBHOOK, work


def receive(body: str, signature: str) -> None:
    """At Stripe's door, as Stripe sends it."""
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
    current_app.test_client().post(WEBHOOK, data=body, headers=headers, base_url=current_settings().site_url)


def handle() -> None:
    """What a worker does with it."""
    work(current_app._get_current_object(), "billing.handle")  # type: ignore[attr-defined]


def handle_marked_first() -> None:
    """What the rules forbid, for the control: the event is marked before what it leads to is written down."""
    plain_about, plain_handle = events.about, events.handle

    def mark(event_id: str, at: Any) -> None:
        db.session.execute(sa.update(StripeEvent).where(StripeEvent.id == event_id).values(handled_at=at))

    def about(event_id: str) -> About | None:
        found = plain_about(event_id)
        mark(event_id, sa.func.now())
        return found

    def then(event_id: str, fetched: Fetched | None) -> None:
        mark(event_id, None)  # so that it is looked at at all
        plain_handle(event_id, fetched)

    with mock.patch.multiple(events, about=about, handle=then):
        handle()
