"""How long a business waits for its account, and how many accounts a machine makes."""

from benchmarks.figures import Result
from benchmarks.parts import claiming, requests, sustained
from benchmarks.registry import Benchmark, Size


def measure(size: Size) -> Result:
    return Result.of("signup", requests.measure(size), claiming.measure(size), sustained.measure(size))


BENCHMARK = Benchmark(
    "signup",
    "the time of a sign-up request, of claiming a schema, and of making 500 tenants from nothing",
    Size(rounds=100, tenants=10_000),
    measure,
)
