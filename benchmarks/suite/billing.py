"""What billing costs: taking webhooks in, handling them, comparing all with Stripe, and asking what a tenant may do."""

from benchmarks import stand
from benchmarks.figures import Part, Result
from benchmarks.parts import billing_checks, billing_handling, billing_intake, billing_reconcile, billing_stand
from benchmarks.registry import Benchmark, Size

_CUSTOMERS = 1_000
_FEW = 20


def measure(size: Size) -> Result:
    """At a tiny size with a few events only."""
    tiny = size.tenants < _FEW
    with stand.ready(size.tenants) as ground, billing_stand.ready(ground) as shop:
        parts = [
            billing_checks.measure(shop, tiny=tiny),
            billing_intake.measure(shop, size.rounds, tiny=tiny),
            billing_handling.measure(shop, tiny=tiny),
            billing_reconcile.measure(shop),
            Part([], ground.how),
        ]
    return Result.of("billing", *parts)


BENCHMARK = Benchmark(
    "billing",
    "webhooks taken in and handled, all customers compared with Stripe, what an entitlement check costs",
    Size(rounds=2, tenants=_CUSTOMERS),
    measure,
)
