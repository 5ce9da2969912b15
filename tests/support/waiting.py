"""Jobs that wait in a database of the test's own, and workers who finish them without doing anything."""

from collections.abc import Iterable
from typing import Any

from flask import Flask

from saas.core.database import db, transaction
from saas.core.jobs.leasing import Leased
from tenants.models import State, Tenant
from tests.support.database import sql

KNOWN = "tests.effect"

_ADD = """
    INSERT INTO platform.jobs (id, name, tenant, args, queue, limit_seconds, max_tries, state, run_at, due_at,
        lease, tries, finished_at)
    SELECT gen_random_uuid(), :name, :tenant, '[]', :queue, 60, 3, :state, at, CASE WHEN :ended THEN NULL ELSE at END,
        0, 0, CASE WHEN :ended THEN now() END
    FROM (SELECT now() - :ago * interval '1 second' AS at FROM generate_series(1, :number)) AS times
"""


def add(app: Flask, tenant: str | None, number: int = 1, **values: Any) -> None:
    """Jobs that became due `ago` seconds ago, in one queue, of one name; or ended ones."""
    given = {"name": KNOWN, "queue": "fast", "state": "waiting", "ago": 1} | values
    sql(app, _ADD, tenant=tenant, number=number, ended=given["state"] == "done", **given)


def business(app: Flask, limits: dict[str, int | None]) -> str:
    """A tenant with such limits, always the same; others that jobs are added of are none, and have the defaults."""
    with app.app_context(), transaction():
        found = db.session.get(Tenant, "t_business") or Tenant(id="t_business", state=State.ACTIVE, revision="1")
        found.address, found.limits = "business", limits
        db.session.add(found)
        return found.id


def finish(app: Flask, jobs: Iterable[Leased]) -> None:
    ended = "UPDATE platform.jobs SET state = 'done', due_at = NULL, finished_at = now() WHERE id = ANY(:ids)"
    sql(app, ended, ids=[job.id for job in jobs])


def states(app: Flask) -> dict[str, int]:
    """How many jobs there are in each state."""
    return {row.state: row.count for row in sql(app, "SELECT state, count(*) FROM platform.jobs GROUP BY state")}


def clear(app: Flask) -> None:
    sql(app, "DELETE FROM platform.jobs")
    sql(app, "DELETE FROM platform.job_queues")
