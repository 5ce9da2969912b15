"""How long a business waits for its account, besides the hashing of its password, which is slow on purpose.

The sign-up form is posted to the WSGI application in this process. A spare schema is always ready, as the pool's job
sees to it in production, where it works beside the requests.
"""

import re
import secrets
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from benchmarks import stand, wire
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.parts.spent import Spent, driver_time, timed
from benchmarks.registry import Size
from benchmarks.stand import PASSWORD, SITE, Stand
from benchmarks.timing import percentile, quartiles
from saas.accounts import passwords
from saas.app import create_app
from saas.core.database import db
from tenants import provisioning
from tenants.models import State, Tenant

BAR = AtMost(60)  # ms
_WARM_UP = 5
_TENANTS = 100  # present before
_SEE_OTHER = 303
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Request:
    """One sign-up, and the parts of it that are told apart."""

    whole: Spent = field(default_factory=Spent)
    hashing: Spent = field(default_factory=Spent)
    statements: Spent = field(default_factory=Spent)
    endings: Spent = field(default_factory=Spent)  # commits and rollbacks

    @property
    def beside_hashing(self) -> float:
        return self.whole.clock - self.hashing.clock

    @property
    def processor_beside_hashing(self) -> float:
        return self.whole.processor - self.hashing.processor

    @property
    def in_database(self) -> float:
        return self.statements.clock + self.endings.clock


def measure(size: Size) -> Part:
    with stand.ready(min(size.tenants, _TENANTS)) as ground:
        for _ in range(_WARM_UP):
            _sign_up(ground.app)
        requests = [_sign_up(ground.app) for _ in range(size.rounds)]
        trips = _trips(ground)
        _require_spares(ground.app)
        return Part(_figures(requests, trips), _how(requests, ground))


def _figures(requests: list[Request], trips: int) -> list[Figure]:
    def median(name: str, part: Callable[[Request], float], bar: AtMost | None = None) -> Figure:
        return Figure(f"{name}, median", statistics.median(map(part, requests)) * 1000, "ms", bar)

    slow = percentile([request.beside_hashing for request in requests], 95)
    statements = statistics.median_low(request.statements.times for request in requests)
    return [
        median("server time beside hashing", lambda request: request.beside_hashing, BAR),
        Figure("server time beside hashing, p95", slow * 1000, "ms"),
        median("of it waiting for the database", lambda request: request.in_database),
        median("of it processor time of Python", lambda request: request.processor_beside_hashing),
        median("password hashing", lambda request: request.hashing.clock),
        Figure("statements", statements, "statements"),
        Figure("round trips", trips, "trips"),
    ]


def _how(requests: list[Request], ground: Stand) -> str:
    low, _, high = quartiles([request.beside_hashing * 1000 for request in requests])
    return (
        f"Request: POST /sign-up through the WSGI application in this process. Sign-ups: {len(requests)}, one after "
        f"the other, after {_WARM_UP} for warm-up, beside the tenants that had signed up before; half of them took "
        f"{low:.0f} to {high:.0f} ms. The pool was refilled in between, outside the time. Hashing is what "
        "passwords.make took in the same request; the database's time is that of statements, commits and rollbacks as "
        "the driver sees it; round trips were counted on the wire. " + ground.how
    )


def _sign_up(app: Flask) -> Request:
    with app.app_context():
        provisioning.refill()
    environ = _filled_in(app)
    with _told_apart(app) as request, request.whole.more():
        body, status, headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    if not status.startswith(str(_SEE_OTHER)) or not headers["Location"].endswith("/home"):
        raise RuntimeError(f"the sign-up was answered by {status}:\n{b''.join(body).decode()}")
    return request


def _filled_in(app: Flask) -> dict[str, Any]:
    """The request that a browser sends when the form is filled in, each from another network."""
    page = app.test_client().get("/sign-up", base_url=SITE)
    token = _TOKEN.search(page.text)
    if token is None:
        raise RuntimeError(f"the sign-up form has no token:\n{page.text}")
    unique = secrets.token_hex(6)
    values = {
        "csrf_token": token[1],
        "business": f"Shop {unique} & Sons",
        "address": f"shop-{unique}",
        "email": f"owner-{unique}@example.com",
        "password": PASSWORD,
    }
    network = ".".join(["10", *(str(secrets.randbelow(254) + 1) for _ in range(3))])
    return EnvironBuilder(
        "/sign-up",
        SITE,
        method="POST",
        data=values,
        headers={"Origin": SITE, "Cookie": page.headers["Set-Cookie"].partition(";")[0]},
        environ_base={"REMOTE_ADDR": network},
    ).get_environ()


@contextmanager
def _told_apart(app: Flask) -> Iterator[Request]:
    """Yields the request that will happen inside, with its hashing and its database time filled in."""
    request = Request()
    hashing = mock.patch.object(passwords, "make", timed(passwords.make, request.hashing))
    with hashing, driver_time(app, request.statements, request.endings):
        yield request


def _trips(ground: Stand) -> int:
    """How often one sign-up waits for the database's server, with its connections open."""
    with wire.tapped(ground.settings.database_url) as tap:
        app = create_app(ground.settings.model_copy(update={"database_url": tap.url}))
        _sign_up(app)
        environ = _filled_in(app)
        with tap.count() as trips:
            run_wsgi_app(app.wsgi_app, environ, buffered=True)
        with app.app_context():
            db.engine.dispose()
    return trips[0]


def _require_spares(app: Flask) -> None:
    """Where a spare was missing, something else was measured."""
    with app.app_context():
        waiting = db.session.scalar(sa.select(sa.func.count()).where(Tenant.state == State.PREPARING))
    if waiting:
        raise RuntimeError(f"{waiting} of the businesses found no spare schema")
