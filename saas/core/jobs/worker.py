"""The process that does the jobs of one queue; its supervisor has forked it, and it may be killed at any moment."""

import logging
import os
import random
import signal
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any
from uuid import UUID

import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.worker import WorkerStatus
from sqlalchemy.exc import OperationalError

from saas.core.database import db
from saas.core.jobs import bookkeeping, endings
from saas.core.jobs.board import Board
from saas.core.jobs.bounds import Bounds, OverLimit, resident

log = structlog.get_logger()

_AGAIN = 1.0  # seconds after which Redis is asked again


def connect(url: str) -> Redis:
    """A client that gives up on a silent server after five seconds, and does not try again by itself."""
    return Redis.from_url(url, socket_timeout=bookkeeping.TRIP, socket_connect_timeout=bookkeeping.TRIP)


def work(app: Flask, redis_url: str, queue: str, bounds: Bounds) -> Callable[[Board], None]:
    """What the supervisor's child is to do: jobs of one queue until it is told to stop, or is worn."""
    name = f"{queue}-{socket.gethostname()}-{os.getpid()}"  # the supervisor's: for all of its children

    def do(board: Board) -> None:
        logging.getLogger("rq.worker").setLevel("WARNING")  # the runner tells of each job
        with app.app_context():  # in which the jobs find the application
            db.engine.dispose(close=False)  # what is the parent's
            worker = _Worker(Queue(queue, connection=connect(redis_url)), name, board, bounds)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, worker.request_stop)
            log.info("worker.started", queue=queue)
            worker.serve()

    return do


class _Worker(bookkeeping.Bookkeeper):
    def __init__(self, queue: Queue, name: str, board: Board, bounds: Bounds) -> None:
        super().__init__(queue, name)
        self._board = board
        self._much = bounds.much
        self._worn_at = time.monotonic() + bounds.age * random.uniform(0.9, 1.1)  # noqa: S311  not all at once
        self._next_beat = 0.0
        self._suspended = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Nothing is raised from here, so that what was taken up is always done."""
        self._stop_requested = True

    def serve(self) -> None:
        """Whatever Redis does, the process stays; where it would help to begin anew, its supervisor says so."""
        while not (self._stop_requested or self._is_worn()):
            try:
                self._round()
            except RedisError as error:
                log.warning("worker.waiting", error=str(error))
                self.connection.connection_pool.disconnect()  # its address may be another server's by now
                self._next_beat = 0.0
                time.sleep(_AGAIN)
        if self._stop_requested:
            with suppress(RedisError):
                self.register_death()

    def execute_job(self, job: Job, queue: Queue) -> None:
        try:
            job.func  # noqa: B018  imports it
        except Exception as error:  # noqa: BLE001  whatever a module raises that is not ours
            self._put_back(job, error)
        else:
            self.perform_job(job, queue, self.prepare_execution(job))

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:  # noqa: ARG002
        """Before the job itself begins, so that the limit ends here before its lease does in the database."""
        id_, lease = job.args
        self._board.begin(UUID(id_), lease, job.timeout or self.queue_class.DEFAULT_TIMEOUT)

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        self._board.end()
        super().handle_execution_ended(job, queue, heartbeat_ttl)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        if exc_info[0] is OverLimit:
            self._worn_at = 0.0  # whatever code was interrupted may have left something half done
        where = "".join(traceback.format_tb(exc_info[2]))  # no word of the error's own, which may be about anybody
        log.warning("worker.raised", job=job.id, error=endings.line(exc_info[1]), where=where)

    def _round(self) -> None:
        self._board.beat()
        if time.monotonic() >= self._next_beat:
            self._suspended = self.beat() if self._next_beat else self.register()
            self._next_beat = time.monotonic() + bookkeeping.APART
        if self._suspended:
            self._show(WorkerStatus.SUSPENDED)
            time.sleep(_AGAIN)
            return
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
        if found := self._take():
            self.execute_job(*found)

    def _take(self) -> tuple[Job, Queue] | None:
        """The next job. After one the next is asked for at once; where there is none the server is waited on."""
        wait = None
        if self._state != WorkerStatus.BUSY:
            self._show(WorkerStatus.IDLE)
            wait = self.dequeue_timeout
        try:
            found = Queue.dequeue_any([self.queue], wait, self.connection, death_penalty_class=self.death_penalty_class)
        except DequeueTimeout:
            return None
        if found is None:
            self._show(WorkerStatus.IDLE)
        else:
            found[0].redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
        return found

    def _show(self, state: WorkerStatus) -> None:
        if self._state != state:
            self.set_state(state)

    def _put_back(self, job: Job, error: Exception) -> None:
        """Its code is newer or older than this process': it waits, visibly, for a worker that knows it."""
        id_, lease = job.args
        log.warning("job.unknown", job=id_, name=job.description, error=str(error))
        with suppress(OperationalError):  # its lease ends in any case
            endings.hold(UUID(id_), lease, f"this worker's code does not know {job.func_name}")
        with self.connection.pipeline(transaction=False) as pipe:
            pipe.lrem(self.queue.intermediate_queue_key, 1, job.id)
            self.forget(job, pipe)
            pipe.execute()

    def _is_worn(self) -> bool:
        """By its age, or by what its last job has left in memory; a process does one job at least."""
        grown = self._state == WorkerStatus.BUSY and (resident(os.getpid()) or 0) > self._much
        worn = grown or time.monotonic() > self._worn_at
        if worn:
            log.info("worker.worn")
        return worn
