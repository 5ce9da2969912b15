"""Calls to the outside that a repeat of the job does not make again."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, DBAPIError, StatementError

from saas.core.database import at_once, check_outside
from saas.core.jobs import rows, running
from saas.core.jobs.models import LONGEST_STEP, Job, JobCall, JobState
from saas.core.jobs.running import Cancelled, LeaseLost, Running


class NotKept(ValueError):
    """The call was made, and its answer is no JSON: a repeat makes it again."""


def once(step: str, ask: Callable[[str], Any]) -> Any:
    """What `ask` has answered to this step of the job that runs here: in this try, or in one before.

    `ask` gets an idempotency key, the same in every try, to send along: should the worker end between the answer and
    its record, the call is made again with it, and it is for the receiver to drop a repeat. The answer is to be JSON;
    of two tries at once the one that is recorded first stands. An error of `ask` is not recorded.

    For `outside` code. Raises NoJob, TransactionOpen with a transaction open and, before anything is asked, Cancelled,
    LeaseLost, and ValueError where the step's name is too long; NotKept, after it, where the answer is no JSON.
    """
    if len(step) > LONGEST_STEP:
        raise ValueError(f"the name of a step has {LONGEST_STEP} characters at most: {step}")
    check_outside()
    mine = running.current()
    known = _known(mine, step)
    if known is None:
        raise LeaseLost("it took longer than its lease, or was taken away")
    if known.at is not None:
        return known.answer
    if known.cancel_asked:
        raise Cancelled
    return _recorded(mine, step, ask(f"{mine.key}:{step}"))


def _known(mine: Running, step: str) -> Any:
    """The answer, if there is one, as long as the job is this try's."""
    call = sa.and_(JobCall.job == Job.id, JobCall.step == step)
    query = sa.select(rows.IS_CANCEL_ASKED, JobCall.at, JobCall.answer).outerjoin(JobCall, call)
    held = (Job.id == mine.id, Job.lease == mine.lease, Job.state == JobState.RUNNING)
    with at_once() as connection:
        return connection.execute(query.where(*held), {"job_id": mine.id}).one_or_none()


def _recorded(mine: Running, step: str, answer: Any) -> Any:
    row = insert(JobCall).values(job=mine.id, step=step, answer=answer)
    kept = row.on_conflict_do_nothing(index_elements=["job", "step"]).returning(JobCall.answer)
    theirs = sa.select(JobCall.answer).where(JobCall.job == mine.id, JobCall.step == step)
    try:
        with at_once() as connection:
            return (connection.execute(kept).one_or_none() or connection.execute(theirs).one()).answer
    except StatementError as error:
        if isinstance(error, DBAPIError) and not isinstance(error, DataError):
            raise
        raise NotKept(f"the answer to the step {step!r} is no JSON: {type(error.orig).__name__}") from None
