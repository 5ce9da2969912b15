"""Delivers a life's events to a workspace that has seen none of them, in this process, and tells how it ends."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

from flask import Flask

from billing import tasks
from billing.gateway.reading import at
from billing.gateway.webhooks import Envelope
from billing.inbox import events
from saas.core.database import transaction
from saas.core.ids import uuid7
from tests.support.database import sql

AT_ONCE = 10
COPIES = 3
LOST = 0.05  # of the events

_FORGET = """
    WITH gone AS (DELETE FROM platform.subscriptions WHERE tenant = :t),
    invoices AS (DELETE FROM platform.invoices WHERE tenant = :t),
    flags AS (DELETE FROM platform.billing_flags WHERE tenant = :t),
    notices AS (DELETE FROM platform.billing_notices WHERE tenant = :t),
    jobs AS (DELETE FROM platform.jobs WHERE name LIKE 'billing.%' AND (args->>0 = :t OR args->>0 = ANY(:events))),
    events AS (DELETE FROM platform.stripe_events WHERE id = ANY(:events)),
    payer AS (
        INSERT INTO platform.customers (tenant, id, stripe_id, livemode, email, name)
        VALUES (:t, :id, :customer, false, 'ada@example.com', 'Ada')
        ON CONFLICT (tenant) DO UPDATE SET stripe_id = :customer, deleted_at = NULL, clock_at = NULL, fetched_at = NULL,
            currency = NULL, balance = 0, card_brand = NULL, card_last4 = NULL, card_expires = NULL
    )
    UPDATE platform.tenants SET plan = 'free', plan_version = 1, limits = '{}', standing = 'good', standing_until = NULL
    WHERE id = :t
"""
# How it has ended; times of ours are left out, and why access changed, since that tells the way and not the end.
_STATE = {
    "tenant": "SELECT plan, plan_version, limits, standing, standing_until FROM platform.tenants WHERE id = :t",
    "customer": "SELECT currency, balance, card_brand, card_last4, card_expires, clock_at, deleted_at IS NOT NULL"
    " FROM platform.customers WHERE tenant = :t",
    "subscriptions": "SELECT to_jsonb(s) - 'fetched_at' FROM platform.subscriptions s WHERE tenant = :t ORDER BY id",
    "invoices": "SELECT to_jsonb(i) - 'fetched_at' FROM platform.invoices i WHERE tenant = :t ORDER BY id",
    "flags": "SELECT kind, about FROM platform.billing_flags WHERE tenant = :t ORDER BY kind, about",
}
State = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Story:
    """A life that has been played."""

    name: str
    customer: str
    events: Sequence[Envelope]


@dataclass(frozen=True)
class Place:
    """A workspace in which lives happen, one after the other."""

    app: Flask
    tenant: str

    def begin(self, story: Story) -> None:
        """As if it had just become that customer, and no event had come."""
        known = {
            "t": self.tenant,
            "id": uuid7(),
            "customer": story.customer,
            "events": [one.id for one in story.events],
        }
        sql(self.app, _FORGET, **known)

    def in_order(self, story: Story) -> State:
        """Each event once, the oldest first."""
        self.begin(story)
        for event in story.events:
            self.deliver(event)
        return self.state()

    def shaken(self, story: Story, chance: Random, *, lost_share: float = LOST) -> State:
        """Each three times, in any order, ten at the same time; a share of them never comes, and then is looked for."""
        self.begin(story)
        lost = _some(story.events, chance, lost_share) if lost_share else set()
        coming = [event for event in story.events if event.id not in lost] * COPIES
        chance.shuffle(coming)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.deliver, coming))
        if lost:
            self.reconcile()
        return self.state()

    def deliver(self, event: Envelope) -> None:
        """The door and the job, each in transactions of its own."""
        with self.app.app_context():
            with transaction():
                events.receive(event)
            fetched = tasks._fetch(uuid7(), event.id)
            with transaction():
                events.handle(event.id, fetched)

    def reconcile(self) -> None:
        with self.app.app_context():
            looked = tasks._reconcile(uuid7(), self.tenant)
            with transaction():
                tasks.reconcile_one.effect(self.tenant, looked)

    def state(self) -> State:
        return {what: [tuple(row) for row in sql(self.app, query, t=self.tenant)] for what, query in _STATE.items()}


def envelope(event: dict[str, Any]) -> Envelope:
    about = event["data"]["object"].get("id")
    return Envelope(event["id"], event["type"], False, json.dumps(event), at(event["created"]), about)


def differing(found: State, wanted: State) -> str:
    """In which parts, and how."""
    parts = [f"{what}: {found[what]} is not {wanted[what]}" for what in wanted if found[what] != wanted[what]]
    return "\n".join(parts)


def _some(coming: Iterable[Envelope], chance: Random, share: float) -> set[str]:
    """One at least."""
    ids = [event.id for event in coming]
    return {chance.choice(ids)} | {id_ for id_ in ids if chance.random() < share}
