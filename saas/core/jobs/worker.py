"""One worker process for one queue."""

from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker

from saas.core.jobs.pulse import Pulse
from saas.core.jobs.runner import QUEUES

log = structlog.get_logger()

IDLE_SECONDS = 60  # between the heartbeats of a worker that has nothing to do
_RQ_MARGIN = 15  # by which RQ's own wait for a job is shorter than the worker's time to live


def connect(url: str) -> Redis:
    """A client that gives up on a silent server within seconds; a worker's blocking reads set their own limit."""
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def run(app: Flask, redis: Redis, queue: str, pulse_file: Path | None = None) -> None:
    """Work until SIGTERM or SIGINT, which let the running job finish."""
    if queue not in QUEUES:
        raise SystemExit(f"There is no queue {queue!r}: choose one of {', '.join(QUEUES)}.")
    with app.app_context():  # SimpleWorker runs the job in this process and finds the application here
        queues, ttl = [Queue(queue, connection=redis)], IDLE_SECONDS + _RQ_MARGIN
        worker = _Worker(queues, connection=redis, worker_ttl=ttl, pulse=Pulse(pulse_file))
        log.info("worker.started", queue=queue)
        worker.work(with_scheduler=False, logging_level="WARNING")


class _Worker(SimpleWorker):
    """Shows its pulse where RQ has its heartbeats: around each job, and between two waits for one."""

    def __init__(self, *arguments: Any, pulse: Pulse, **options: Any) -> None:
        self._pulse = pulse
        super().__init__(*arguments, **options)

    def heartbeat(self, *arguments: Any, **options: Any) -> None:
        self._pulse.beat()  # first: Redis may be away
        super().heartbeat(*arguments, **options)
