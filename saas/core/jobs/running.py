"""What a job's own code asks and tells while it runs: which try it is, how far it has come, where to go on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from flask import current_app

from saas.core.database import TransactionOpen, at_once, db, transaction
from saas.core.jobs import rows
from saas.core.text import storable

APART = 0.25  # seconds between two written notes of progress
LONGEST = 200  # characters of a message
LONGEST_LINE = 2000

log = structlog.get_logger()


class NoJob(LookupError):
    """No job runs here."""


class LeaseLost(Exception):
    """The job is another worker's by now, or gone; what this one did last is undone."""


class Cancelled(BaseException):
    """Somebody asked for the job to be cancelled. It passes by an `except Exception`."""


@dataclass
class Running:
    """One try of a job, in the worker that runs it."""

    id: UUID
    lease: int
    tenant: str | None
    args: list[Any]
    tries: int  # this one counts
    checkpoint: Any  # of the last step that was committed, in this try or one before; None: there was none
    cancel_asked: bool
    _total: int | None = field(default=None, repr=False)
    _told_at: float = field(default=-APART, repr=False)
    _holds_row: bool = field(default=False, repr=False)

    @property
    def key(self) -> str:
        """The same in every try: the idempotency key of what the job does outside."""
        return str(self.id)

    def progress(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Show how far the job has come; what is None stays as it was. Of many notes a few a second are written.

        Raises Cancelled, LeaseLost, and TransactionOpen within a step or the job's effect, whose progress nobody could
        see before its end.
        """
        self._check_free()
        now, self._total = time.monotonic(), self._total if total is None else total
        if done == self._total or now >= self._told_at + APART:
            self._told_at = now
            with at_once() as connection:
                self._heed(connection.execute(rows.PROGRESS, self._note(done, total, message)).one_or_none())

    @contextmanager
    def step(
        self, checkpoint: Any, *, done: int | None = None, total: int | None = None, message: str | None = None
    ) -> Iterator[None]:
        """One transaction of a long job: what the body does in the database is committed with the JSON `checkpoint`.

        It has an app context, and so a session, of its own, in which the job's tenant is bound. It holds the job's row
        from its beginning, so that whoever has a later lease waits for it. Raises Cancelled and LeaseLost before the
        body begins.
        """
        self._check_free()
        values = self._note(done, total, message) | {"told_checkpoint": checkpoint}
        with self.holding_row(), current_app.app_context(), transaction():
            self._heed(db.session.execute(rows.STEP, values).one_or_none())
            self.bind()
            yield
        self.checkpoint = checkpoint

    def log(self, text: str) -> None:
        """Add a line to the job's timeline, whatever becomes of the transaction that is open; see MOST_LINES."""
        log.info("job.says", job=self.key, text=text)
        with at_once() as connection:
            connection.execute(rows.LOG, {"job_id": self.id, "text": storable(text)[:LONGEST_LINE]})

    def bind(self) -> None:
        """Let the transaction that is open be the tenant's, when the job has one."""
        if self.tenant:
            current_app.extensions["freehold.bind"](self.tenant)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be the job that `current` tells of."""
        token = _current.set(self)
        try:
            with structlog.contextvars.bound_contextvars(job=self.key, tenant=self.tenant):
                yield
        finally:
            _current.reset(token)

    @contextmanager
    def holding_row(self) -> Iterator[None]:
        """While a transaction has changed the job's row, another connection that does so would wait for its end."""
        self._holds_row = True
        try:
            yield
        finally:
            self._holds_row = False

    def _check_free(self) -> None:
        if self._holds_row:
            raise TransactionOpen("a step or the job's effect is under way: tell before it, between steps or after")

    def _note(self, done: int | None, total: int | None, message: str | None) -> dict[str, Any]:
        told = {"told_done": done, "told_total": total, "told_message": message and storable(message)[:LONGEST]}
        return {"job_id": self.id, "held": self.lease, **told}

    def _heed(self, row: Any) -> None:
        if row is None:
            raise LeaseLost("it took longer than its lease, or was taken away")
        if row.cancel_asked:
            raise Cancelled


_current: ContextVar[Running | None] = ContextVar("running", default=None)


def current() -> Running:
    """The job that runs here. Raises NoJob."""
    if (found := _current.get()) is None:
        raise NoJob("no job runs here")
    return found
