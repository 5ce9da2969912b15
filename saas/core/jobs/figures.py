"""How the queues do, in bounded queries: what is more than COUNTED is told as that many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from saas.core.database import db
from saas.core.jobs import endings, looking
from saas.core.jobs.models import Job, JobEvent, JobQueue, JobSchedule, JobState
from saas.core.jobs.queues import QUEUES
from saas.core.jobs.searching import LOOKED_AT

COUNTED = 100_000  # jobs of one queue and state
OLDEST = 1_000  # waiting jobs among which the first one is looked for that is not kept
ENDED = 10_000  # jobs that ended last, for the rate
EVENTS = 5_000  # newest lines of all timelines, for the failures
RECENT = timedelta(minutes=10)
LOUDEST = 5  # tenants with the most waiting jobs


@dataclass
class Figures:
    """Of one queue."""

    name: str
    paused_at: datetime | None = None
    states: dict[str, int] = field(default_factory=dict)  # how many jobs, by state, without those that are done
    kept: int = 0  # of the waiting ones, as far as they are among the OLDEST
    oldest: float | None = None  # seconds that the first of those has waited that no worker has begun
    ended: dict[str, float] = field(default_factory=dict)  # jobs a minute, by state, over RECENT or since fewer
    failures: int = 0  # tries that failed within RECENT

    @property
    def known(self) -> bool:
        """Whether code of this version works on it."""
        return self.name in QUEUES

    @property
    def done_a_minute(self) -> float:
        return self.ended.get(JobState.DONE, 0.0)


class Kind(NamedTuple):
    """Jobs of one name."""

    name: str
    jobs: int
    newest: datetime | None  # times to run
    oldest: datetime | None

    @property
    def known(self) -> bool:
        return self.name in looking.known_names()


def queues() -> list[Figures]:
    """Each queue there is, and each that has jobs; ours first."""
    found: dict[str, Figures] = {name: Figures(name) for name in QUEUES}
    _count(found)
    for queue, state, count, seconds in db.session.execute(_recently_ended()):
        _of(found, queue).ended[state.value] = count * 60 / max(float(seconds), 1.0)
    for queue, count in db.session.execute(_recently_failed()):
        _of(found, queue).failures = count
    for row in db.session.scalars(sa.select(JobQueue).where(JobQueue.paused_at.is_not(None))):
        _of(found, row.name).paused_at = row.paused_at
    return list(found.values())


def kinds(state: JobState) -> Sequence[Kind]:
    """The names of jobs that are waiting, dead or otherwise not done, those with the most jobs first."""
    return _by_name(_each(state, Job.run_at.desc()))


def kind(state: JobState, name: str) -> Kind:
    """All jobs of one name, up to COUNTED."""
    mine = sa.select(Job.name, Job.run_at).where(Job.state == state, Job.state != JobState.DONE, Job.name == name)
    return next(iter(_by_name(mine.limit(COUNTED))), Kind(name, 0, None, None))


def unknown_kinds() -> Sequence[Kind]:
    """Waiting jobs that no code of this version knows. Nobody takes them, so they are among the oldest."""
    return [kind for kind in _by_name(_each(JobState.WAITING, Job.run_at)) if not kind.known]


def loudest() -> Sequence[Any]:
    """The tenants with the most waiting jobs, as rows of `tenant` (None: the platform) and `jobs`."""
    waiting = sa.select(Job.tenant).where(Job.state == JobState.WAITING).limit(COUNTED).subquery()
    count = sa.func.count().label("jobs")
    query = sa.select(waiting.c.tenant, count).group_by(waiting.c.tenant).order_by(count.desc(), waiting.c.tenant)
    return db.session.execute(query.limit(LOUDEST)).all()


def ticked_seconds() -> float | None:
    """How long ago a dispatcher last added a tick of a periodic job that is not paused; None before the first one."""
    newest = sa.func.max(JobSchedule.looked_at)
    query = sa.select(_seconds(newest)).where(JobSchedule.paused_at.is_(None))
    seconds = db.session.scalar(query)
    return None if seconds is None else max(float(seconds), 0.0)


def _count(found: dict[str, Figures]) -> None:
    """The jobs that are not done, and since when the first one waits."""
    lanes = looking.lanes()
    if not lanes:
        return
    for queue, state, count, kept, seconds in db.session.execute(sa.union_all(*(_lane(*lane) for lane in lanes))):
        figures = _of(found, queue)
        figures.states[state] = min(count, COUNTED)
        figures.kept += kept
        if seconds is not None:
            figures.oldest = max(figures.oldest or 0.0, float(seconds), 0.0)


def _lane(state: JobState, queue: str) -> sa.Select[Any]:
    """What is kept for something else than its turn says nothing about the workers, so it has no age."""
    here = sa.select(sa.literal(1)).where(*_here(state, queue)).limit(COUNTED).subquery()
    count = sa.select(sa.func.count()).select_from(here).scalar_subquery()
    names = sa.literal(queue).label("queue"), sa.literal(state.value).label("state"), count.label("count")
    if state not in {JobState.WAITING, JobState.LEASED}:
        return sa.select(*names, sa.literal(0).label("kept"), sa.cast(sa.null(), sa.Numeric).label("seconds"))
    first = _some(state, queue, Job.run_at, OLDEST).subquery()
    in_turn = sa.and_(first.c.reason.is_(None), first.c.name.in_(looking.known_names()))
    kept = sa.select(sa.func.count()).select_from(first).where(sa.not_(in_turn)).scalar_subquery()
    waited = sa.select(_seconds(sa.func.min(first.c.run_at))).where(in_turn).scalar_subquery()
    return sa.select(*names, kept.label("kept"), waited.label("seconds"))


def _recently_ended() -> sa.Select[Any]:
    """Rows of queue, state, how many and the seconds that this is counted over."""
    last = sa.select(Job.queue, Job.state, Job.finished_at).where(Job.finished_at > sa.func.now() - RECENT)
    window = last.order_by(Job.finished_at.desc()).limit(ENDED).cte("ended")
    full = sa.select(sa.func.count() == ENDED).select_from(window).scalar_subquery()
    span = sa.select(_seconds(sa.func.min(window.c.finished_at))).scalar_subquery()
    seconds = sa.case((full, span), else_=RECENT.total_seconds())
    lane = window.c.queue, window.c.state
    return sa.select(*lane, sa.func.count(), seconds).group_by(*lane)


def _recently_failed() -> sa.Select[Any]:
    newest = sa.select(JobEvent).order_by(JobEvent.id.desc()).limit(EVENTS).subquery()
    failed = newest.c.kind.in_(endings.FAILURES), newest.c.at > sa.func.now() - RECENT
    counted: tuple[Any, ...] = (Job.queue, sa.func.count())
    query = sa.select(*counted).select_from(newest).join(Job, Job.id == newest.c.job)
    return query.where(*failed).group_by(Job.queue)


def _each(state: JobState, order: Any) -> sa.CompoundSelect[Any]:
    """Of each queue at most LOOKED_AT jobs of a state."""
    queues = [queue for known, queue in looking.lanes() if known == state]
    return sa.union_all(*(_some(state, queue, order, LOOKED_AT) for queue in queues or [""]))


def _by_name(window: sa.SelectBase) -> Sequence[Kind]:
    rows = window.subquery()
    count = sa.func.count()
    times = sa.func.max(rows.c.run_at), sa.func.min(rows.c.run_at)
    query = sa.select(rows.c.name, count, *times).group_by(rows.c.name).order_by(count.desc(), rows.c.name)
    return [Kind(*row) for row in db.session.execute(query)]


def _some(state: JobState, queue: str, order: Any, most: int) -> sa.Select[Any]:
    columns: tuple[Any, ...] = (Job.name, Job.run_at, Job.reason)
    return sa.select(*columns).where(*_here(state, queue)).order_by(order).limit(most)


def _here(state: JobState, queue: str) -> tuple[sa.ColumnElement[bool], ...]:
    """As jobs_open_ix has them."""
    return Job.state == state, Job.state != JobState.DONE, Job.queue == queue


def _of(found: dict[str, Figures], queue: str) -> Figures:
    return found.setdefault(queue, Figures(queue))


def _seconds(since: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.extract("epoch", sa.func.now() - since)
