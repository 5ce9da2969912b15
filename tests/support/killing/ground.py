"""What the tests of killed processes stand on: a database and a Valkey of their own, a receiver, and a nursery."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask import Flask

from saas.core.database import transaction
from saas.core.jobs import enqueue
from saas.core.settings import Settings
from saas.devstack import ports
from tests import conftest
from tests.support import database, live
from tests.support.killing import jobs, leases, processes, queue, receiver
from tests.support.killing.processes import Nursery
from tests.support.killing.queue import Queue
from tests.support.killing.receiver import Receiver


@dataclass
class Ground:
    app: Flask  # to ask for jobs
    settings: Settings
    superuser: Any  # a connection that commits each statement
    queue: Queue
    outside: Receiver
    folder: Path
    port: int  # of the site

    @contextmanager
    def nursery(self, *, off: float = 0, **changes: Any) -> Iterator[Nursery]:
        """Of processes whose clocks are `off` by so many seconds, and some of whose settings are others."""
        folder = Path(tempfile.mkdtemp(prefix="nursery-", dir=self.folder))
        settings = self.settings.model_copy(update=changes)
        with processes.nursery(settings, settings.site_url, self.outside.url, folder, off=off) as made:
            yield made

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.superuser.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def ask(self, name: str, marks: Sequence[str], *more: Any, **options: Any) -> None:
        with self.app.app_context(), transaction():
            for mark in marks:
                enqueue(name, args=(mark, *more), **options)

    def states(self, marks: Sequence[str]) -> dict[str, str]:
        return dict(self.sql("SELECT args->>0, state FROM platform.jobs WHERE args->>0 = ANY(%s)", list(marks)))

    def done(self, marks: Sequence[str]) -> bool:
        return set(self.states(marks).values()) == {"done"}

    def effects(self) -> Counter[str]:
        """By mark: how often it had its effect in the database."""
        counted = "SELECT detail->>'mark', count(*) FROM platform.audit WHERE action = %s GROUP BY 1"
        return Counter(dict(self.sql(counted, jobs.EFFECT)))


@contextmanager
def ready(config: pytest.Config, settings: Settings, folder: Path, **changes: Any) -> Iterator[Ground]:
    """A migrated database, and everything started but the platform."""
    port = ports.free()
    with ExitStack() as ending:
        waiting = ending.enter_context(queue.running(folder / "queue"))
        outside = ending.enter_context(receiver.running())
        own = {
            "redis_url": waiting.url,
            "smtp_url": outside.smtp_url,
            "site_url": f"http://localhost:{port}",
            "signups_per_hour": 1_000_000,
            **changes,
        }
        made = database.empty_database(config, settings).model_copy(update=own)
        app = ending.enter_context(database.application(made))
        database.migrate(app)
        server, _, _ = config.stash[conftest._URLS]["superuser"].rpartition("/")
        dsn = f"{server}/{made.database_url.rpartition('/')[2]}".replace("+psycopg2", "")
        leases.install(dsn)
        superuser = ending.enter_context(closing(psycopg2.connect(dsn)))
        superuser.autocommit = True
        yield Ground(app, made, superuser, waiting, outside, folder, port)


def begun(ground: Ground, marks: Sequence[str]) -> bool:
    """Whether a worker is at each of these jobs."""
    return set(ground.states(marks).values()) == {"running"}


def eventually_done(ground: Ground, marks: Sequence[str], seconds: float = 60.0) -> None:
    live.eventually(lambda: ground.done(marks), seconds)
