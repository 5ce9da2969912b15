"""What binding costs where many tenants are served in turn, and many more are present.

Both ways read a row of the same tables. Bound, the statement is the same each time and the binding says whose table is
meant; plain, a role that may read all of them names the schema in the statement. So the server has as many tables to
remember either way, and what is left is the binding.
"""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask

from benchmarks import stand
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.registry import Size
from benchmarks.stand import Stand
from benchmarks.timing import Samples, Way, interleave
from saas.app import create_app
from saas.core.database import db
from saas.core.ids import uuid7
from tenants import isolation

BAR = AtMost(1.15)
SIZES = (10, 1_000, 10_000)
_IN_TURN = 400  # tenants; a connection is replaced after 500
_READER = "bench_reader"
_READ = "SELECT id, name, label, fields, created_at FROM {table} WHERE id = %(key)s"
_TABLE = "fh_collections"


def measure(size: Size) -> list[Part]:
    """One part for each number of tenants up to the size's."""
    sizes = [tenants for tenants in SIZES if tenants <= size.tenants] or [size.tenants]
    return [_measure(tenants, size.rounds) for tenants in sizes]


def _measure(tenants: int, rounds: int) -> Part:
    with stand.ready(tenants) as ground, _ways(ground) as ways:
        served = min(tenants, _IN_TURN)
        # A backend reads a tenant's part of the catalogue on its first visit; here it has visited them all.
        samples = interleave(ways, rounds, warm_up=2 * served)
        figure = Figure(f"bound / plain, {served} of {tenants} tenants in turn", samples.ratio(*ways), "ratio", BAR)
        times = [Figure(f"{way}, {served} of {tenants}", samples.median(way) * 1000, "ms") for way in ways]
        return Part([figure, *times], _how(samples, ground))


def _how(samples: Samples, ground: Stand) -> str:
    low, high = samples.middle_half("bound", "plain")
    return (
        "In turn: one transaction (BEGIN, SELECT of a row by its id, COMMIT) for another tenant each time, bound, and "
        "plain by a role that may read all tables and names the schema. "
        f"{samples.how} In half of the turns bound / plain was between {low:.2f} and {high:.2f}. " + ground.how
    )


@contextmanager
def _ways(ground: Stand) -> Iterator[dict[str, Way]]:
    tenants = ground.tenants[:_IN_TURN]
    key = str(uuid7())
    _fill(ground, tenants, key)
    ground.as_superuser(f"CREATE ROLE {_READER} LOGIN PASSWORD 'reader' IN ROLE fh_owner")
    url = sa.make_url(ground.settings.database_url).set(username=_READER, password="reader")
    shown = url.render_as_string(hide_password=False)
    plain = create_app(ground.settings.model_copy(update={"database_url": shown}))
    texts = {tenant: _READ.format(table=f'"{tenant}".{_TABLE}') for tenant in tenants}
    text = _READ.format(table=_TABLE)
    bound_turn, plain_turn = itertools.cycle(tenants), itertools.cycle(tenants)

    def bound() -> float:
        return _transaction(ground.app, next(bound_turn), text, key)

    def unbound() -> float:
        return _transaction(plain, None, texts[next(plain_turn)], key)

    try:
        yield {"bound": bound, "plain": unbound}
    finally:
        with plain.app_context():
            db.engine.dispose()


def _transaction(app: Flask, tenant: str | None, text: str, key: str) -> float:
    """One transaction of the application's own session; a request's context, which both need, does not count."""
    with app.app_context():
        session = db.session()
        start = time.perf_counter()
        if tenant:
            isolation.bind(tenant)
        session.connection().exec_driver_sql(text, {"key": key}).one()
        session.commit()
        return time.perf_counter() - start


def _fill(ground: Stand, tenants: list[str], key: str) -> None:
    """Put the same row into every tenant's table; a few tables a transaction, whose locks are limited."""
    row = f"INSERT INTO \"{{}}\".{_TABLE} VALUES ('{key}', 'products', 'Products', '[]')"
    for start in range(0, len(tenants), 100):
        ground.as_superuser("; ".join(row.format(tenant) for tenant in tenants[start : start + 100]))
    ground.as_superuser("VACUUM ANALYZE")
