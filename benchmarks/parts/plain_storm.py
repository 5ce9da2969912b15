"""Jobs with an effect outside, done by workers of plain RQ that are hit meanwhile."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rq import Queue, Retry
from rq.queue import EnqueueData

from benchmarks.parts import plain_crew, plain_jobs
from benchmarks.parts.plain_crew import Hit
from benchmarks.parts.plain_rq import Ground, await_that

SEED = 5
APART = 25  # jobs from one hit to the next, on average
_QUIET = 0.6  # seconds
_LATER = 3600.0
_CLEANS_WITHIN = 60.0


@dataclass(frozen=True)
class Outcome:
    """Of how many jobs what has come."""

    never: int  # not run
    again: int  # run more than once
    taken: int  # left in the list of what a worker has just taken up
    started: int  # left among what is being done, and nobody does it
    lost: int  # not run, and RQ knows them nowhere any more


@dataclass(frozen=True)
class Storm:
    """`APART` jobs for each hit, in full queues; `ground` is wiped before."""

    ground: Ground
    queues: tuple[str, ...]
    retry: Retry | None
    hits: int

    @property
    def jobs(self) -> int:
        return self.hits * APART

    def run(self, hit: Hit) -> Outcome:
        dice = random.Random(SEED)
        self._ask()
        with plain_crew.working(self.ground, self.queues, dice) as crew:
            for number in range(self.hits):
                self._await_done(number * APART + dice.randrange(APART))
                crew.hit(hit)
            self._settle()
        return self.outcome()

    def outcome(self) -> Outcome:
        runs = Counter(int(line) for line in self._lines.read_text().split())
        never = {str(number) for number in range(self.jobs) if number not in runs}
        queues = self._queues()
        taken = {job for queue in queues for job in queue.intermediate_queue.get_job_ids()}
        started = {job for queue in queues for job in queue.started_job_registry.get_job_ids(cleanup=False)}
        others = {job for queue in queues for job in (*queue.job_ids, *queue.failed_job_registry.get_job_ids())}
        again = sum(times > 1 for times in runs.values())
        lost = never - taken - started - others
        return Outcome(len(never), again, len(taken - started), len(started), len(lost))

    def clean(self) -> Outcome:
        """After what RQ's workers do every ten minutes, as if it were an hour later."""
        for queue in self._queues():
            for key in self.ground.redis.scan_iter(f"{queue.intermediate_queue.key}:first_seen:*"):
                self.ground.redis.set(key, time.time() - _LATER)
            self.ground.redis.delete(queue.registry_cleaning_key)  # the lock of one that was killed meanwhile
            queue.started_job_registry.cleanup(timestamp=time.time() + _LATER)
        worker = self.ground.worker("cleaner", *self.queues, burst=True)  # it cleans, too, before it works
        try:
            worker.process.wait(_CLEANS_WITHIN)
        finally:
            worker.stop(grace=0)
        return self.outcome()

    @property
    def _lines(self) -> Path:
        return self.ground.folder / "lines"

    def _queues(self) -> list[Queue]:
        return [self.ground.queue(name) for name in self.queues]

    def _ask(self) -> None:
        self.ground.redis.flushall()
        self._lines.write_bytes(b"")
        for place, queue in enumerate(self._queues()):
            queue.enqueue_many([self._job(number) for number in range(place, self.jobs, len(self.queues))])

    def _job(self, number: int) -> EnqueueData:
        return Queue.prepare_data(plain_jobs.append, (str(self._lines), number), job_id=str(number), retry=self.retry)

    def _await_done(self, jobs: int) -> None:
        """Or until none waits any more."""
        await_that(lambda: self._done() >= jobs or not self._waiting())

    def _settle(self) -> None:
        """Until nobody does anything any more."""
        since, seen = time.monotonic(), -1
        while time.monotonic() < since + _QUIET:
            if (done := self._done()) != seen or self._waiting():
                since, seen = time.monotonic(), done
            time.sleep(0.02)

    def _done(self) -> int:
        return self._lines.stat().st_size // plain_jobs.LINE

    def _waiting(self) -> int:
        return sum(queue.count for queue in self._queues())
