"""How long a job of plain RQ's runs on after its time is over, and how often two schedulers do one thing."""

from collections.abc import Callable
from contextlib import ExitStack

from rq import Queue

from benchmarks.figures import Figure, Part
from benchmarks.parts import plain_jobs, plain_ticks
from benchmarks.parts.plain_rq import Ground, await_that

_LIMIT = 1  # seconds
_SCHEDULERS = 2


def measure(ground: Ground, seconds: int) -> Part:
    """With jobs that want to go on for so long after their limit, and as many ticks."""
    ground.redis.flushall()
    with ground.working("fast"):
        ran = {job: _ran(ground, job, _LIMIT + seconds) for job in (plain_jobs.obey, plain_jobs.swallow)}
    figures = [
        Figure(f"a job with {_LIMIT} s runs", ran[plain_jobs.obey], "s"),
        Figure("the same, catching Exception in its loop", ran[plain_jobs.swallow], "s"),
        Figure("two schedulers: jobs a tick", _fired(ground, seconds), "jobs"),
    ]
    return Part(figures, _how(seconds))


def _how(seconds: int) -> str:
    return (
        f"Limits: job_timeout {_LIMIT} s, a stock worker; the job would take {_LIMIT + seconds} s. Two `rq cron` with "
        f"one configuration, a job each second, over {seconds} ticks."
    )


def _ran(ground: Ground, job: Callable[[str, float], None], seconds: float) -> float:
    told = ground.folder / job.__name__
    queued = ground.queue("fast").enqueue(job, str(told), seconds, job_timeout=_LIMIT)
    await_that(lambda: bool(queued.get_status() in ("finished", "failed")))
    return float(told.read_text())


def _fired(ground: Ground, ticks: int) -> float:
    """How often a tick fired, on average; the first and the last may be cut off and do not count."""
    queue = ground.queue(plain_ticks.QUEUE)
    with ExitStack() as ending:
        for number in range(_SCHEDULERS):
            child = ground.start(f"cron-{number}", "rq.cli", "cron", plain_ticks.__name__)
            ending.callback(child.stop)
            await_that(lambda child=child: "starting" in child.log.read_text())  # type: ignore[misc]
        ground.redis.delete(queue.key)
        await_that(lambda: len(set(_seconds(queue))) >= ticks + 2)
        fired = _seconds(queue)
    counted = [second for second in fired if min(fired) < second < max(fired)]
    return len(counted) / len(set(counted))


def _seconds(queue: Queue) -> list[int]:
    return [int(job.enqueued_at.timestamp()) for job in queue.jobs if job.enqueued_at]
