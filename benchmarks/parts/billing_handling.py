"""Events that wait, handled by two workers which ask Stripe again for each; and by the loop that people write first."""

import json
import time
from collections.abc import Callable
from typing import Any

import psycopg2

from benchmarks import stand
from benchmarks.figures import AtLeast, AtMost, Figure, Part
from benchmarks.parts import billing_stand, job_processes
from benchmarks.parts.billing_stand import Shop
from billing.gateway.reading import at
from billing.gateway.webhooks import Envelope
from billing.inbox import events, kinds
from saas.core.database import transaction

BAR = AtMost(120)  # seconds, for 10,000
_PROMISED = 10_000
_MOST = 1_800.0  # seconds
_OPEN = "SELECT count(*) FROM platform.stripe_events WHERE handled_at IS NULL"
_TABLE = """
CREATE TABLE IF NOT EXISTS public.plain_objects (id text PRIMARY KEY, status text, told text);
GRANT SELECT, INSERT, UPDATE ON public.plain_objects TO PUBLIC
"""
_UPSERT = """
INSERT INTO public.plain_objects VALUES (%s, %s, %s)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, told = excluded.told
"""


def measure(shop: Shop, *, tiny: bool) -> Part:
    """At its own size the naive loop has a tenth of the events, and its time is told for all of them."""
    waiting = shop.events[:20] if tiny else shop.events
    _queue(shop, waiting)
    shop.forget_calls()
    with job_processes.running(shop.ground):
        began = time.monotonic()
        _await(lambda: not billing_stand.count(shop, _OPEN))
        took = time.monotonic() - began
    calls, handled = shop.calls(), _placed(shop)
    share = waiting if tiny else waiting[::10]
    shop.forget_calls()
    plain = _plainly(shop, share) * len(waiting) / len(share)
    plain_calls = shop.calls() / len(share)
    bar = BAR if len(waiting) >= _PROMISED else None
    return Part(
        [
            Figure(f"{len(waiting):,} events of {len(shop.ground.tenants):,} customers handled in", took, "s", bar),
            Figure("events handled whose tenant is known", handled / _ours(waiting), "ratio", AtLeast(1)),
            Figure("calls to Stripe for each event", calls / len(waiting), "calls"),
            Figure("the naive loop in one process, for as many", plain, "s"),
            Figure("its calls for each event", plain_calls, "calls"),
            Figure("the naive loop's time / ours", plain / took, "ratio"),
        ],
        _how(shop),
    )


def _how(shop: Shop) -> str:
    return (
        f"Handling: the first events of each customer ({shop.made_in:.0f} s to make them at the stand-in), all stored "
        "and waiting before two dispatchers and two workers begin; each fetches what it is about from the stand-in, "
        "which is a process on the same machine, and settles its tenant. The naive loop fetches one object for each "
        "event and upserts it, without jobs, locks or entitlements."
    )


def _queue(shop: Shop, waiting: list[dict[str, Any]]) -> None:
    billing_stand.forget(shop, "stripe_events", "jobs CASCADE")
    with shop.app.app_context():
        for start in range(0, len(waiting), 500):
            with transaction():
                for event in waiting[start : start + 500]:
                    about = event["data"]["object"].get("id")
                    text, made = json.dumps(event), at(event["created"])
                    events.receive(Envelope(event["id"], event["type"], False, text, made, about))


def _placed(shop: Shop) -> int:
    return billing_stand.count(shop, "SELECT count(*) FROM platform.stripe_events WHERE tenant IS NOT NULL")


def _ours(waiting: list[dict[str, Any]]) -> int:
    """How many are of a kind that makes us ask."""
    return sum(kinds.known(event["type"]) and not kinds.ignored(event["type"]) for event in waiting)


def _plainly(shop: Shop, waiting: list[dict[str, Any]]) -> float:
    shop.ground.as_superuser(*(one for one in _TABLE.split(";") if one.strip()))
    v1: Any = shop.client().v1
    fetch: dict[str, Callable[[str], Any]] = {
        "customer": v1.customers.retrieve,
        "subscription": v1.subscriptions.retrieve,
        "invoice": v1.invoices.retrieve,
        "charge": v1.charges.retrieve,
        "payment_intent": v1.payment_intents.retrieve,
        "payment_method": v1.payment_methods.retrieve,
    }
    connection = psycopg2.connect(stand.dsn(shop.settings.database_url))
    began = time.monotonic()
    for event in waiting:
        about = event["data"]["object"]
        if ask := fetch.get(about["object"]):
            found = ask(about["id"])
            with connection, connection.cursor() as cursor:
                cursor.execute(_UPSERT, (about["id"], getattr(found, "status", None), str(found)))
    took = time.monotonic() - began
    connection.close()
    return took


def _await(done: Callable[[], bool]) -> None:
    until = time.monotonic() + _MOST
    while not done():
        if time.monotonic() > until:
            raise RuntimeError(f"not all events were handled within {_MOST:.0f} s")
        time.sleep(0.2)
