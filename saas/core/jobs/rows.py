"""The SQL of one job's row, by the lease that is held on it: how a try begins, tells and ends. Built once.

Each statement takes `job_id` and `held`, the lease's number, and finds nothing where the row is another's by now.

A wish to cancel is in the row, or only in the job's timeline where it came while the row was locked; both are heeded.
"""

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.engine.interfaces import BindTyping, Dialect

from saas.core.jobs.models import Job, JobEvent, JobState

GRACE_SECONDS = 10  # between a job's limit, at which its worker ends it, and the end of its lease
LONGEST_HOLD = 300  # seconds until a job that waits for its tenant or for other code is looked at again
MOST_LINES = 200  # that a job's timeline keeps of what the job itself has logged
ASKED = "somebody asked for it to be cancelled"
HELD, CANCEL_ASKED, RETRIED = "held", "cancel asked", "retried"  # kinds of events

LIGHTLY = "SET LOCAL synchronous_commit TO off; "
_HELD_PART = 8  # a job is held for this part of its age: what has waited for days need not be tried twice a minute
_LAST_LINE = "what it says from here on is in its worker's log only"
_DIALECT: Dialect = psycopg2.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
_DIALECT.bind_typing = BindTyping.NONE  # the casts come when it is run
_jobs, _events = cast("sa.Table", Job.__table__), cast("sa.Table", JobEvent.__table__)
_row, _event = _jobs.c, _events.c
_now = sa.func.now()
_kind, _text = sa.bindparam("kind", type_=sa.Text), sa.bindparam("text", type_=sa.Text)


def wish(job: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """Why somebody wants a job cancelled; NULL where nobody does, or it was given all its tries again since."""
    about = sa.or_(_event.kind == CANCEL_ASKED, _event.kind == RETRIED)
    text = sa.select(sa.case((_event.kind == CANCEL_ASKED, _event.text)))
    last = text.where(_event.job == job, about).order_by(_event.id.desc()).limit(1)
    return last.correlate(None).scalar_subquery()


_wish = wish(sa.bindparam("job_id"))
IS_CANCEL_ASKED = sa.or_(_row.cancel_asked, _wish.is_not(None)).label("cancel_asked")


def again(tries: sa.ColumnElement[int], first: Any, most: Any) -> sa.ColumnElement[Any]:
    """When to try again after so many tries: in `first` seconds, doubled with each, `most` at most, all a bit apart."""
    seconds = sa.func.least(first * sa.func.power(2, sa.func.greatest(tries, 1) - 1), most)
    return later(seconds * (0.8 + 0.4 * sa.func.random()))


def later(seconds: Any) -> sa.ColumnElement[Any]:
    return _now + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _held(*states: JobState) -> sa.ColumnElement[bool]:
    """The row is this lease's, and in one of these states."""
    mine = sa.and_(_row.id == sa.bindparam("job_id"), _row.lease == sa.bindparam("held"))
    return sa.and_(mine, sa.or_(*(_row.state == state for state in states)))


def _lightly(statement: sa.Update | sa.Insert, *columns: Any) -> sa.TextualSelect:
    """As one message that does not wait for the disk; two statements in one message are one transaction.

    Should the server crash within the next half second it is forgotten. What this process commits later and waits for
    takes it to the disk as well.
    """
    made = statement.returning(*columns).compile(dialect=_DIALECT)
    names = made.bind_names  # as they stand in the text
    binds = (sa.bindparam(name, bind.value, bind.type, required=bind.required) for bind, name in names.items())
    return (
        sa.text(f"{LIGHTLY}{made}")
        .bindparams(*binds)
        .columns(*(sa.column(found.name, found.type) for found in columns))
    )


def _telling(*, checkpoint: bool = False) -> sa.Update:
    """How far a job has come; what is told as None stays as it was."""
    told: dict[str, Any] = {}
    for name in ("done", "total", "message"):
        told[name] = sa.func.coalesce(sa.bindparam(f"told_{name}", type_=_row[name].type), _row[name])
    if checkpoint:
        told["checkpoint"] = sa.bindparam("told_checkpoint", type_=_row.checkpoint.type)
    return sa.update(_jobs).where(_held(JobState.RUNNING)).values(told)


def _log() -> sa.Insert:
    mine = (_event.job == sa.bindparam("job_id"), _event.kind == "log")
    logged = sa.select(sa.func.count().label("lines")).where(*mine).subquery()
    line = sa.case((logged.c.lines == MOST_LINES - 1, _LAST_LINE), else_=_text)
    row = sa.select(sa.bindparam("job_id", type_=sa.Uuid), sa.literal("log"), line)
    return sa.insert(_events).from_select(["job", "kind", "text"], row.where(logged.c.lines < MOST_LINES))


def _failing(*states: JobState, skip_locked: bool = False) -> sa.Select[Any]:
    """A try that counts, also where its worker has ended before it began."""
    tries = _row.tries + sa.case((_row.state == JobState.RUNNING, 0), else_=1)
    then = again(tries, sa.bindparam("first", type_=sa.Double), sa.bindparam("most", type_=sa.Double))
    mine = _locked(states, skip_locked, tries=tries, again=then, wish=_wish)
    asked = sa.or_(_row.cancel_asked, mine.c.wish.is_not(None))
    over = sa.or_(asked, mine.c.tries >= _row.max_tries)
    return _ending(
        mine,
        sa.func.concat("try ", _row.tries, " of ", _row.max_tries, ": ", _text),
        state=sa.case((asked, JobState.CANCELLED.value), (over, JobState.DEAD.value), else_="waiting"),
        tries=mine.c.tries,
        run_at=sa.case((over, _row.run_at), else_=mine.c.again),
        due_at=sa.case((over, None), else_=mine.c.again),
        finished_at=sa.case((over, _now), else_=None),
        error=_text,
        reason=sa.case((asked, sa.func.coalesce(mine.c.wish, _row.reason, ASKED)), else_=None),
    )


def _waiting(until: sa.ColumnElement[Any], *, skip_locked: bool = False, **values: Any) -> sa.Select[Any]:
    """A try that does not count."""
    tries = _row.tries - sa.case((_row.state == JobState.RUNNING, 1), else_=0)
    mine = _locked(_OUT, skip_locked, tries=sa.func.greatest(tries, 0), until=until)
    return _ending(mine, _text, state=JobState.WAITING, tries=mine.c.tries, due_at=mine.c.until, **values)


def _holding() -> sa.Select[Any]:
    age = sa.func.extract("epoch", _now - _row.created_at)
    until = later(sa.func.greatest(sa.bindparam("seconds"), sa.func.least(age / _HELD_PART, LONGEST_HOLD)))
    return _waiting(until, run_at=until, reason=_text)


def _cancelling() -> sa.Select[Any]:
    mine = _locked(_OUT, wish=_wish)
    reason = sa.func.coalesce(mine.c.wish, sa.case((_row.cancel_asked, _row.reason)), _text)
    return _ending(mine, _text, state=JobState.CANCELLED, due_at=None, finished_at=_now, reason=reason)


def _locked(states: tuple[JobState, ...], skip: bool = False, **columns: sa.ColumnElement[Any]) -> sa.CTE:
    """The row, locked; or nothing, where another transaction has it and that is to be passed over."""
    found = sa.select(_row.id, *(column.label(name) for name, column in columns.items())).where(_held(*states))
    return found.with_for_update(key_share=True, skip_locked=skip).cte("mine")


def _ending(mine: sa.CTE, text: sa.ColumnElement[Any], **values: Any) -> sa.Select[Any]:
    """Change the row and tell it in its timeline, unless the last line there says so already."""
    changed = sa.update(_jobs).where(_row.id == mine.c.id).values(**values)
    ended = changed.returning(_row.id, text.label("text")).cte("ended")
    last = sa.select(sa.func.max(_event.id)).where(_event.job == sa.bindparam("job_id")).scalar_subquery()
    same = sa.exists().where(_event.id == last, _event.kind == HELD, _kind == HELD, _event.text == ended.c.text)
    line = sa.select(ended.c.id, _kind, ended.c.text).where(~same)
    told = sa.insert(_events).from_select(["job", "kind", "text"], line).cte("told")
    return sa.select(ended.c.id).add_cte(told)


_OUT = (JobState.LEASED, JobState.RUNNING)

BEGIN = _lightly(
    sa.update(_jobs).where(_held(JobState.LEASED)).values(
        state=JobState.RUNNING, tries=_row.tries + 1, began_at=_now, due_at=later(_row.limit_seconds + GRACE_SECONDS)
    ),
    _row.tenant, _row.args, _row.tries, _row.checkpoint, IS_CANCEL_ASKED,
)  # fmt: skip
DONE = (
    sa.update(_jobs)
    .where(_held(JobState.RUNNING))
    .values(state=JobState.DONE, due_at=None, error=None, reason=None, finished_at=_now)
    .returning(_row.id)
)
PROGRESS = _lightly(_telling(), IS_CANCEL_ASKED)
STEP = _telling(checkpoint=True).returning(IS_CANCEL_ASKED)
LOG = _lightly(_log(), _event.id)
FAIL = _failing(JobState.RUNNING)
SETTLE = _failing(*_OUT, skip_locked=True)
HAND_BACK = _waiting(_now, skip_locked=True)
HOLD = _holding()
CANCEL = _cancelling()
OUT = sa.select(_row.id).where(_held(*_OUT))
