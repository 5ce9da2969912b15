"""What plain RQ loses, doubles and delays by itself, with nothing of ours in the path: why jobs are rows here."""

import os

import rq

from benchmarks.figures import Part, Result
from benchmarks.parts import plain_limits, plain_losses, plain_rates, plain_redis, plain_rq
from benchmarks.registry import Benchmark, Size

_SECONDS, _TURNS = 10, 3  # at most
_RATED, _ENQUEUED = 5, 10  # jobs for each round
_FEWEST = 60  # rated jobs, so that a queue can be seen to shrink


def measure(size: Size) -> Result:
    """A round is one hit on a worker; there are no tenants in plain RQ."""
    seconds = max(1, min(size.rounds // 10, _SECONDS))
    turns = max(1, min(size.rounds // 20, _TURNS))
    with plain_rq.ready() as ground:
        parts = [
            plain_losses.measure(ground, size.rounds),
            plain_limits.measure(ground, seconds),
            plain_redis.measure(ground, seconds, size.rounds * _ENQUEUED),
            plain_rates.measure(ground, turns, max(size.rounds * _RATED, _FEWEST)),
            Part([], _how()),
        ]
    return Result.of("rq", *parts)


def _how() -> str:
    return (
        f"RQ {rq.__version__} by its own defaults on an embedded Valkey, on {os.cpu_count()} cores (load average at "
        f"the end: {os.getloadavg()[0]:.1f})."
    )


BENCHMARK = Benchmark(
    "rq",
    "what plain RQ loses, doubles and delays by itself",
    Size(rounds=100, tenants=1),
    measure,
)
