"""What /metrics tells of jobs. By queue only: tenants come and go, and each would be a series that never ends."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from saas.core.jobs import figures
from saas.core.jobs.figures import Figures

_NEVER = float("inf")


def measures() -> Iterator[Metric]:
    """The alerts on them are in docs/jobs.md."""
    queues = figures.queues()
    yield _by_state("freehold_jobs", "Jobs that are not done, by queue and state; at most 100,000 are counted", queues)
    yield _by_queue(
        "freehold_jobs_oldest_seconds",
        "How long the oldest job has waited that no worker has begun and that is not kept",
        {queue.name: queue.oldest or 0.0 for queue in queues},
    )
    yield _ended(queues)
    yield _by_queue(
        "freehold_jobs_failures",
        "Tries that failed in the last ten minutes",
        {queue.name: queue.failures for queue in queues},
    )
    yield _by_queue(
        "freehold_jobs_kept",
        "Jobs that wait for their tenant or for other code, among the oldest 1,000",
        {queue.name: queue.kept for queue in queues},
    )
    yield _by_queue(
        "freehold_jobs_paused",
        "Whether somebody has paused the queue",
        {queue.name: int(queue.paused_at is not None) for queue in queues},
    )
    looked = figures.ticked_seconds()
    yield GaugeMetricFamily(
        "freehold_jobs_ticked_seconds",
        "How long ago a dispatcher last looked at the times of periodic jobs, give or take a minute",
        _NEVER if looked is None else looked,
    )


def _by_queue(name: str, about: str, values: dict[str, float]) -> Metric:
    metric = GaugeMetricFamily(name, about, labels=["queue"])
    for queue, value in values.items():
        metric.add_metric([queue], value)
    return metric


def _by_state(name: str, about: str, queues: list[Figures]) -> Metric:
    metric = GaugeMetricFamily(name, about, labels=["queue", "state"])
    for queue in queues:
        for state, count in queue.states.items():
            metric.add_metric([queue.name, state], count)
    return metric


def _ended(queues: list[Figures]) -> Metric:
    about = "Jobs that ended, a minute, over the last ten or over the last 10,000 jobs"
    metric = GaugeMetricFamily("freehold_jobs_ended_per_minute", about, labels=["queue", "state"])
    for queue in queues:
        for state in ("done", "dead"):
            metric.add_metric([queue.name, state], queue.ended.get(state, 0.0))
    return metric
