"""What background jobs cost, how soon they begin, and how many there may be.

`./dev bench jobs --faults` tries to lose or double some instead.
"""

from benchmarks import stand
from benchmarks.figures import Part, Result
from benchmarks.parts import job_neighbours, job_rates, job_starts, job_table
from benchmarks.registry import Benchmark, Size

_OTHERS = 20


def measure(size: Size) -> Result:
    """At a tiny size with a few jobs only."""
    tiny = size.tenants <= _OTHERS
    with stand.ready(size.tenants) as ground:
        parts = [
            job_rates.measure(ground, size.rounds, tiny=tiny),
            job_starts.measure(ground, tiny=tiny),
            job_neighbours.measure(ground, tiny=tiny),
            job_table.measure(ground, tiny=tiny),
            Part([], ground.how),
        ]
    return Result.of("jobs", *parts)


BENCHMARK = Benchmark(
    "jobs",
    "jobs a second against plain RQ, how soon they begin, and the others' beside a tenant with thousands",
    Size(rounds=4, tenants=_OTHERS + 1),
    measure,
)
