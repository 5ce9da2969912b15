"""One business at the real services and at Stripe: what is asked, how its events come, and what is looked at."""

import json
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from flask import Flask

from billing import tasks
from billing.acting import checkout, paying, seats
from billing.acting.checkout import Payer
from billing.gateway.reading import at
from billing.gateway.webhooks import Envelope
from billing.inbox import events
from billing.plans import catalog
from saas.core.database import transaction
from saas.core.ids import uuid7
from tenants.usage import limits, stocks
from tests.support.clocks import Clocked, clocked
from tests.support.database import browser, sql
from tests.support.live import eventually
from tests.support.payments import Stripe
from tests.support.people import sign_up

WHO = {"actor": "user:tests", "reason": "A step of the machine."}
ACTOR = {"actor": "user:tests"}
IN_ORDER, SHUFFLED, TWICE, SOME_LOST, ALL_LOST = "in order", "shuffled", "twice", "some lost", "all lost"
WAYS = [IN_ORDER, SHUFFLED, TWICE, SOME_LOST, ALL_LOST]
_LIVE = ("trialing", "active", "past_due", "unpaid", "paused")


@dataclass
class Business:
    """It lives by a test clock."""

    app: Flask
    stripe: Stripe
    clock: Clocked

    @property
    def tenant(self) -> str:
        return self.clock.owner.tenant

    @property
    def home(self) -> str:
        return self.clock.owner.home

    @property
    def now(self) -> datetime:
        return self.clock.now

    def do(self, act: Any, *given: Any, **named: Any) -> Any:
        """As a request does."""
        with self.app.app_context(), transaction():
            return act(*given, **named)

    # What people do

    def choose(self, plan: str, interval: str) -> str:
        """Returns where to pay."""
        owner = self.clock.owner
        payer = Payer(self.tenant, "Owner & Sons", owner.email, "user:tests", f"{self.home}/billing/return")
        found: str = self.do(checkout.start, payer, catalog.price(plan, interval))
        return found

    def subscribe(self, plan: str, interval: str, seats_: int) -> None:
        """As the payment page does, whose sessions end by our own day and not by a test clock's."""
        prices = [f"freehold_{plan}_v1_{part}{interval}_usd" for part in ("", "seat_")]
        known = {one.lookup_key: one.id for one in self.stripe.shop.v1.prices.list({"lookup_keys": prices}).data}
        items: list[dict[str, Any]] = [{"price": next(id_ for key, id_ in known.items() if "_seat_" not in key)}]
        if seats_:
            items.append({"price": next(id_ for key, id_ in known.items() if "_seat_" in key), "quantity": seats_})
        about = {"customer": self.clock.customer, "items": items, "metadata": {"tenant": self.tenant}}
        self.stripe.shop.v1.subscriptions.create(about)

    def people(self, members: int) -> None:
        """So many are left of them, as far as counting goes."""
        now = "UPDATE platform.usage SET used = :n WHERE tenant = :t AND resource = 'seats'"
        sql(self.app, now, n=members, t=self.tenant)

    def follow(self, members: int) -> None:
        """The job that looks each minute which seats are needed."""
        self.do(seats.follow, self.tenant, members)

    def join(self) -> None:
        """Raises LimitReached."""
        self.do(stocks.add, limits.SEATS, tenant=self.tenant)

    def card(self, token: str) -> None:
        self.clock.pays_with(token)

    def pay(self) -> list[str]:
        """Returns the invoices that could not be paid."""
        return list(self.do(paying.pay_open, self.tenant, key=uuid7(), **ACTOR).refused)

    def reach(self, at_: datetime) -> None:
        clocks = self.stripe.shop.v1.test_helpers.test_clocks
        clocks.advance(self.clock.clock, {"frozen_time": int(at_.timestamp())})
        eventually(lambda: clocks.retrieve(self.clock.clock).status == "ready")
        self.clock.now = at_

    # How it is heard of

    def deliver(self, way: str, dice: Random) -> None:
        """Each event by a transaction that stores it and a job; what is lost is found by the comparison with Stripe."""
        new = self.stripe.events()
        if way != IN_ORDER:
            dice.shuffle(new)
        if way == TWICE:
            new = [*new, *dice.sample(new, len(new) // 2)]
        elif way == SOME_LOST:
            new = new[: len(new) // 3]
        elif way == ALL_LOST:
            new = []
        for event in new:
            self._deliver(event)
        if way in {SOME_LOST, ALL_LOST}:
            self._job(tasks._reconcile, tasks.reconcile_one.effect)
        self._job(tasks._dun, tasks.dun.effect)

    def _deliver(self, event: dict[str, Any]) -> None:
        about = event["data"]["object"].get("id")
        envelope = Envelope(event["id"], event["type"], False, json.dumps(event), at(event["created"]), about)
        self.do(events.receive, envelope)
        with self.app.app_context():
            fetched = tasks._fetch(uuid7(), event["id"])
        self.do(events.handle, event["id"], fetched)

    def _job(self, outside: Any, effect: Any) -> None:
        with self.app.app_context():
            told = outside(uuid7(), self.tenant)
        self.do(effect, self.tenant, told)

    # What is looked at

    def row(self) -> dict[str, Any]:
        """What the product reads, in the shape of a row of `access_changes`."""
        query = "SELECT plan, plan_version AS version, limits, standing FROM platform.tenants WHERE id = :t"
        ((plan, version, limits_, standing),) = sql(self.app, query, t=self.tenant)
        return {"plan": plan, "version": version, "limits": limits_, "standing": standing}

    def changes(self) -> list[Any]:
        """Why, the first change first."""
        query = 'SELECT "before", "after", rule, source FROM platform.access_changes WHERE tenant = :t ORDER BY id'
        return list(sql(self.app, query, t=self.tenant))

    def live_at_stripe(self) -> list[Any]:
        found = self.stripe.shop.v1.subscriptions.list({"customer": self.clock.customer, "status": "all", "limit": 100})
        return [one for one in found.data if one.status in _LIVE]

    def paid_at_stripe(self) -> dict[str, int]:
        found = self.stripe.shop.v1.invoices.list({"customer": self.clock.customer, "limit": 100}).data
        return {one.id: one.amount_paid for one in found if one.amount_paid}

    def charged_at_stripe(self) -> int:
        """What has left the customer's cards."""
        found = self.stripe.shop.v1.charges.list({"customer": self.clock.customer, "limit": 100}).data
        return sum(one.amount for one in found if one.paid)

    def paid_here(self) -> dict[str, int]:
        rows = sql(self.app, "SELECT id, paid FROM platform.invoices WHERE tenant = :t AND paid > 0", t=self.tenant)
        return {row.id: row.paid for row in rows}

    def renewals(self) -> list[int]:
        query = "SELECT total FROM platform.invoices WHERE tenant = :t AND reason = 'subscription_cycle'"
        return [row.total for row in sql(self.app, query + " ORDER BY created_at, id", t=self.tenant)]


def opened(app: Flask, stripe: Stripe) -> Business:
    """A business that has just signed up, with a card that works."""
    owner = sign_up(app, browser(app), limited=True)
    made = clocked(app, stripe, owner)
    method = stripe.shop.v1.payment_methods.attach("pm_card_visa", {"customer": made.customer})
    stripe.shop.v1.customers.update(made.customer, {"invoice_settings": {"default_payment_method": method.id}})
    stripe.events()
    return Business(app, stripe, made)
