"""What it costs to be a tenant's: a transaction, and a whole view."""

from benchmarks.figures import Result
from benchmarks.parts import transactions, turns, views
from benchmarks.registry import Benchmark, Size


def measure(size: Size) -> Result:
    return Result.of("binding", transactions.measure(size), *turns.measure(size), *views.measure(size))


BENCHMARK = Benchmark(
    "binding",
    "what it costs a transaction, and a view, to be a tenant's",
    Size(rounds=200, tenants=10_000),
    measure,
)
