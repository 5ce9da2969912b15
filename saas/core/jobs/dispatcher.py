"""Hands due jobs from the table to RQ. Killed at any moment it loses nothing: what it leased comes back.

Two or more may run at once: what they lease is counted in the table, in turns (`leasing`).
"""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, OperationalError

from saas.core.jobs import endings, expiry, leasing, schedules
from saas.core.jobs.leasing import Leased
from saas.core.jobs.pulse import Pulse
from saas.core.jobs.queues import Queue
from saas.core.jobs.sending import Line

POLL_SECONDS = 0.025
FULL_SECONDS = 0.05  # for which a queue is left alone that has as much as its workers do in that time, and more
LOOK_SECONDS = 1.0  # between two looks at what changes slowly: ticks, lost jobs, who works
WAITING_SECONDS = 1.0  # until the next round, where a service does not answer
# Jobs that may lie in RQ for each live worker: enough that none waits for a round of ours, and no more, since what lies
# there is done in its order, and its workers' time is no longer anybody's to share out.
AHEAD: dict[Queue, int] = {"fast": 16, "slow": 1, "webhooks": 4}
_PATIENCE = 1.0  # seconds; a silent Redis must not keep us from giving back what we hold

log = structlog.get_logger()


def connect(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)


def run(app: Flask, redis: Redis, pulse_file: Path | None = None) -> None:
    """Dispatch until SIGTERM or SIGINT."""
    pulse, dispatcher = Pulse(pulse_file), Dispatcher(Line(redis))
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    log.info("dispatcher.started")
    pause = 0.0
    while not stop.wait(pause):
        pulse.beat()
        pause = _go_round(app, dispatcher)
    log.info("dispatcher.stopped")


def _go_round(app: Flask, dispatcher: "Dispatcher") -> float:
    """Returns how many seconds to wait before the next one."""
    began = time.monotonic()
    try:
        with app.app_context():
            more = dispatcher.round()
    except (RedisError, OperationalError) as error:
        log.warning("dispatcher.waiting", error=endings.line(error))
        return WAITING_SECONDS
    except Exception:
        log.exception("dispatcher.failed")  # and goes on: whoever starts it anew would meet the same
        return WAITING_SECONDS
    return 0.0 if more else max(0.0, began + POLL_SECONDS - time.monotonic())


class Dispatcher:
    """What one dispatcher remembers from round to round; none of it is needed by the next one."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._after: dict[Queue, str] = {}
        self._ours_last: dict[Queue, bool] = {}
        self._workers: dict[Queue, int] = {}
        self._full_until = dict[Queue, float]()
        self._looks_at = 0.0
        self._recalled = False

    def round(self) -> bool:
        """Look at what is due, lease as much as the workers can take, and send it; returns whether there is more.

        Whatever goes wrong, what was leased and not sent is handed back.
        """
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + LOOK_SECONDS
            self._look_around()
        leased, more = list[Leased](), False
        try:
            for queue in leasing.due():
                more = self._turn(queue, leased) or more
            if leased:
                self._line.send(leased)
        except BaseException:
            if leased:
                leasing.hand_back(leased)
            raise
        return more

    def _turn(self, queue: Queue, leased: list[Leased]) -> bool:
        """Add to what is leased. Where nobody works, jobs stay in the table."""
        most = AHEAD[queue] * self._workers.get(queue, 0)
        if not most or time.monotonic() < self._full_until.get(queue, 0.0):
            return False
        try:
            after, ours_last = self._after.get(queue, ""), self._ours_last.get(queue, False)
            turn = leasing.turn(queue, most, after, each=_each(queue, most), ours_last=ours_last)
        except DataError:
            log.exception("dispatcher.failed", queue=queue)  # a value of one's that makes no sense; the others go on
            return False
        self._after[queue], self._ours_last[queue] = turn.after, turn.ours_last
        self._full_until[queue] = time.monotonic() + FULL_SECONDS if turn.full and not turn.more else 0.0
        leased += turn.leased
        for name in turn.unknown:
            log.warning("job.unknown", name=name, queue=queue)
        return turn.more

    def _look_around(self) -> None:
        duties = (schedules.tick, expiry.lost) if self._recalled else (schedules.tick, expiry.lost, leasing.recall)
        for duty in duties:
            _by_itself(duty)
        self._recalled = True
        self._workers = self._line.workers()
        expiry.unheard(self._line)


def _each(queue: Queue, most: int) -> int:
    """How many jobs a tenant may have out: a worker's share fewer than there is room for.

    In `slow` that leaves one worker of several to the others, however long its jobs are; in the other queues, where
    several short ones lie before each worker, room to be next.
    """
    return max(most - AHEAD[queue], AHEAD[queue] // 2, 1)


def _by_itself(duty: Callable[[], object]) -> None:
    """What one duty meets must not keep us from the others."""
    try:
        duty()
    except OperationalError as error:
        log.warning("dispatcher.waiting", error=endings.line(error))
    except Exception:
        log.exception("dispatcher.failed")
