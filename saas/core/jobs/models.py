"""The jobs table: the truth about what is to be done, is being done and was done; and what is kept beside it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, refers
from saas.core.ids import uuid7


class JobState(StrEnum):
    WAITING = "waiting"
    LEASED = "leased"  # handed to RQ; if no worker has begun it by `due_at` it is sent again
    RUNNING = "running"  # a worker is at it; if it is not done by `due_at` the worker was lost
    DONE = "done"
    DEAD = "dead"  # failed on its last try
    CANCELLED = "cancelled"  # somebody no longer wanted it, or its tenant is gone
    DISMISSED = "dismissed"  # dead, and somebody has looked at it and let it be


OPEN = (JobState.WAITING, JobState.LEASED, JobState.RUNNING)
_OUT = sa.text("state IN ('leased', 'running')")
IS_OPEN = sa.text("key IS NOT NULL AND state IN ('waiting', 'leased', 'running')")


LONGEST_STEP = 80  # characters of the name of a call


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        sa.Index("jobs_due_ix", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.Index("jobs_open_ix", "state", "queue", "run_at", postgresql_where=sa.text("state <> 'done'")),
        sa.Index("jobs_tenant_ix", "tenant", "id"),
        sa.Index(
            "jobs_key_ix", "name", "tenant", "key",
            unique=True, postgresql_nulls_not_distinct=True, postgresql_where=IS_OPEN,
        ),
        sa.Index("jobs_turn_ix", "queue", "tenant", "due_at", postgresql_where=sa.text("state = 'waiting'")),
        sa.Index("jobs_out_ix", "queue", "tenant", "due_at", postgresql_where=_OUT),
        sa.Index("jobs_ended_ix", "finished_at", postgresql_where=sa.text("finished_at IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(sa.String(80))
    tenant: Mapped[str | None] = mapped_column(sa.String(18))  # None: the platform's own
    args: Mapped[list[Any]] = mapped_column(JSONB)  # ids only
    queue: Mapped[str] = mapped_column(sa.String(16))
    limit_seconds: Mapped[int]  # how long one try may take
    max_tries: Mapped[int]
    state: Mapped[JobState] = mapped_column(
        sa.Enum(JobState, native_enum=False, length=16, values_callable=list), default=JobState.WAITING
    )
    run_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())  # its time, since when it waits
    # When the dispatcher has to look at it: its time to run, or the end of its lease. None once it has ended.
    due_at: Mapped[datetime | None] = mapped_column(server_default=sa.func.now())
    lease: Mapped[int] = mapped_column(default=0)  # how often it was handed out; a worker names the one it holds
    tries: Mapped[int] = mapped_column(default=0)  # how often a worker began it
    error: Mapped[str | None]  # of the last try that failed
    tick: Mapped[str | None] = mapped_column(sa.String(120), unique=True)  # "name@time" of a periodic job
    key: Mapped[str | None] = mapped_column(sa.String(200))  # one open job of this name and tenant at a time has it
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    began_at: Mapped[datetime | None]  # its last try
    finished_at: Mapped[datetime | None]
    # What a long job tells of itself: `done` of `total`, and where the next try goes on.
    done: Mapped[int | None] = mapped_column(sa.BigInteger)
    total: Mapped[int | None] = mapped_column(sa.BigInteger)
    message: Mapped[str | None] = mapped_column(sa.String(200))
    checkpoint: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    cancel_asked: Mapped[bool] = mapped_column(server_default=sa.false())
    reason: Mapped[str | None] = mapped_column(sa.String(500))  # why it is kept waiting, was cancelled or dismissed


class JobEvent(Base):
    """One line of a job's timeline: what its row does not tell, and what the job itself has logged."""

    __tablename__ = "job_events"
    __table_args__ = (sa.Index("job_events_job_ix", "job", "id"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    job: Mapped[UUID] = mapped_column(refers("jobs"))
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    kind: Mapped[str] = mapped_column(sa.String(16))  # "failed", "lost", "handed back", "retried", "log" …
    text: Mapped[str] = mapped_column(sa.String(2000))


class JobCall(Base):
    """What somebody outside answered to one step of a job, so that a repeat need not ask again."""

    __tablename__ = "job_calls"

    job: Mapped[UUID] = mapped_column(refers("jobs"), primary_key=True)
    step: Mapped[str] = mapped_column(sa.String(LONGEST_STEP), primary_key=True)
    answer: Mapped[Any] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class JobSchedule(Base):
    """A periodic job: up to when its ticks were looked at, and whether somebody has paused it."""

    __tablename__ = "job_schedules"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    looked_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]


class JobQueue(Base):
    """A queue that somebody has paused or resumed; one without a row never was."""

    __tablename__ = "job_queues"

    name: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    paused_at: Mapped[datetime | None]
