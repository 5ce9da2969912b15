"""The parent of a worker: forks the process that does the jobs, and ends it when it goes beyond its bounds.

It talks to nobody while that process lives: neither Redis nor PostgreSQL can keep it from its work. What a job's code
does can't either: it is killed from outside, with all that it started. The job is settled once its process is gone.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from saas.core import orphans
from saas.core.database import db
from saas.core.jobs import endings
from saas.core.jobs.board import Board, Held
from saas.core.jobs.bounds import MIB, Bounds, resident
from saas.core.jobs.endings import Verdict
from saas.core.jobs.pulse import Pulse
from saas.core.jobs.stopping import Stopping

log = structlog.get_logger()

Work = Callable[[Board], None]

TICK = 0.1  # seconds between two looks
_SELDOM = 10  # ticks between what need not be done at each
_YOUNG = 5.0  # seconds; processes that die younger, and of no job, are replaced less and less quickly
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds


def run(app: Flask, work: Work, bounds: Bounds, pulse_file: Path | None = None) -> None:
    """Have `work` done in a process of its own, again and again, until SIGTERM or SIGINT.

    Then the job it is at may end within the grace period; else it is killed and handed back. A second signal, a second
    later or more, does that at once.
    """
    stopping, pulse, pause = Stopping(), Pulse(pulse_file), 0.0
    with app.app_context():
        db.engine.dispose()  # a process to come must not inherit a connection
    gc.collect()
    gc.freeze()  # so that the processes to come share this memory for long
    while not stopping.asked:
        born = time.monotonic()
        failed = _Child(app, work, bounds, pulse, stopping).supervise()
        young = failed and time.monotonic() < born + _YOUNG
        pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE) if young else 0.0
        stopping.sleep(pause)
    log.info("worker.stopped")


class _Child:
    """One process, from its fork until its last job is settled."""

    def __init__(self, app: Flask, work: Work, bounds: Bounds, pulse: Pulse, stopping: Stopping) -> None:
        self._app, self._bounds, self._pulse, self._stopping = app, bounds, pulse, stopping
        self._board = Board()
        self._born = time.monotonic()
        self._asked = 0.0
        self._pid = _fork(work, self._board)

    def supervise(self) -> bool:
        """Returns whether it has failed, and not because of a job."""
        verdict, status = self._watch()
        self._kill()  # what its jobs have left running
        how = _told(status) if verdict is Verdict.CRASHED else verdict.value
        held, failed = self._board.held, verdict is not Verdict.CRASHED or status != 0
        if held is not None:
            log.warning("worker.died", job=str(held.job), verdict=how)
            self._settle(held, verdict, how)
        elif failed:
            log.warning("worker.died", job=None, verdict=how)
        return failed and held is None

    def _watch(self) -> tuple[Verdict, int]:
        """Look at it until it is gone; returns why, and how it ended."""
        looks = 0
        while (status := _ended(self._pid, os.WNOHANG)) is None:
            held, seldom = self._board.held, looks % _SELDOM == 0
            if verdict := self._fault(held, seldom):
                self._kill()
                status = _ended(self._pid) or 0
                # Where it has gone on to another job meanwhile, that one did nothing wrong.
                return verdict if self._board.held == held else Verdict.HANDED_BACK, status
            if seldom and self._board.beaten:  # not for one that never comes to its work
                self._pulse.beat()
            if self._stopping.asked:
                self._ask()
            time.sleep(TICK)
            looks += 1
        return Verdict.CRASHED, status

    def _fault(self, held: Held | None, seldom: bool) -> Verdict | None:
        """Why it must not go on."""
        now = time.monotonic()
        if held is not None and now > held.until + self._bounds.over:
            return Verdict.OVER_LIMIT
        if held is None and now > max(self._born, self._board.beaten) + self._bounds.stuck:
            return Verdict.STUCK
        if seldom and (resident(self._pid) or 0) > self._bounds.memory:
            return Verdict.OVER_MEMORY
        if self._stopping.at_once or self._stopping.since() > self._bounds.patience:
            return Verdict.HANDED_BACK
        return None

    def _ask(self) -> None:
        """To end after its job; again each second, for it may not have had its own handlers before."""
        if time.monotonic() < self._asked + 1:
            return
        os.kill(self._pid, signal.SIGTERM)
        if not self._asked:
            log.info("worker.stopping")
        self._asked = time.monotonic()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def _settle(self, held: Held, verdict: Verdict, how: str) -> None:
        """Where the database is away the end of its lease does it."""
        try:
            endings.settle(self._app, held.job, held.lease, verdict, self._sentence(verdict, how))
        except SQLAlchemyError as error:
            log.warning("job.unsettled", job=str(held.job), error=endings.line(error))
        with self._app.app_context():
            db.engine.dispose()

    def _sentence(self, verdict: Verdict, how: str) -> str:
        return {
            Verdict.OVER_LIMIT: "it was over its time limit and did not end by itself, so its process was killed",
            Verdict.OVER_MEMORY: f"its process took more than {self._bounds.memory // MIB} MiB and was killed",
            Verdict.HANDED_BACK: "its worker was told to end before it was done",
        }.get(verdict, f"its process ended in the middle of it: {how}")


def _fork(work: Work, board: Board) -> int:
    """The id of a new process that does the work, in a group of its own, and dies with this one."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    if pid := os.fork():
        with suppress(OSError):
            os.setpgid(pid, pid)  # as the child does itself: one of the two is first
        return pid
    status = 1
    try:
        os.setpgrp()
        orphans.die_with_parent(parent)
        work(board)
        status = 0
    except BaseException:
        log.exception("worker.failed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # not through what its parent would do at its own exit


def _ended(child: int, options: int = 0) -> int | None:
    """The status with which a child has ended, as the shell counts it; None while it lives.

    As the first process of a container it also has to bury what its children's children leave behind.
    """
    while True:
        pid, status = os.waitpid(-1, options)
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            return None


def _told(status: int) -> str:
    return f"by signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"with status {status}"
