"""A Valkey of a test's own, that is killed, stopped and wiped. It writes its log as in production."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from saas.devstack import valkey


class Queue:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = valkey.start(folder)
        self.url = self._server.url

    def kill(self) -> None:
        """By -9; what it wrote in its last second may be gone."""
        self._server.process.process.kill()
        self._server.process.process.wait()

    def start_again(self) -> None:
        self._server.stop()
        self._server = valkey.start(self._folder, port=self._server.port)

    def wipe(self) -> None:
        with self._client() as redis:
            redis.flushall()

    def waiting(self, queue: str) -> int:
        """How many jobs of RQ's lie in one of its queues."""
        with self._client() as redis:
            return int(str(redis.llen(f"rq:queue:{queue}")))

    @contextmanager
    def hung(self) -> Iterator[None]:
        """It takes connections, as the kernel does for it, and answers nobody."""
        pid = self._server.process.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        self._server.stop()

    def _client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)


@contextmanager
def running(folder: Path) -> Iterator[Queue]:
    made = Queue(folder)
    try:
        yield made
    finally:
        made.stop()
