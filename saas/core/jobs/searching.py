"""Jobs by state, queue, name, tenant and words, a page at a time; a page reads at most LOOKED_AT rows by an index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from saas.core.database import db
from saas.core.jobs.looking import KEPT, Shown, known_names, lanes
from saas.core.jobs.models import Job, JobState

PAGE_SIZE = 50
LOOKED_AT = 5_000  # where more may match, the page leads on from where it stopped
STATES = (*(state.value for state in JobState), KEPT)
PLATFORM = "platform"  # as a tenant to look for: the platform's own jobs


@dataclass(frozen=True)
class Wanted:
    """What is looked for; "" leaves a part out."""

    state: str = ""  # one of STATES
    queue: str = ""
    name: str = ""
    tenant: str = ""  # an id, or PLATFORM
    search: str = ""  # a job's id, or a part of its name, key, error, message or reason


class Cursor(NamedTuple):
    """The last row that was looked at."""

    id: UUID
    run_at: datetime

    def __str__(self) -> str:
        return f"{self.id} {self.run_at.isoformat()}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        id_, _, at = text.partition(" ")
        try:
            when = datetime.fromisoformat(at)
            return cls(UUID(id_), when) if when.tzinfo else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Page:
    jobs: Sequence[Shown]
    next: Cursor | None  # None: that was all
    cut: bool  # it stopped before the page was full, at LOOKED_AT rows


def page(wanted: Wanted, after: Cursor | None = None) -> Page:
    """The newest first: of one state by their time to run, else by their id.

    An id begins with the time that the process had that asked for the job. Where two processes' clocks differ, their
    jobs are out of order by as much; none is missed or shown twice.
    """
    if (job_id := _uuid(wanted.search)) is not None:
        found = db.session.get(Job, job_id)
        return Page([Shown(found)] if found else [], None, cut=False)
    window = _window(wanted, after)
    job = aliased(Job, window)
    query = sa.select(job).where(*_matching(wanted, job)).order_by(*_newest(wanted, job)).limit(PAGE_SIZE + 1)
    found_jobs = db.session.scalars(query).all()
    shown = [Shown(job) for job in found_jobs[:PAGE_SIZE]]
    if len(found_jobs) > PAGE_SIZE:
        return Page(shown, Cursor(shown[-1].job.id, shown[-1].job.run_at), cut=False)
    end = _end(window, wanted)
    return Page(shown, end, cut=end is not None)


def _window(wanted: Wanted, after: Cursor | None) -> sa.Subquery:
    """The rows to look at, for which there is an index: by tenant, by state and queue, or all."""
    if _by_time(wanted):
        state = _state(wanted)
        queues = [wanted.queue] if wanted.queue else [queue for known, queue in lanes() if known == state]
        parts = [_of_lane(state, queue, after) for queue in queues] or [sa.select(Job).where(sa.false())]
        merged = aliased(Job, sa.union_all(*parts).subquery())
        return sa.select(merged).order_by(*_newest(wanted, merged)).limit(LOOKED_AT).subquery()
    query = sa.select(Job)
    if wanted.tenant:
        query = query.where(Job.tenant.is_(None) if wanted.tenant == PLATFORM else Job.tenant == wanted.tenant)
    if after:
        query = query.where(Job.id < after.id)
    return query.order_by(*_newest(wanted, Job)).limit(LOOKED_AT).subquery()


def _of_lane(state: JobState, queue: str, after: Cursor | None) -> sa.Select[Any]:
    query = sa.select(Job).where(Job.state == state, Job.state != JobState.DONE, Job.queue == queue)
    if after:
        earlier = sa.tuple_(Job.run_at, Job.id) < sa.tuple_(after.run_at, after.id)
        query = query.where(Job.run_at <= after.run_at, earlier)
    return query.order_by(Job.run_at.desc(), Job.id.desc()).limit(LOOKED_AT)


def _by_time(wanted: Wanted) -> bool:
    """Of all that are not done there is an index by state and queue."""
    return not wanted.tenant and wanted.state not in {"", JobState.DONE.value}


def _state(wanted: Wanted) -> JobState:
    return JobState.WAITING if wanted.state == KEPT else JobState(wanted.state)


def _newest(wanted: Wanted, job: Any) -> Iterable[sa.ColumnElement[Any]]:
    return (job.run_at.desc(), job.id.desc()) if _by_time(wanted) else (job.id.desc(),)


def _matching(wanted: Wanted, job: Any) -> Iterable[sa.ColumnElement[bool]]:
    if wanted.state:
        yield job.state == _state(wanted)
        if wanted.state == KEPT:
            yield sa.or_(job.reason.is_not(None), job.name.not_in(known_names()))
    if wanted.queue:
        yield job.queue == wanted.queue
    if wanted.name:
        yield job.name == wanted.name
    if wanted.search:
        texts = (job.name, job.key, job.error, job.message, job.reason)
        yield sa.or_(*(text.icontains(wanted.search, autoescape=True) for text in texts))


def _end(window: sa.Subquery, wanted: Wanted) -> Cursor | None:
    """Where looking stopped; None if that was the last row."""
    order = [column.desc() for column in ((window.c.run_at, window.c.id) if _by_time(wanted) else (window.c.id,))]
    row = sa.select(window.c.id, window.c.run_at).order_by(*order).offset(LOOKED_AT - 1)
    last = db.session.execute(row).one_or_none()
    return Cursor(*last) if last else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
