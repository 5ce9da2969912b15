"""Rows of jobs as they may lie in the table, and their lines of the timeline; whoever makes them takes them away."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from flask import Flask

from saas.core.ids import uuid7
from tests.support.database import sql

_PLAIN = {
    "name": "tests.effect", "tenant": None, "args": "[]", "queue": "fast", "state": "waiting", "limit_seconds": 60,
    "max_tries": 3, "tries": 0, "lease": 0,
}  # fmt: skip
_ENDED = ("done", "dead", "cancelled", "dismissed")


class Rows:
    def __init__(self, app: Flask) -> None:
        self._app = app
        self.made = list[UUID]()

    def add(self, **values: Any) -> UUID:
        """One job; `ago` is how many seconds ago its time was, and where it has ended, its end."""
        return self.add_many(1, **values)[0]

    def add_many(self, count: int, *, ago: float = 0, **values: Any) -> list[UUID]:
        """The newest last."""
        ids = sorted(uuid7() for _ in range(count))
        row = {**_PLAIN, **{name: _plain(value) for name, value in values.items()}}
        ended = row["state"] in _ENDED
        at = "now() - make_interval(secs => CAST(:ago AS float))"
        times = f"{at}, {'NULL' if ended else at}, {at if ended else 'NULL'}"
        names = ", ".join(row)
        marks = ", ".join(f"CAST(:{name} AS jsonb)" if name in {"args", "checkpoint"} else f":{name}" for name in row)
        statement = (
            f"INSERT INTO platform.jobs (id, {names}, run_at, due_at, finished_at)"
            f" SELECT id, {marks}, {times} FROM unnest(CAST(:ids AS uuid[])) AS made (id)"
        )
        sql(self._app, statement, ids=ids, ago=ago, **row)
        self.made += ids
        return ids

    def tell(self, job: UUID, *lines: tuple[str, str]) -> None:
        for kind, text in lines:
            told = "INSERT INTO platform.job_events (job, kind, text) VALUES (:job, :kind, :text)"
            sql(self._app, told, job=job, kind=kind, text=text)

    def change(self, job: UUID, **values: Any) -> None:
        names = ", ".join(f"{name} = :{name}" for name in values)
        sql(self._app, f"UPDATE platform.jobs SET {names} WHERE id = :id", id=job, **values)

    def read(self, job: UUID, *columns: str) -> tuple[Any, ...]:
        (row,) = sql(self._app, f"SELECT {', '.join(columns)} FROM platform.jobs WHERE id = :id", id=job)
        return tuple(row)


@contextmanager
def rows(app: Flask) -> Iterator[Rows]:
    made = Rows(app)
    try:
        yield made
    finally:
        sql(app, "DELETE FROM platform.jobs WHERE id = ANY(:ids)", ids=made.made)


def audited(app: Flask, action: str, **detail: Any) -> list[Any]:
    """The rows of the audit of an action, with these details."""
    query = "SELECT actor, tenant, detail FROM platform.audit WHERE action = :a AND detail @> CAST(:d AS jsonb)"
    return sql(app, query, a=action, d=json.dumps(detail))


def only(found: Iterable[Any], made: Iterable[UUID]) -> list[UUID]:
    """The ids of those jobs that a test has made itself, in the order they were found."""
    mine = set(made)
    return [one.job.id for one in found if one.job.id in mine]


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
