"""A job to look at: slow enough to be killed in its middle, and with an effect that can be counted."""

import time
from uuid import UUID

import sqlalchemy as sa
import structlog

from saas.core.database import db
from saas.core.jobs import Job, enqueue, handler
from saas.core.jobs.running import current
from tenants import isolation
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field

REPORTS = Collection(
    "reports",
    "Reports",
    (
        Field("about", "text", True),
        Field("records", "number"),
        Field("job", "text", True),
        Field("tries", "number", True),
    ),
)
SLOW = 3  # seconds that drawing one up takes, for those who want to kill its worker meanwhile

log = structlog.get_logger()


def _draw_up(job: UUID, collection: str, seconds: int) -> str:
    log.info("report.begun", job=str(job), about=collection)
    for second in range(seconds):
        time.sleep(1)
        current().progress(second + 1, seconds, "The report is drawn up")
    return str(job)


@handler("demo.report", scope="tenant", limit_seconds=5, max_tries=3, outside=_draw_up)
def report(collection: str, _seconds: int, job: str) -> None:
    """Adds one record to the tenant's `reports`. Raises UnknownCollection, try after try, where there is none."""
    about = collections.get(collection)
    tries = db.session.scalars(sa.select(Job.tries).where(Job.id == UUID(job))).one()
    count = db.session.scalar(sa.select(sa.func.count()).select_from(about.table))
    records.create(REPORTS, {"about": about.label, "records": count, "job": job, "tries": tries})


def ask(tenant: str, collection: str, *, seconds: int = 0) -> str:
    """Ask for a report as the tenant, which has a place for it then; returns the job's id."""
    isolation.bind(tenant)
    if REPORTS.name not in {known.name for known in collections.every()}:
        collections.create(REPORTS, actor="system")
    return str(enqueue("demo.report", tenant, (collection, seconds)))
