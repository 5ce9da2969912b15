"""A stand-in for Stripe with a customer and a subscription for each tenant, and the application that asks it."""

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
import stripe
from flask import Flask

from benchmarks.stand import Stand
from billing.gateway import products
from billing.gateway.connection import API_VERSION
from billing.models import Customer
from billing.offering import sync
from billing.plans import catalog
from billing.plans.catalog import Part
from billing.plans.model import PLAN
from billing.sandbox import signing
from saas.app import create_app
from saas.core.database import db, transaction
from saas.core.settings import Settings
from saas.devstack import stripe as standin

EACH = 10  # events of a customer
_AT_ONCE = 4


@dataclass
class Shop:
    """`events` are Stripe's own, ten of each customer, as it has stored them."""

    ground: Stand  # whose application asks the stand-in
    server: standin.Server
    events: list[dict[str, Any]] = field(default_factory=list)
    made_in: float = 0.0  # seconds, for customers and subscriptions at the stand-in

    @property
    def settings(self) -> Settings:
        return self.ground.settings

    @property
    def app(self) -> Flask:
        return self.ground.app

    def environment(self) -> dict[str, str]:
        values = self.settings.model_dump()
        return os.environ | {name.upper(): str(value) for name, value in values.items() if value is not None}

    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            self.server.key, stripe_version=API_VERSION, base_addresses={"api": self.server.url}
        )  # fmt: skip

    def calls(self) -> int:
        """How many the stand-in was asked since `forget_calls`."""
        found: dict[str, int] = self.ask("GET", "/_standin/calls").json()["calls"]
        return sum(count for name, count in found.items() if "/v1/" in name)

    def forget_calls(self) -> None:
        self.ask("DELETE", "/_standin/calls")

    def signed(self, body: bytes) -> str:
        return signing.header(self.server.webhook_secret, body, int(time.time()))

    def ask(self, verb: str, path: str, **options: Any) -> requests.Response:
        """The stand-in, without the package."""
        headers = {"Authorization": f"Bearer {self.server.key}"}
        return requests.request(verb, self.server.url + path, headers=headers, timeout=60, **options)


@contextmanager
def ready(ground: Stand) -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder, standin.running(Path(folder)) as server:
        known = {
            "stripe_secret_key": server.key,
            "stripe_api_url": server.url,
            "stripe_webhook_secret": server.webhook_secret,
        }
        settings = ground.settings.model_copy(update=known)
        shop = Shop(replace(ground, settings=settings, app=create_app(settings)), server)
        with shop.app.app_context():
            for _line in sync.sync():
                pass
        _fill(shop)
        yield shop


def _fill(shop: Shop) -> None:
    """Each tenant becomes a customer that pays for Starter; our side knows the customer and nothing else yet."""
    began = time.monotonic()
    with shop.app.app_context():
        starter = catalog.price("starter", "month")
        (price,) = products.tariff_ids([products.Tariff(Part(starter.plan, PLAN), starter.interval, starter.currency)])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        made = list(pool.map(lambda tenant: _customer(shop, tenant, price), shop.ground.tenants))
    shop.made_in = time.monotonic() - began
    with shop.app.app_context(), transaction():
        for tenant, customer in zip(shop.ground.tenants, made, strict=True):
            row = {"tenant": tenant, "livemode": False, "email": "ada@example.com", "name": "Ada"}
            db.session.add(Customer(**row, stripe_id=customer))
    shop.events = list(_ten_of_each(shop))


def _customer(shop: Shop, tenant: str, price: str) -> str:
    v1: Any = shop.client().v1
    about = {"email": "ada@example.com", "name": "Ada", "metadata": {"tenant": tenant}}
    made = v1.customers.create(
        about | {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    v1.subscriptions.create({"customer": made.id, "items": [{"price": price}], "metadata": {"tenant": tenant}})
    return str(made.id)


def _ten_of_each(shop: Shop) -> Iterator[dict[str, Any]]:
    """The last ten that Stripe has sent of each customer."""
    seen: dict[str, int] = {}
    for event in _newest_first(shop):
        about = event["data"]["object"]
        customer = about["id"] if about["object"] == "customer" else about.get("customer")
        if customer and seen.setdefault(customer, 0) < EACH:
            seen[customer] += 1
            yield event


def _newest_first(shop: Shop) -> Iterator[dict[str, Any]]:
    """As they are sent, which the package's own objects are not."""
    asked: dict[str, Any] = {"limit": 100}
    while True:
        found = shop.ask("GET", "/v1/events", params=asked).json()
        yield from found["data"]
        if not found["has_more"]:
            return
        asked["starting_after"] = found["data"][-1]["id"]


def forget(shop: Shop, *tables: str) -> None:
    shop.ground.as_superuser(*(f"TRUNCATE platform.{table}" for table in tables))


def count(shop: Shop, query: str) -> int:
    with shop.app.app_context():
        return int(db.session.scalar(sa.text(query)) or 0)
