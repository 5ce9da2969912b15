"""Asking for a job: a row in the caller's transaction, and no more."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from saas.core.database import db
from saas.core.jobs import registry
from saas.core.jobs.models import Job


def enqueue(name: str, *args: Any, tenant: str | None = None, delay: timedelta | None = None) -> None:
    """Ask for a job; it exists if and only if the caller's transaction commits.

    `args` are ids as JSON values; `tenant` is the one that the job works in, None for the platform's own jobs. The
    job runs after `delay`, by the database's clock. Raises UnknownJob.
    """
    handler = registry.get(name)
    if (handler.scope == "tenant") != (tenant is not None):
        raise ValueError(f"{name} is a {handler.scope} job")
    db.session.add(
        Job(
            name=name,
            tenant=tenant,
            args=list(args),
            queue=handler.queue,
            limit_seconds=handler.limit_seconds,
            max_tries=handler.max_tries,
            due_at=sa.func.now() + delay if delay else sa.func.now(),
        )
    )
