"""What is asked: one request or job, and what came back."""

import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from saas.core.database import db, transaction
from saas.core.ids import uuid7
from saas.core.jobs import Job, JobState
from saas.core.jobs.runner import perform
from tests.support.storm import views
from tests.support.storm.crowd import Business
from tests.support.storm.faults import READING, SENDING, current

API = "/api/v1/collections/things/records"


@dataclass(frozen=True)
class Answer:
    status: int  # 0: it never came
    text: str = ""

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Asking:
    """Who asks, with a serial number of its own; `other` is somebody else, whose things are not to be seen."""

    app: Flask
    serial: int
    who: Business
    other: Business

    @property
    def title(self) -> str:
        return self.who.title(self.serial)

    def api(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """By turns on the bare host and on the workspace's."""
        host = "localhost:8000" if self.serial % 2 else f"{self.who.address}.localhost:8000"
        headers = {"Host": host, "Authorization": f"Bearer {self.who.key}"}
        return self._send(method, path, headers, body, query)

    def page(self, path: str) -> Answer:
        return self._send("GET", path, {"Host": f"{self.who.address}.localhost:8000", "Cookie": self.who.cookie})

    def site(self, path: str) -> Answer:
        return self._send("GET", path, {"Host": "localhost:8000"})

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: Any = None, query: dict[str, str] | None = None
    ) -> Answer:
        fault = current.get()
        data = orjson.dumps(body) if body is not None else b""
        builder = EnvironBuilder(path, method=method, headers=headers, query_string=query or {})
        builder.input_stream = io.BytesIO(data)
        if data:
            builder.content_type, builder.content_length = "application/json", len(data)
        environ = builder.get_environ() | {"REMOTE_ADDR": "127.0.0.1"}
        if data and fault and fault.strikes(SENDING):
            environ["wsgi.input"] = _Gone()
        if fault and fault.strikes(READING):
            return _read_a_little(self.app, environ)
        chunks, status, _headers = run_wsgi_app(self.app.wsgi_app, environ, buffered=True)
        return Answer(int(status.split()[0]), b"".join(chunks).decode())


class _Gone(io.RawIOBase):
    """The body of a client that hangs up."""

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise ConnectionResetError


def _read_a_little(app: Flask, environ: Any) -> Answer:
    started: list[str] = []
    answer: Any = app.wsgi_app(environ, lambda status, _headers, _error=None: started.append(status) or print)
    with closing(answer):
        text = b"".join(islice(answer, 2)).decode()
    return Answer(int(started[0].split()[0]), text)


def _job(asking: Asking) -> Answer:
    """As a worker does it that holds the job's lease; what the job has seen is its answer."""
    with asking.app.app_context():
        id_ = uuid7()
        _lease(id_, asking)
    with asking.app.app_context():
        perform(views.job, id_, 1)
    return Answer(200, "\n".join(views.seen_by_job.pop(asking.serial)))


def _lease(id_: UUID, asking: Asking) -> None:
    handler = views.job
    with transaction():
        db.session.add(
            Job(
                id=id_,
                name=handler.name,
                tenant=asking.who.id,
                args=[asking.title, asking.serial],
                queue=handler.queue,
                limit_seconds=handler.limit_seconds,
                max_tries=handler.max_tries,
                state=JobState.LEASED,
                lease=1,
                due_at=None,  # so that no dispatcher looks at it
            )
        )


@dataclass(frozen=True)
class Kind:
    """`shows`: a good answer holds a row of the asker's own. `writes`: it adds one with the serial number."""

    ask: Callable[[Asking], Answer]
    weight: int
    shows: bool = True
    writes: str = ""  # the collection


KINDS: dict[str, Kind] = {
    "a list": Kind(lambda a: a.api("GET", API, limit="100"), 10),
    "a record": Kind(lambda a: a.api("GET", f"{API}/{a.who.record}"), 10),
    "a new record": Kind(lambda a: a.api("POST", API, {"title": a.title}), 10, writes="things"),
    "a record there twice": Kind(lambda a: a.api("POST", API, {"title": a.who.title("first")}), 2),
    "somebody else's record": Kind(lambda a: a.api("GET", f"{API}/{a.other.record}"), 5, shows=False),
    "a page": Kind(lambda a: a.page("/collections/things"), 6),
    "the team's page": Kind(lambda a: a.page("/team"), 4),
    "a page of the bare host": Kind(lambda a: a.site("/sign-in"), 3, shows=False),
    "a stream": Kind(lambda a: a.api("GET", "/api/v1/storm/stream"), 6),
    "nested services": Kind(lambda a: a.api("POST", "/api/v1/storm/nested", title=a.title), 6, writes="things"),
    "a call outside": Kind(lambda a: a.api("POST", "/api/v1/storm/outside", title=a.title), 6, writes="things"),
    "COPY": Kind(lambda a: a.api("POST", "/api/v1/storm/copy", title=a.title), 4, writes="bulk"),
    "executemany": Kind(lambda a: a.api("POST", "/api/v1/storm/many", title=a.title), 4, writes="bulk"),
    "a new table": Kind(lambda a: a.api("POST", "/api/v1/storm/design", name=f"made{a.serial}"), 3),
    "a thread without a tenant": Kind(lambda a: a.api("GET", "/api/v1/storm/thread"), 4),
    "code without a tenant": Kind(lambda a: Answer(200, "\n".join(views.forgetful(a.app))), 8, shows=False),
    "a job": Kind(_job, 8, writes="things"),
}
