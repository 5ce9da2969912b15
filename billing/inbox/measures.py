"""What /metrics tells of Stripe's events: how many came, of which types, and whether they are handled."""

from collections.abc import Iterator
from typing import cast

import sqlalchemy as sa
from flask import Flask, current_app
from flask.sansio.app import App
from prometheus_client import Counter, Metric
from prometheus_client.core import GaugeMetricFamily

from billing.inbox import kinds
from billing.models import StripeEvent
from saas.core import observability
from saas.core.database import db

_KEY = "freehold.stripe_events"


def init_app(app: App) -> None:
    """Of the application that a blueprint is registered with."""
    app.extensions[_KEY] = Counter(
        "freehold_stripe_events_total",
        "Events of Stripe's that this process let in, by type; of an unknown type nothing is done about them",
        ["type", "known", "new"],
        registry=None,
    )
    for reading in (_came, _waiting):
        observability.measure(cast("Flask", app), reading)


def count(type_: str, *, new: bool) -> None:
    """An event has come; types are Stripe's, since what is counted has its signature."""
    known = "yes" if kinds.known(type_) else "no"
    counter: Counter = current_app.extensions[_KEY]
    counter.labels(type_, known, "yes" if new else "no").inc()


def _came() -> Iterator[Metric]:
    counter: Counter = current_app.extensions[_KEY]
    yield from counter.collect()


def _waiting() -> Iterator[Metric]:
    since = sa.func.extract("epoch", sa.func.now() - sa.func.min(StripeEvent.received_at))
    query = sa.select(sa.func.count(), since).where(StripeEvent.handled_at.is_(None))
    waiting, oldest = db.session.execute(query).one()
    yield GaugeMetricFamily("freehold_stripe_events_waiting", "Events that no job has handled yet", waiting)
    about = "How long the oldest event has waited that no job has handled yet"
    yield GaugeMetricFamily("freehold_stripe_events_oldest_seconds", about, float(oldest or 0))
