"""Counting what happens: in this process' memory, written down every few seconds; a kill loses one interval at most."""

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.exc import SQLAlchemyError

from saas.core.database import db, separate
from tenants.models import Tenant
from tenants.usage.limits import Limit
from tenants.usage.models import Usage, UsageBatch, UsageHour

INTERVAL = 3.0  # seconds

_KEY = "freehold.flows"
_Counts = Counter[tuple[str, str, str]]  # by tenant, resource and period

log = structlog.get_logger()


class Flows:
    """What one process has counted and not written down yet."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._counts: _Counts = Counter()
        self._batch: tuple[UUID, _Counts] | None = None  # on its way, or to be sent again under the same id
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._ticker: threading.Timer | None = None

    def count(self, tenant: str, limit: Limit, n: int = 1) -> None:
        with self._lock:
            self._counts[tenant, limit.name, period()] += n
            if self._ticker is None:
                self._ticker = threading.Timer(INTERVAL, self._tick)
                self._ticker.daemon = True
                self._ticker.start()

    def pending(self, tenant: str, limit: Limit) -> int:
        """What this process has counted of it and not written down."""
        key = tenant, limit.name, period()
        with self._lock:
            return self._counts[key] + (self._batch[1][key] if self._batch else 0)

    def flush(self) -> None:
        """Write down what was counted. Raises SQLAlchemyError; what was counted is then kept for the next time."""
        with self._sending:
            with self._lock:
                if self._batch is None:
                    self._batch, self._counts = (uuid4(), self._counts), Counter()
                batch, counts = self._batch
            if counts:
                with self._app.app_context():
                    _write(batch, counts)
            with self._lock:
                self._batch = None

    def _tick(self) -> None:
        with self._lock:
            self._ticker = None
        try:
            self.flush()
        except SQLAlchemyError as error:  # the next count starts the next try
            log.warning("usage.unwritten", error=str(error).splitlines()[0])


def init_app(app: Flask) -> None:
    app.extensions[_KEY] = Flows(app)


def of(app: Flask) -> Flows:
    flows: Flows = app.extensions[_KEY]
    return flows


def period() -> str:
    """The calendar month, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m")


def _write(batch: UUID, counts: _Counts) -> None:
    """One transaction under the batch's id, which a repeat of a commit whose answer was lost finds taken.

    Both tables get the same, each in one order of rows, so that two flushes can't deadlock.
    """
    with separate() as connection:
        new = insert(UsageBatch).values(id=batch).on_conflict_do_nothing().returning(UsageBatch.id)
        if connection.scalar(new) is None:
            return
        rows = _rows(counts)
        connection.execute(_added(Usage, "period", rows))
        connection.execute(_added(UsageHour, "hour", _by_hour(rows)))


def _added(table: type[Usage | UsageHour], time: str, rows: sa.Select[Any]) -> Insert:
    """Add to what is there: rows of tenant, resource, time and n."""
    counted = insert(table).from_select(["tenant", "resource", time, "used"], rows)
    keys = ["tenant", "resource", time]
    return counted.on_conflict_do_update(index_elements=keys, set_={"used": table.used + counted.excluded.used})


def _rows(counts: _Counts) -> sa.Select[Any]:
    """Those whose tenant is not gone by now."""
    tenants, resources, months = zip(*counts, strict=True)
    columns = [sa.literal(list(values), ARRAY(sa.String)) for values in (tenants, resources, months)]
    given = sa.func.unnest(*columns, sa.literal(list(counts.values()), ARRAY(sa.BigInteger)))
    row = given.table_valued("tenant", "resource", "month", "n", name="counted").render_derived().c
    known = sa.select(Tenant.id.label("tenant"), row.resource, row.month, row.n).join(Tenant, Tenant.id == row.tenant)
    return known.order_by(row.tenant, row.resource, row.month)


def _by_hour(rows: sa.Select[Any]) -> sa.Select[Any]:
    """The hour in which they are written, whatever month they were counted in: of that there is one for each row."""
    row, hour = rows.subquery().c, sa.func.date_trunc("hour", sa.func.now(), "UTC")
    summed = sa.select(row.tenant, row.resource, hour, sa.func.sum(row.n))
    return summed.group_by(row.tenant, row.resource).order_by(row.tenant, row.resource)


def used(tenant: str, limit: Limit) -> int:
    """As it is written down."""
    mine = (Usage.tenant == tenant, Usage.resource == limit.name, Usage.period == period())
    return db.session.scalar(sa.select(Usage.used).where(*mine)) or 0
