"""RQ's worker, with what it tells Redis in few trips: one as a job begins, one as it ends, one now and then.

A job takes RQ's SimpleWorker 27 trips, and its parts retry, lock and look up what our jobs don't have: no dependents,
no repeats, no results that anybody keeps, no rate limit. All keys that a stock worker, `rq info` and RQ's own cleaning
look at are still written. Each overridden method is one of RQ 3.0.0, which is pinned; a test knows how they read there.

Nothing depends on these trips: where Redis does not answer, a job that has been taken up is done all the same.
"""

import os
import socket
import sys
import time
from typing import Any

import structlog
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, worker_registration
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.results import Result
from rq.suspension import WORKERS_SUSPENDED
from rq.timeouts import UnixSignalDeathPenalty
from rq.utils import now
from rq.worker import WorkerStatus

from saas.core.jobs import endings
from saas.core.jobs.bounds import OverLimit
from saas.core.jobs.present import BEATS

log = structlog.get_logger()

APART = 5.0  # seconds between two beats
_IDLE = 15  # seconds for which a worker without a job counts as live
_LONGEST = 600  # and one with a job, however long that may take: it may have been killed
TRIP = 5  # seconds that Redis has for an answer

# Until when a worker counts as live, by Redis' own clock.
_LIVE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 3600)
redis.call('EXPIRE', KEYS[1], 7200)
"""


class Alarm(UnixSignalDeathPenalty):
    def handle_death_penalty(self, _signum: Any, _frame: Any) -> None:
        raise OverLimit(f"it took longer than its limit of {self._timeout} s")


class Bookkeeper(SimpleWorker):
    death_penalty_class = Alarm

    def __init__(self, queue: Queue, name: str) -> None:
        self.queue = queue
        super().__init__([queue], name, connection=queue.connection, prepare_for_work=False, log_job_description=False)
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self.birth_date = now()
        self._live_until = 0.0

    @property
    def dequeue_timeout(self) -> int:
        return 1  # in which a worker without a job hears of SIGTERM

    @property
    def connection_timeout(self) -> int:
        return TRIP  # for RQ would lengthen the client's own

    def register(self) -> bool:
        """The first beat, and the first one after Redis was away."""
        self.connection.delete(self.executions_key)  # of a process that was killed
        return self.beat()

    def beat(self) -> bool:
        """Say all there is to say: Redis may have been wiped. Returns whether `rq suspend` keeps workers from work."""
        self.last_heartbeat = now()
        with self.connection.pipeline(transaction=False) as pipe:
            worker_registration.register(self, pipe)
            pipe.hset(self.key, mapping=self.serialize() | {"state": self._state})
            pipe.hdel(self.key, "death")
            pipe.expire(self.key, _IDLE + 60)
            pipe.expire(self.executions_key, _IDLE + 60)
            self._live(pipe, _IDLE)
            pipe.exists(WORKERS_SUSPENDED)
            return bool(pipe.execute()[-1])

    def register_death(self) -> None:
        super().register_death()  # type: ignore[no-untyped-call]
        self.connection.zrem(BEATS.format(self.queue.name), self.name)

    def prepare_execution(self, job: Job) -> Execution:
        """With what RQ does in `prepare_job_execution`. The job leaves RQ's list of what was taken up last of all."""
        keep = self.get_heartbeat_ttl(job)
        shown = min(keep, _LONGEST)
        with self.connection.pipeline(transaction=False) as pipe:
            execution = Execution.create(job, keep, pipeline=pipe, worker_name=self.name)
            job.prepare_for_execution(self.name, pipeline=pipe)
            # `rq info` shows what stands here as it is.
            pipe.hset(self.key, "state", f"{WorkerStatus.BUSY.value}: {job.description}")
            pipe.expire(self.key, shown + _IDLE)
            if time.monotonic() + shown > self._live_until:  # not again for each of many short jobs
                self._live(pipe, shown + _IDLE)
            pipe.lrem(self.queue.intermediate_queue_key, 1, job.id)
            _tell(pipe)
        self._state = WorkerStatus.BUSY
        self.executions[execution.id] = execution
        return execution

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """Done by then."""

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:  # noqa: ARG002
        job.ended_at = now()

    def handle_job_success(
        self,
        job: Job,
        queue: Queue,  # noqa: ARG002
        started_job_registry: StartedJobRegistry,  # noqa: ARG002
        execution: Execution,
    ) -> None:
        took = (job.ended_at or now()) - (job.started_at or now())
        with self.connection.pipeline(transaction=False) as pipe:
            self.increment_successful_job_count(pipe)
            self.increment_total_working_time(took, pipe)
            self.cleanup_execution(job, pipe, execution)
            self.forget(job, pipe)
            _tell(pipe)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: StartedJobRegistry | None = None,
        exc_string: str = "",  # noqa: ARG002  with the values that the error was about
        execution: Execution | None = None,
    ) -> None:
        error = sys.exc_info()[1]
        kept = endings.line(error) if error else ""
        super().handle_job_failure(job, queue, started_job_registry, kept, execution)

    def forget(self, job: Job, pipe: Pipeline) -> None:
        """Remove all keys of a job."""
        executions = ExecutionRegistry(job.id, self.connection).key
        results = Result.get_key(job.id)  # type: ignore[no-untyped-call]
        pipe.delete(job.key, job.dependents_key, job.dependencies_key, results, executions)

    def _live(self, pipe: Pipeline, seconds: int) -> None:
        pipe.eval(_LIVE, 1, BEATS.format(self.queue.name), self.name, seconds)
        self._live_until = time.monotonic() + seconds


def _tell(pipe: Pipeline) -> None:
    try:
        pipe.execute()
    except RedisError as error:
        log.warning("worker.untold", error=str(error))
