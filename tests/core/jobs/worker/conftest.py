"""A worker with a Valkey of its own, which a test may kill, and jobs that are handed to it and nobody else."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis

from saas.core import audit
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue, registry
from saas.core.jobs.leasing import Leased
from saas.core.jobs.sending import Line
from saas.core.settings import Settings
from saas.devstack import valkey
from tests.support import jobs as _registered  # noqa: F401
from tests.support import worker_jobs as _registered_too  # noqa: F401
from tests.support.live import Running, eventually

_databases = count(1)


@dataclass
class Worker:
    """A supervisor and its child."""

    process: "subprocess.Popen[bytes]"
    log: Callable[[], str]

    @property
    def child(self) -> int:
        """The process that does the jobs; waits for it while it is being replaced."""
        (pid,) = eventually(lambda: children(self.process.pid))
        return int(pid)

    def died(self, *, again: bool) -> bool:
        """Whether its process was killed; `again` sends another SIGTERM first."""
        if again:
            self.process.terminate()
        return "worker.died" in self.log()

    def ready(self, times: int = 1) -> None:
        eventually(lambda: self.log().count("worker.started") >= times)


@dataclass
class Hands:
    """What a test does in the place of the dispatcher."""

    app: Flask
    settings: Settings  # with the Valkey's URL
    redis: Redis
    folder: Path
    server: valkey.Server

    @contextmanager
    def worker(self, *options: str) -> Iterator[Worker]:
        running = Running(self.settings, "http://localhost:8000", self.folder)
        name = f"worker-{time.monotonic_ns()}"
        process = running.spawn(name, "-m", "tests.support.worker", *options, "--queue", "fast")
        try:
            yield Worker(process, lambda: running.log(name))
        finally:
            process.kill()
            process.wait()

    def give(self, name: str, *args: Any, tenant: str | None = None, limit: int | None = None) -> UUID:
        """Ask for a job, lease it for an hour, and send it."""
        with self.app.app_context(), transaction():
            given = self._lease([enqueue(name, tenant, list(args))], limit or registry.get(name).limit_seconds)
        Line(self.redis).send(given)
        return given[0].id

    def give_many(self, name: str, number: int) -> list[UUID]:
        """The same for many, sent in one trip."""
        with self.app.app_context(), transaction():
            given = self._lease([enqueue(name, args=["many"]) for _ in range(number)], 60)
        Line(self.redis).send(given)
        return [one.id for one in given]

    def give_again(self, id_: UUID) -> None:
        with self.app.app_context(), transaction():
            given = self._lease([id_], 60)
        Line(self.redis).send(given)

    def _lease(self, ids: Sequence[UUID | None], limit: int) -> list[Leased]:
        lease = {"state": JobState.LEASED, "lease": Job.lease + 1, "limit_seconds": limit}
        until = sa.func.now() + sa.text("interval '1 hour'")
        again = sa.update(Job).where(Job.id.in_(ids)).values(due_at=until, **lease)
        columns = (Job.id, Job.name, Job.tenant, Job.queue, Job.lease, Job.limit_seconds)
        return [Leased(*row) for row in db.session.execute(again.returning(*columns))]

    def open(self, ids: list[UUID]) -> int:
        """How many of these jobs are not done."""
        with self.app.app_context():
            rows = sa.select(sa.func.count()).where(Job.id.in_(ids), Job.state != JobState.DONE)
            return db.session.scalar(rows) or 0

    def do(self, id_: UUID) -> None:
        """In this process, under the next lease."""
        with self.app.app_context(), transaction():
            again = sa.update(Job).where(Job.id == id_).values(state=JobState.LEASED, lease=Job.lease + 1)
            name, lease = db.session.execute(again.returning(Job.name, Job.lease)).one()
        with self.app.app_context():
            registry.get(name)(str(id_), lease)

    def row(self, id_: UUID) -> Job:
        with self.app.app_context():
            return db.session.get_one(Job, id_)

    def until(self, id_: UUID, *states: JobState) -> Job:
        """Wait for one of these states of a job."""
        eventually(lambda: self.row(id_).state in states)
        return self.row(id_)

    def effects(self, mark: str) -> int:
        with self.app.app_context():
            rows = sa.select(sa.func.count()).where(audit.AuditEntry.detail["mark"].astext == mark)
            return db.session.scalar(rows) or 0


@pytest.fixture(scope="package")
def hands(app: Flask, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    folder = tmp_path_factory.mktemp("hands")
    server = valkey.start(folder, durable=False)
    try:
        with closing(Redis.from_url(server.url, socket_timeout=5)) as redis:
            made = Hands(app, settings.model_copy(update={"redis_url": server.url}), redis, folder, server)
            yield made
    finally:
        made.server.stop()


@pytest.fixture
def apart(hands: Hands) -> Iterator[Hands]:
    """Queues of a test's own."""
    url = f"{hands.settings.redis_url.removesuffix('/0')}/{next(_databases)}"
    with closing(Redis.from_url(url, socket_timeout=5)) as redis:
        yield replace(hands, redis=redis, settings=hands.settings.model_copy(update={"redis_url": url}))


@pytest.fixture(scope="package")
def worker(hands: Hands) -> Iterator[Worker]:
    """One for most tests: its supervisor stays, whatever is done to its child."""
    with hands.worker("--memory", "400") as started:
        started.ready()
        yield started


def children(pid: int) -> list[str]:
    """The living children of a process."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def gone(pid: int) -> bool:
    """Whether a process has ended, buried or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
