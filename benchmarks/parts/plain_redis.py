"""How long a hung Redis blocks whoever enqueues with plain RQ, and what is left when it is killed."""

import contextlib
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from benchmarks.figures import Figure, Part
from benchmarks.parts import plain_jobs
from benchmarks.parts.plain_rq import Ground
from saas.devstack import valkey


def measure(ground: Ground, hung: int, jobs: int) -> Part:
    ground.redis.flushall()
    blocked = _blocked(ground, hung)
    figures = [
        *(Figure(f"Redis hangs {hung} s, {name}: enqueue takes", took, "s") for name, took in blocked.items()),
        Figure("Redis killed -9, without AOF: gone", _gone(jobs, durable=False), "jobs"),
        Figure("Redis killed -9, with AOF: gone", _gone(jobs, durable=True), "jobs"),
    ]
    return Part(figures, _how(hung, jobs))


def _how(hung: int, jobs: int) -> str:
    return (
        f"Redis: stopped by SIGSTOP for {hung} s, each client in a thread of its own and connected before; what gives "
        f"up raises. Killed after {jobs:,} enqueues were acknowledged, and started again on what it had kept; "
        "neither takes snapshots."
    )


def _blocked(ground: Ground, seconds: float) -> dict[str, float]:
    """How long enqueuing takes, by client, all at once while the server hangs."""
    took = dict[str, float]()
    clients = _clients(ground.server.url)
    threads = [threading.Thread(target=_enqueue, args=(name, redis, took)) for name, redis in clients.items()]
    os.kill(ground.server.process.pid, signal.SIGSTOP)
    try:
        for thread in threads:
            thread.start()
        time.sleep(seconds)
    finally:
        os.kill(ground.server.process.pid, signal.SIGCONT)
    for thread in threads:
        thread.join()
    for redis in clients.values():
        redis.close()
    return {name: took[name] for name in clients}


def _clients(url: str) -> dict[str, Redis]:
    """Connected ones: as they come, and with a second's patience, which one of the two spends on each of its tries."""
    parts = urlsplit(url)
    host: dict[str, Any] = {"host": parts.hostname, "port": parts.port, "password": parts.password}
    clients = {
        "Redis()": Redis(**host),
        "Redis(socket_timeout=1)": Redis(**host, socket_timeout=1),
        "from_url()": Redis.from_url(url),
        "from_url(socket_timeout=1)": Redis.from_url(url, socket_timeout=1),
    }
    for redis in clients.values():
        redis.ping()
    return clients


def _enqueue(name: str, redis: Redis, took: dict[str, float]) -> None:
    began = time.monotonic()
    with contextlib.suppress(RedisError):
        Queue("fast", connection=redis).enqueue(plain_jobs.nothing)
    took[name] = time.monotonic() - began


def _gone(jobs: int, *, durable: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="freehold-bench-", ignore_cleanup_errors=True) as name:
        server = valkey.start(Path(name), durable=durable)
        try:
            with Redis.from_url(server.url) as redis:
                for _ in range(jobs):
                    Queue("fast", connection=redis).enqueue(plain_jobs.nothing)
            server.process.process.kill()
            server.process.process.wait()
            server.stop()
            server = valkey.start(Path(name), durable=durable)
            with Redis.from_url(server.url) as redis:
                return jobs - Queue("fast", connection=redis).count
        finally:
            server.stop()
