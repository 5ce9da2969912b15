"""Lines of jobs' timelines that are written with what they tell of."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from saas.core.jobs.models import Job, JobEvent


def told(change: sa.Update, kind: sa.ColumnElement[str], text: sa.ColumnElement[str]) -> sa.Select[Any]:
    """Change jobs and write a line into the timeline of each, in one statement; gives the kind of each line.

    `kind` and `text` are of the row as it is after the change.
    """
    changed = change.returning(Job.id, kind, text).cte("changed")
    lines = insert(JobEvent).from_select(["job", "kind", "text"], sa.select(changed)).returning(JobEvent.kind)
    return sa.select(lines.cte("lines")).add_cte(changed)
