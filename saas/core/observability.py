"""Logs, metrics and health."""

import hmac
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import NotFound, Unauthorized

from saas.core.database import platform_revision
from saas.core.edge import csrf
from saas.core.jobs import measures as job_measures
from saas.core.settings import Settings, current_settings

log = structlog.get_logger()

Measure = Callable[[], Iterable[Metric]]

_MEASURES = "freehold.measures"
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}  # others are not counted by name

blueprint = Blueprint("health", __name__)


class Metrics:
    """One process' figures; Prometheus adds up the processes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "freehold_request_seconds",
            "Time of a request",
            ["endpoint", "method", "status"],
            registry=self.registry,
        )
        self.errors = Counter(
            "freehold_request_errors_total", "Requests that failed by our fault", registry=self.registry
        )


def measure(app: Flask, reading: Measure) -> None:
    """Let a room above add figures to /metrics.

    `reading` is called once for each answer, inside its request and with no tenant bound, and returns whole metrics,
    for instance a GaugeMetricFamily. It should cost one query over an index, since each process is asked.
    """
    app.extensions.setdefault(_MEASURES, []).append(reading)


def configure_logging(settings: Settings) -> None:
    """Called by the entry points, never on import: JSON lines in production, readable ones elsewhere."""
    renderer: Any = structlog.processors.JSONRenderer() if settings.production else _readable()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([structlog.processors.format_exc_info] if settings.production else []),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("alembic").setLevel("WARNING")  # it names each of its plugins


def _readable() -> structlog.dev.ConsoleRenderer:
    """Without local variables in tracebacks, which may be passwords."""
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def init_app(app: Flask) -> None:
    app.extensions["freehold.metrics"] = Metrics()
    measure(app, job_measures.measures)
    app.register_blueprint(blueprint)
    csrf.exempt(blueprint)
    app.after_request(_observe)


@blueprint.get("/healthz/live")
def live() -> Response:
    """The process answers; it says nothing of what it depends on, so that a slow database restarts no pod."""
    return Response("alive\n", mimetype="text/plain")


@blueprint.get("/healthz/ready")
def ready() -> Response:
    """The database answers, its platform schema is not older than this code, and it enforces what this code needs.

    A newer one is a deploy under way, which the old pods serve through: revisions are numbered, and none takes
    away what the code of the one before it needs.
    """
    try:
        reason = _why_not()
    except (OperationalError, PoolTimeout) as error:
        log.warning("database.unavailable", error=str(error).splitlines()[0])
        reason = "the database does not answer, the log says why"
    return Response(f"not ready: {reason}\n" if reason else "ready\n", 503 if reason else 200, mimetype="text/plain")


def _why_not() -> str | None:
    found = platform_revision()
    head = current_app.extensions["freehold.platform_head"]()
    if found is None or found < head:
        return f"the schema is at {found}, this code needs {head}: run `saas migrate`"
    if refusals := current_app.extensions["freehold.refusals"]():
        return f"the database does not enforce {', '.join(refusals)}: run `saas doctor`"
    return None


@blueprint.get("/metrics")
def metrics() -> Response:
    settings = current_settings()
    if settings.metrics_token is None and settings.production:
        raise NotFound
    given = request.headers.get("Authorization", "")
    if settings.metrics_token and not hmac.compare_digest(given.encode(), f"Bearer {settings.metrics_token}".encode()):
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))
    figures: Metrics = current_app.extensions["freehold.metrics"]
    text = generate_latest(figures.registry) + generate_latest(_Measured())
    return Response(text, mimetype="text/plain; version=0.0.4")


class _Measured(Collector):
    """What the rooms have asked to be measured."""

    def collect(self) -> Iterator[Metric]:
        for reading in current_app.extensions.get(_MEASURES, ()):
            yield from reading()


def _observe(response: Response) -> Response:
    figures: Metrics = current_app.extensions["freehold.metrics"]
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    method = request.method if request.method in _METHODS else "other"
    figures.requests.labels(request.endpoint or "none", method, response.status_code).observe(seconds)
    if response.status_code >= 500:
        figures.errors.inc()
    return response
