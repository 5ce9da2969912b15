"""Hands due jobs from the table to RQ. Killed at any moment it loses nothing: a lease that ends is sent again."""

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from saas.core.database import db, transaction
from saas.core.jobs import registry
from saas.core.jobs.models import Job, JobState
from saas.core.jobs.pulse import Pulse
from saas.core.jobs.runner import QUEUES, Handler

log = structlog.get_logger()

POLL_SECONDS = 0.025
BATCH = 50
MOST_QUEUED = 200  # in one of RQ's queues: beyond that jobs are better kept in the table, where they can be counted
TICK_ROUNDS = 40  # periodic jobs are looked at once a second
WAIT_SECONDS = 60  # how long a job may lie in RQ before it is sent again


def run(app: Flask, redis: Redis, pulse_file: Path | None = None) -> None:
    """Dispatch until SIGTERM or SIGINT."""
    pulse = Pulse(pulse_file)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    log.info("dispatcher.started")
    pause, rounds = 0.0, 0
    while not stop.wait(pause):
        pulse.beat()
        pause = POLL_SECONDS
        try:
            with app.app_context():
                if rounds % TICK_ROUNDS == 0:
                    tick()
                if dispatch(redis):
                    pause = 0.0
            rounds += 1
        except (RedisError, OperationalError) as error:
            log.warning("dispatcher.waiting", error=str(error).splitlines()[0])
            pause = 1.0
    log.info("dispatcher.stopped")


def dispatch(redis: Redis) -> int:
    """One round: lease what is due and send it to RQ. Returns how many were sent.

    When RQ can't be reached the leases are handed back at once, and RedisError is raised.
    """
    open_queues = [queue for queue in QUEUES if Queue(queue, connection=redis).count < MOST_QUEUED]
    with transaction():
        leased = _lease(open_queues)
    try:
        for job in leased:
            _send(redis, job)
    except RedisError:
        with transaction():
            _hand_back(leased)
        raise
    return len(leased)


def tick() -> None:
    """Add a row for the current tick of each periodic job; the unique tick makes a second dispatcher's one vanish."""
    with transaction():
        for handler in registry.handlers():
            if handler.every is not None:
                _add_tick(handler, handler.every)


def _add_tick(handler: Handler, every: int) -> None:
    number = sa.func.floor(sa.func.extract("epoch", sa.func.now()) / every)
    tick = sa.func.concat(handler.name, "@", sa.cast(number, sa.BigInteger))
    row = insert(Job).values(
        name=handler.name,
        args=[],
        queue=handler.queue,
        limit_seconds=handler.limit_seconds,
        max_tries=handler.max_tries,
        tick=tick,
    )
    db.session.execute(row.on_conflict_do_nothing(index_elements=["tick"]))


def _lease(queues: Sequence[str]) -> Sequence[Any]:
    """Lease what is due. A lease that nobody took up costs no try; a job whose worker was lost on its last is dead."""
    due = (
        sa.select(Job.id)
        # During a deploy a newer process may have asked for a job that only its own kind knows.
        .where(Job.name.in_([handler.name for handler in registry.handlers()]))
        .where(Job.due_at <= sa.func.now(), Job.queue.in_(queues))
        .order_by(Job.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    lost = sa.and_(Job.state == JobState.RUNNING, Job.tries >= Job.max_tries)
    lease = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, WAIT_SECONDS)
    leased = (
        sa.update(Job)
        .where(Job.id.in_(due))
        .values(
            state=sa.case((lost, JobState.DEAD.value), else_=JobState.LEASED.value),
            lease=Job.lease + 1,
            due_at=sa.case((lost, None), else_=lease),
            finished_at=sa.case((lost, sa.func.now()), else_=None),
            error=sa.case((Job.state == JobState.RUNNING, "the worker was lost"), else_=Job.error),
        )
        .returning(Job.id, Job.name, Job.tenant, Job.queue, Job.lease, Job.limit_seconds, Job.state)
        .execution_options(synchronize_session=False)
    )
    return [row for row in db.session.execute(leased) if row.state == JobState.LEASED]


def _send(redis: Redis, job: Any) -> None:
    """RQ shows the job under the handler's real name, with the tenant in its description and id."""
    whose = job.tenant or "platform"
    Queue(job.queue, connection=redis).enqueue_call(
        registry.get(job.name).path,
        args=(str(job.id), job.lease),
        timeout=job.limit_seconds,
        result_ttl=0,
        failure_ttl=3600,
        description=f"{job.name} for {whose}",
        job_id=f"{job.name.replace('.', '-')}-{whose}-{job.id}-{job.lease}",
    )


def _hand_back(leased: Sequence[Any]) -> None:
    """As if they had not been leased; one that did reach RQ finds its lease over."""
    db.session.execute(
        sa.update(Job)
        .where(Job.id.in_([job.id for job in leased]), Job.state == JobState.LEASED)
        .values(state=JobState.WAITING, due_at=sa.func.now())
        .execution_options(synchronize_session=False)
    )
