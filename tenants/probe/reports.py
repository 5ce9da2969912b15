"""The dated reports, and what they say of the isolation as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum

import sqlalchemy as sa
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from saas.core.database import db
from tenants.probe.models import ProbeReport
from tenants.probe.outcomes import Outcome
from tenants.probe.service import Report

EVERY = 600  # seconds between two runs
MOST_FINDINGS = 100  # kept of one run
KEEP = timedelta(days=90)
STALE = timedelta(seconds=3 * EVERY)
STANDS = timedelta(days=1)  # how long a crossing stands red after the last run that had one


class State(StrEnum):
    CROSSED = "crossed"
    BLIND = "blind"  # part of what the newest run tried proves nothing
    STALE = "stale"  # the newest run is too old
    NEVER = "never"  # there was none yet
    CLEAN = "clean"


@dataclass(frozen=True)
class Health:
    state: State
    newest: ProbeReport | None
    crossed: ProbeReport | None  # the newest run of the last day that crossed


def keep(report: Report) -> None:
    """Add a row in the caller's transaction, and remove those that are too old."""
    now = sa.func.now()
    db.session.add(
        ProbeReport(
            started_at=now - timedelta(seconds=report.seconds),
            finished_at=now,
            attempts=len(report.attempts),
            blind=report.count(Outcome.BLIND),
            crossed=report.count(Outcome.CROSSED),
            ways=report.ways(),
            findings=[asdict(attempt) for attempt in report.findings()[:MOST_FINDINGS]],
        )
    )
    db.session.execute(sa.delete(ProbeReport).where(ProbeReport.finished_at < now - KEEP))


def newest(most: int) -> Sequence[ProbeReport]:
    return db.session.scalars(sa.select(ProbeReport).order_by(ProbeReport.id.desc()).limit(most)).all()


def health() -> Health:
    last = next(iter(newest(1)), None)
    recent = ProbeReport.started_at > sa.func.now() - STANDS
    crossings = sa.select(ProbeReport).where(ProbeReport.crossed > 0, recent).order_by(ProbeReport.id.desc())
    crossed = db.session.scalar(crossings.limit(1))
    return Health(_state(last, crossed), last, crossed)


def _state(last: ProbeReport | None, crossed: ProbeReport | None) -> State:
    if crossed:
        return State.CROSSED
    if last is None:
        return State.NEVER
    if _age(last) > STALE.total_seconds():
        return State.STALE
    return State.BLIND if last.blind else State.CLEAN


def _age(report: ProbeReport) -> float:
    """In seconds, by the database's clock."""
    return float(db.session.scalar(sa.select(sa.func.extract("epoch", sa.func.now() - report.finished_at))) or 0)


def measure() -> Iterable[Metric]:
    """For /metrics. Before the first run its age is without end, so that one alert tells of both."""
    last = next(iter(newest(1)), None)
    figures = {
        "freehold_isolation_crossings": ("Attempts of the newest probe that crossed", last.crossed if last else 0),
        "freehold_isolation_blind": ("Attempts of the newest probe that prove nothing", last.blind if last else 0),
        "freehold_isolation_probe_age_seconds": (
            "How long ago the newest probe of the isolation ended",
            _age(last) if last else float("inf"),
        ),
    }
    return [GaugeMetricFamily(name, about, value) for name, (about, value) in figures.items()]
