"""Plain RQ on a Valkey of its own: `rq` as it comes, with its defaults, and nothing of ours in the path."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from rq import Queue

from saas.devstack import processes, valkey
from saas.devstack.processes import Child, Program
from saas.devstack.state import ROOT

_MOST = 110.0  # seconds


@dataclass(frozen=True)
class Ground:
    folder: Path
    server: valkey.Server
    redis: Redis

    def queue(self, name: str) -> Queue:
        return Queue(name, connection=self.redis)

    def start(self, name: str, *command: str, **env: str) -> Child:
        """A process of Python's, that knows the server as `rq` does; it ends with this one."""
        env = os.environ | {"RQ_REDIS_URL": self.server.url, "PYTHONUNBUFFERED": "1"} | env
        return processes.start(
            Program(name, [sys.executable, "-m", *command], self.folder / "log" / f"{name}.log", env, ROOT)
        )

    def worker(self, name: str, *queues: str, kind: str = "rq.Worker", burst: bool = False) -> Child:
        """One that is waiting for jobs, or will be in a moment; in `burst`, one that ends when there are none left."""
        options = ["--burst"] if burst else []
        return self.start(name, "rq.cli", "worker", *options, *queues, RQ_WORKER_CLASS=kind)

    @contextmanager
    def working(self, *queues: str, kind: str = "rq.Worker") -> Iterator[None]:
        """With one worker, ready."""
        with ExitStack() as ending:
            worker = self.worker("worker", *queues, kind=kind)
            ending.callback(worker.stop)
            await_that(lambda: listens(worker))
            yield


@contextmanager
def ready() -> Iterator[Ground]:
    """It keeps nothing on disk."""
    with tempfile.TemporaryDirectory(prefix="freehold-bench-", ignore_cleanup_errors=True) as name:
        server = valkey.start(Path(name), durable=False)
        try:
            with Redis.from_url(server.url) as redis:
                yield Ground(Path(name), server, redis)
        finally:
            server.stop()


def listens(worker: Child) -> bool:
    """Whether it has begun to take jobs."""
    return "Listening on" in worker.log.read_text()


def await_that(done: Callable[[], bool], apart: float = 0.02) -> None:
    """Raises RuntimeError when it takes too long."""
    until = time.monotonic() + _MOST
    while not done():
        if time.monotonic() > until:
            raise RuntimeError(f"plain RQ was not done within {_MOST:.0f} s")
        time.sleep(apart)
