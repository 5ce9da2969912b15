"""Looking at jobs, for pages, commands and metrics. However many there are, a look reads a bounded number of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from saas.core.database import db
from saas.core.errors import NotFound
from saas.core.jobs import registry, schedules
from saas.core.jobs.models import OPEN, Job, JobCall, JobEvent, JobSchedule, JobState
from saas.core.jobs.registry import Handler

MOST_EVENTS = 300  # of a timeline, the newest
MOST_OUT = 50

KEPT = "kept"  # waiting, but for something else than its turn


class NoSuchJob(NotFound):
    title = "There is no such job"

    def __init__(self) -> None:
        super().__init__("Its id is wrong, or it ended long ago and was swept away since.")


@dataclass(frozen=True)
class Shown:
    """A job as people read it."""

    job: Job

    @property
    def state(self) -> str:
        return KEPT if self.kept_for else self.job.state.value

    @property
    def known(self) -> bool:
        return self.job.name in known_names()

    @property
    def open(self) -> bool:
        return self.job.state in OPEN

    @property
    def kept_for(self) -> str:
        """What it waits for besides its turn; "" when nothing."""
        if self.job.state != JobState.WAITING:
            return ""
        unknown = f"No code of this version is called {self.job.name}. It waits for a worker that knows it."
        return self.job.reason or ("" if self.known else unknown)

    @property
    def percent(self) -> int | None:
        done, total = self.job.done, self.job.total
        return None if done is None or not total else max(0, min(100, done * 100 // total))


@dataclass(frozen=True)
class Schedule:
    """A periodic job as people read it."""

    name: str
    handler: Handler | None  # None: no code of this version is called so
    looked_at: datetime | None  # up to when its ticks were added
    paused_at: datetime | None
    upcoming: datetime | None  # its next tick, paused or not

    @property
    def when(self) -> str:
        """ "every 10 minutes", or the five fields of its cron expression and their time zone."""
        if self.handler is None:
            return "unknown"
        return _period(self.handler.every) if self.handler.every else f"{self.handler.cron} {self.handler.zone}"


def get(job_id: UUID) -> Shown:
    """Raises NoSuchJob."""
    job = db.session.get(Job, job_id)
    if job is None:
        raise NoSuchJob
    return Shown(job)


def timeline(job_id: UUID) -> Sequence[JobEvent]:
    """What happened to a job and what it has logged, the newest first; at most MOST_EVENTS."""
    query = sa.select(JobEvent).where(JobEvent.job == job_id).order_by(JobEvent.id.desc()).limit(MOST_EVENTS)
    return db.session.scalars(query).all()


def calls(job_id: UUID) -> Sequence[Any]:
    """What was answered from outside: rows with `step` and `at`. The answers may hold what is nobody's business."""
    query = sa.select(JobCall.step, JobCall.at).where(JobCall.job == job_id).order_by(JobCall.at).limit(MOST_EVENTS)
    return db.session.execute(query).all()


def out(queue: str, most: int = MOST_OUT) -> Sequence[Job]:
    """Jobs of a queue that RQ or a worker has, at most `most`."""
    mine = sa.select(Job).where(Job.queue == queue, Job.state.in_([JobState.LEASED, JobState.RUNNING]))
    return db.session.scalars(mine.order_by(Job.due_at).limit(most)).all()


def timetable() -> list[Schedule]:
    """The periodic jobs by name, with those that only rows of another version's know."""
    now = db.session.scalars(sa.select(sa.func.now())).one()
    rows = {row.name: row for row in db.session.scalars(sa.select(JobSchedule))}
    handlers = {handler.name: handler for handler in schedules.periodic()}
    return [_schedule(name, handlers.get(name), rows.get(name), now) for name in sorted(handlers.keys() | rows.keys())]


def lanes() -> list[tuple[JobState, str]]:
    """Which states and queues have jobs that are not done: a step over the index for each, however many jobs it has."""
    at = sa.tuple_(Job.state, Job.queue)
    open_jobs = sa.select(Job.state, Job.queue).where(Job.state != JobState.DONE)
    first = open_jobs.order_by(Job.state, Job.queue).limit(1).cte("lanes", recursive=True)
    behind = open_jobs.where(at > sa.tuple_(first.c.state, first.c.queue))
    following = behind.order_by(Job.state, Job.queue).limit(1).correlate(first).lateral("following")
    step = sa.select(following.c.state, following.c.queue).select_from(first).join(following, sa.true())
    every = first.union_all(step)
    return [(state, queue) for state, queue in db.session.execute(sa.select(every.c.state, every.c.queue))]


def known_names() -> set[str]:
    """Of the jobs that code of this version runs."""
    return {handler.name for handler in registry.handlers()}


def _schedule(name: str, handler: Handler | None, row: JobSchedule | None, now: datetime) -> Schedule:
    upcoming = schedules.next_tick(handler, now) if handler else None
    return Schedule(name, handler, row.looked_at if row else None, row.paused_at if row else None, upcoming)


def _period(seconds: int) -> str:
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            return f"every {unit}" if seconds == size else f"every {seconds // size} {unit}s"
    return "every second" if seconds == 1 else f"every {seconds} seconds"
