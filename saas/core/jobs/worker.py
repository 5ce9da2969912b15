"""One worker process for one queue."""

import structlog
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker

from saas.core.jobs.runner import QUEUES

log = structlog.get_logger()


def connect(url: str) -> Redis:
    """A client that gives up on a silent server within seconds; a worker's blocking reads set their own limit."""
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def run(app: Flask, redis: Redis, queue: str) -> None:
    """Work until SIGTERM or SIGINT, which let the running job finish."""
    if queue not in QUEUES:
        raise SystemExit(f"There is no queue {queue!r}: choose one of {', '.join(QUEUES)}.")
    with app.app_context():  # SimpleWorker runs the job in this process and finds the application here
        worker = SimpleWorker([Queue(queue, connection=redis)], connection=redis)
        log.info("worker.started", queue=queue)
        worker.work(with_scheduler=False, logging_level="WARNING")
