"""The jobs table: the truth about what is to be done, is being done and was done."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base
from saas.core.ids import uuid7


class JobState(StrEnum):
    WAITING = "waiting"
    LEASED = "leased"  # handed to RQ; if no worker has begun it by `due_at` it is sent again
    RUNNING = "running"  # a worker is at it; if it is not done by `due_at` the worker was lost
    DONE = "done"
    DEAD = "dead"  # failed on its last try


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        sa.Index("jobs_due_ix", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.Index("jobs_open_ix", "state", "queue", "run_at", postgresql_where=sa.text("state <> 'done'")),
        sa.Index("jobs_tenant_ix", "tenant", "id"),
    )

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
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    finished_at: Mapped[datetime | None]
