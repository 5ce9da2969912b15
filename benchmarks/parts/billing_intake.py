"""Webhooks at a steady pace: ours, and the least that Stripe recommends, by turns."""

import copy
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from benchmarks import children, stand
from benchmarks.figures import AtLeast, AtMost, Figure, Part
from benchmarks.parts import billing_sender, billing_stand, plain_webhook
from benchmarks.parts.billing_stand import Shop
from benchmarks.timing import percentile
from saas.devstack import ports, processes, stack
from saas.devstack.errors import DevstackError
from saas.devstack.processes import Program
from saas.devstack.state import ROOT

BAR = AtMost(20)  # ms
RATE, _SECONDS = 200, 30
_WARM_UP = 200
_GRANIAN = "--interface wsgi --host 127.0.0.1 --workers 1 --blocking-threads 64"  # as in production
_OURS, _PLAIN = "wsgi:app", "benchmarks.parts.plain_webhook:app"
_STORED = {
    _OURS: "SELECT count(*) FROM platform.stripe_events e JOIN platform.jobs j ON j.args->>0 = e.id",
    _PLAIN: "SELECT count(*) FROM public.plain_events",
}


@dataclass
class Taken:
    """What became of the webhooks of one kind of door."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    sent: int = 0
    stored: int = 0

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 99) * 1000

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) * 1000


def measure(shop: Shop, rounds: int, *, tiny: bool) -> Part:
    events = 20 if tiny else RATE * _SECONDS
    _prepare(shop)
    taken = {_OURS: Taken(), _PLAIN: Taken()}
    for number in range(1 if tiny else rounds):
        for site in (_OURS, _PLAIN) if number % 2 == 0 else (_PLAIN, _OURS):
            _take(shop, site, events, _WARM_UP if not tiny else 2, taken[site])
    ours, plain = taken[_OURS], taken[_PLAIN]
    figures = [
        Figure("webhooks taken in: all are stored, with a job", ours.stored / ours.sent, "ratio", AtLeast(1)),
        Figure("webhooks taken in: refused or unanswered", ours.refused + plain.refused, "webhooks", AtMost(0)),
        Figure(f"webhooks at {RATE} a second, p99", ours.p99, "ms", BAR),
        Figure(f"webhooks at {RATE} a second, median", ours.median, "ms"),
        Figure("the least that Stripe recommends, p99", plain.p99, "ms"),
        Figure("the least that Stripe recommends, median", plain.median, "ms"),
        Figure("ours / the least, p99", ours.p99 / plain.p99, "ratio"),
        Figure("ours / the least, median", ours.median / plain.median, "ratio"),
    ]
    return Part(figures, _how(events, rounds))


def _how(events: int, rounds: int) -> str:
    return (
        f"Intake: {events:,} signed events at {RATE} a second over {billing_sender.LINES} connections to one granian "
        f"as in production, {rounds} times, by turns with a plain Flask view that verifies with "
        "stripe.Webhook.construct_event and inserts by psycopg2. The time of each counts from when it was due. Ours "
        "stores the event and a job, in one transaction."
    )


def _prepare(shop: Shop) -> None:
    shop.ground.as_superuser(
        plain_webhook.TABLE,
        "GRANT SELECT, INSERT ON public.plain_events TO PUBLIC",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",
    )


def _take(shop: Shop, site: str, events: int, warm_up: int, into: Taken) -> None:
    billing_stand.forget(shop, "stripe_events", "jobs CASCADE")
    shop.ground.as_superuser("TRUNCATE public.plain_events")
    with _web(shop, site) as port, children.running(billing_sender.sender, "localhost:8000") as sender:
        sender.send((port, RATE, _bodies(shop, warm_up)))
        sender.recv()
        sender.send((port, RATE, _bodies(shop, events)))
        found = sender.recv()
    into.seconds += [took for took, _ in found]
    into.refused += sum(status != 200 for _, status in found)
    into.sent += events
    into.stored += billing_stand.count(shop, _STORED[site]) - warm_up


def _bodies(shop: Shop, number: int) -> list[tuple[bytes, str]]:
    """Events as Stripe sends them, each with an id of its own."""
    found = []
    for place in range(number):
        event = copy.copy(shop.events[place % len(shop.events)])
        body = json.dumps(event | {"id": f"evt_{uuid4().hex}"}).encode()
        found.append((body, shop.signed(body)))
    return found


@contextmanager
def _web(shop: Shop, site: str) -> Iterator[int]:
    port = ports.free()
    command = [sys.executable, "-m", "granian", *_GRANIAN.split(), "--port", str(port), site]
    env = shop.environment() | {"PLAIN_DSN": stand.dsn(shop.settings.database_url)}
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder:
        web = processes.start(Program("web", command, Path(folder) / "web.log", env, ROOT))
        try:
            while not stack.is_ready(port):
                if web.poll() is not None:
                    raise DevstackError(stack.ended(web))
                time.sleep(0.02)
            yield port
        finally:
            web.stop()
