"""What it costs a transaction to be a tenant's.

The same statement reads one row of the same table twice: in the tenant's schema, bound, and of its twin in an ordinary
schema that the application's role may read and finds by its own search path, unbound.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import psycopg2
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from benchmarks import stand, wire
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.registry import Size
from benchmarks.stand import Stand
from benchmarks.timing import Samples, Way, interleave
from migrations import fleet
from saas.app import create_app
from saas.core.database import db, transaction
from saas.core.ids import uuid7
from saas.core.settings import Settings
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation.connection import Binding

BAR = AtMost(1.15)
_ROWS = 50
_TENANTS = 10
_WARM_UP = 20
_TABLE = CatalogueEntry.__table__
_SELECT = sa.select(_TABLE).where(_TABLE.c.id == sa.bindparam("key"))
_TEXT = f"SELECT id, name, label, fields, created_at FROM {_TABLE.name} WHERE id = %s"
_TWIN = f"""
CREATE SCHEMA twin;
SET LOCAL search_path = twin;
{{script}}
INSERT INTO {_TABLE.name} SELECT * FROM "{{tenant}}".{_TABLE.name};
GRANT USAGE ON SCHEMA twin TO fh_app;
GRANT SELECT ON {_TABLE.name} TO fh_app
"""

Work = Callable[[Session], object]


def measure(size: Size) -> Part:
    with stand.ready(min(size.tenants, _TENANTS)) as ground:
        keys = _prepare(ground)
        with _ways(ground.app, ground.settings, ground.tenants, keys) as ways:
            # A backend reads a tenant's part of the catalogue on its first visit; here it has visited them all.
            samples = interleave(ways, size.rounds, warm_up=max(_WARM_UP, size.tenants))
        trips = _trips(ground, keys)
        return Part(_figures(samples, trips), _how(samples, ground))


def _figures(samples: Samples, trips: dict[str, int]) -> list[Figure]:
    def over(way: str, base: str, bar: AtMost | None = None) -> Figure:
        return Figure(f"{way} / {base}", samples.ratio(way, base), "ratio", bar)

    return [
        over("bound", "plain", BAR),
        over("bound, another tenant each time", "plain"),
        over("bound in a trip of its own", "plain"),
        over("ORM get, bound", "ORM get, plain"),
        over("psycopg2, bound", "psycopg2, plain"),
        over("psycopg2, bound in a trip of its own", "psycopg2, plain"),
        *(Figure(name, samples.median(name) * 1000, "ms") for name in samples.seconds),
        *(Figure(f"round trips: {name}", count, "trips") for name, count in trips.items()),
    ]


def _how(samples: Samples, ground: Stand) -> str:
    low, high = samples.middle_half("bound", "plain")
    return (
        "One transaction (BEGIN, SELECT of a row by its id, COMMIT) of the application's own session, bound through "
        "tenants.isolation, and plain on an identical table in an ordinary schema. "
        f"{samples.how} In half of the turns bound / plain was between {low:.2f} and {high:.2f}. "
        "Round trips were counted on the wire. " + ground.how
    )


def _prepare(ground: Stand) -> list[UUID]:
    """Put the same rows into every tenant's table and into its twin; returns their ids."""
    keys = [uuid7() for _ in range(_ROWS)]
    fields = [{"name": f"field_{number}", "kind": "text", "required": False} for number in range(8)]
    for tenant in ground.tenants:
        with ground.app.app_context(), transaction():
            isolation.bind(tenant)
            for number, key in enumerate(keys):
                name = f"collection_{number}"
                db.session.add(CatalogueEntry(id=key, name=name, label=name, fields=fields))
    login = sa.make_url(ground.settings.database_url).username
    with ground.app.app_context():
        script = fleet.blueprint().script
    ground.as_superuser(
        _TWIN.format(script=script, tenant=ground.tenants[0]),
        f"ALTER ROLE {login} SET search_path = twin",
        "VACUUM ANALYZE",
    )
    with ground.app.app_context():
        db.engine.dispose()  # connections learn of the search path when they are opened
    return keys


@contextmanager
def _ways(app: Flask, settings: Settings, tenants: list[str], keys: list[UUID]) -> Iterator[dict[str, Way]]:
    tenant, each_tenant, key = tenants[0], itertools.cycle(tenants), itertools.cycle(keys)
    with closing(_driver(settings)) as raw:
        binding = Binding(tenant, settings.statement_timeout_ms)

        def select(session: Session) -> object:
            return session.execute(_SELECT, {"key": next(key)}).one()

        def get(session: Session) -> object:
            return session.get_one(CatalogueEntry, next(key))

        def announced(session: Session) -> object:
            session.connection().connection.driver_connection.announce()  # type: ignore[union-attr]
            return select(session)

        yield {
            "plain": lambda: _transaction(app, None, select),
            "bound": lambda: _transaction(app, tenant, select),
            "bound, another tenant each time": lambda: _transaction(app, next(each_tenant), select),
            "bound in a trip of its own": lambda: _transaction(app, tenant, announced),
            "ORM get, plain": lambda: _transaction(app, None, get),
            "ORM get, bound": lambda: _transaction(app, tenant, get),
            "psycopg2, plain": lambda: _rows(raw, next(key)),
            "psycopg2, bound": lambda: _rows(raw, next(key), binding),
            "psycopg2, bound in a trip of its own": lambda: _rows(raw, next(key), binding, announce=True),
        }


def _transaction(app: Flask, tenant: str | None, work: Work) -> float:
    """One of the application's transactions; what comes before and after it, a request's context, does not count."""
    with app.app_context():
        session = db.session()
        start = time.perf_counter()
        if tenant:
            isolation.bind(tenant)
        work(session)
        session.commit()
        return time.perf_counter() - start


def _rows(
    connection: isolation.Connection, key: UUID, binding: Binding | None = None, *, announce: bool = False
) -> float:
    """The same without SQLAlchemy, which makes the binding's share larger."""
    start = time.perf_counter()
    if binding:
        connection.bind(binding)
    if announce:
        connection.announce()
    with connection.cursor() as cursor:
        cursor.execute(_TEXT, (str(key),))
        cursor.fetchall()
    connection.commit()
    return time.perf_counter() - start


def _driver(settings: Settings) -> isolation.Connection:
    return psycopg2.connect(stand.dsn(settings.database_url), connection_factory=isolation.Connection)


def _trips(ground: Stand, keys: list[UUID]) -> dict[str, int]:
    """How many times each way waits for the server, on the second time, when its connection is open."""
    with wire.tapped(ground.settings.database_url) as tap:
        settings = ground.settings.model_copy(update={"database_url": tap.url})
        app = create_app(settings)
        with _ways(app, settings, ground.tenants, keys) as ways:
            counted = {name: _counted(tap, way) for name, way in ways.items()}
        with app.app_context():
            db.engine.dispose()
    return counted


def _counted(tap: wire.Wire, way: Way) -> int:
    way()
    with tap.count() as trips:
        way()
    return trips[0]
