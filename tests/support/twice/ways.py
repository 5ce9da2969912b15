"""One run of a job, and the ways in which it may be run more than once. Each is to leave what one run leaves.

Each returns the ids of jobs that it has asked for besides the first.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID

from flask import Flask

from saas.core.database import db
from saas.core.ids import uuid7
from saas.core.jobs import endings
from saas.core.jobs.registry import Handler
from tests.support.leases import lease, lease_again, run

MOST_WAIT = 30.0  # seconds


@dataclass(frozen=True)
class Work:
    """What is run: a handler, its arguments and the tenant that it is for, if any; as which job."""

    handler: Handler
    args: list[Any]
    tenant: str | None
    job: UUID = field(default_factory=uuid7)

    def lease(self, app: Flask, job: UUID | None = None) -> UUID:
        more = {"queue": self.handler.queue, "max_tries": self.handler.max_tries}
        return lease(app, self.handler.name, self.args, self.tenant, id=job or self.job, **more)


class Killed(BaseException):
    """Nothing is done any more: neither is anything committed, nor a failure written down."""


def once(app: Flask, work: Work) -> set[str]:
    work.lease(app)
    run(app, work.handler, work.job)
    return set()


def another(app: Flask, work: Work) -> set[str]:
    """A second job for the same, behind the first."""
    job = work.lease(app, uuid7())
    run(app, work.handler, job)
    return {str(job)}


def two_at_once(app: Flask, work: Work) -> set[str]:
    """Two jobs for the same, at the same time; neither finishes before both have been outside."""
    meeting = _Meeting(2)
    jobs = work.lease(app), work.lease(app, uuid7())
    threads = [_Thread(run, app, _with(work.handler, between=meeting.wait), job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.end()
    return {str(jobs[1])}


def unlucky(app: Flask, work: Work) -> set[str]:
    """The first worker is killed at the last moment; the second is slower than its lease, so that a third is at it too.

    Neither of these finishes before both have been outside.
    """
    return _unlucky(app, work, [])


def unlucky_and_another(app: Flask, work: Work) -> set[str]:
    """So it goes, while yet another worker is at a second job for the same."""
    return _unlucky(app, work, [uuid7()])


def _unlucky(app: Flask, work: Work, others: list[UUID]) -> set[str]:
    _be_killed(app, work)
    meeting = _Meeting(2 + len(others))
    handler = _with(work.handler, between=meeting.wait)
    jobs = [(work.job, 3), *((work.lease(app, job), 1) for job in others)]
    threads = [_Thread(run, app, handler, *job) for job in jobs]

    def give_on() -> None:
        lease_again(app, work.job)
        for thread in threads:
            thread.start()

    lease_again(app, work.job)
    run(app, _with(work.handler, before=give_on, between=meeting.wait), work.job, 2)
    meeting.leave()
    for thread in threads:
        thread.end()
    return {str(job) for job in others}


def _be_killed(app: Flask, work: Work) -> None:
    """Between the effect and the commit."""

    def end() -> None:
        db.session.flush()
        raise Killed

    work.lease(app)
    with patch.object(endings, "fail", lambda *_, **__: True), suppress(Killed):
        run(app, _with(work.handler, after=end), work.job)
        raise AssertionError("it was to be killed")


class _Meeting:
    """Where all wait for each other, unless one has ended before."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties, timeout=MOST_WAIT)

    def wait(self) -> None:
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait()

    def leave(self) -> None:
        self._barrier.abort()


class _Thread(threading.Thread):
    """Raises in `end` what it met."""

    def __init__(self, what: Callable[..., None], *args: Any) -> None:
        super().__init__(target=self._try, daemon=True)
        self._call = partial(what, *args)
        self._met: BaseException | None = None

    def _try(self) -> None:
        try:
            self._call()
        except BaseException as met:  # noqa: BLE001
            self._met = met

    def end(self) -> None:
        self.join(MOST_WAIT)
        assert not self.is_alive()
        if self._met:
            raise self._met


def _with(
    handler: Handler,
    *,
    before: Callable[[], Any] = lambda: None,
    between: Callable[[], Any] = lambda: None,
    after: Callable[[], Any] = lambda: None,
) -> Handler:
    """The same, with something that happens before it goes outside, before its effect and after that."""

    def outside(job: UUID, *args: Any) -> Any:
        before()
        result = handler.outside(job, *args) if handler.outside else None
        between()
        return result

    def effect(*given: Any) -> None:
        handler.effect(*(given if handler.outside else given[:-1]))
        after()

    return replace(handler, outside=outside, effect=effect)
