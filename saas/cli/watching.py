"""Following one job to its end."""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import click

from saas.core.database import db
from saas.core.jobs import looking
from saas.core.jobs.models import OPEN

_APART = 0.5  # seconds between two looks


def watch(job_id: UUID, *, as_json: bool) -> None:
    """Print a line each time the job has come further, until it has ended. Raises NoSuchJob."""
    last: dict[str, Any] | None = None
    for state in _states(job_id):
        if state != last:
            click.echo(json.dumps(state) if as_json else _line(**state))
        last = state


def _states(job_id: UUID) -> Iterator[dict[str, Any]]:
    while True:
        shown = looking.get(job_id)
        job = shown.job
        yield {"state": shown.state, "done": job.done, "total": job.total, "message": job.message}
        if job.state not in OPEN:
            return
        db.session.rollback()  # what is read next is of then
        time.sleep(_APART)


def _line(state: str, done: int | None, total: int | None, message: str | None) -> str:
    far = "" if done is None else f"{done:,}" if total is None else f"{done:,} of {total:,}"
    return "  ".join(part for part in (f"{state:9}", far, message or "") if part).rstrip()
