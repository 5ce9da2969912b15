"""What it costs the database to give a business a ready-made schema, with few tenants present and with many."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from benchmarks import stand
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.parts.spent import Spent, driver_time
from benchmarks.registry import Size
from benchmarks.stand import Stand
from benchmarks.timing import Way, interleave
from saas.core.database import transaction
from tenants import provisioning
from tenants.models import State

FEW = 10
_EACH, _WARM_UP = 3, 10


def measure(size: Size) -> Part:
    with stand.ready(min(FEW, size.tenants)) as few, stand.ready(size.tenants) as many:
        names = {ground.app: f"claim, {len(ground.tenants)} tenants" for ground in (few, many)}
        if len(set(names.values())) == 1:
            names[many.app] += " again"
        with _ways(names) as ways:
            samples = interleave(ways, max(1, size.rounds // 10), each=_EACH, warm_up=_WARM_UP)
        low, high = (names[ground.app] for ground in (few, many))
        figures = [
            *(Figure(name, samples.median(name) * 1000, "ms", AtMost(5)) for name in (low, high)),
            Figure(f"{high} / {low}", samples.ratio(high, low), "ratio", AtMost(1.3)),
        ]
        return Part(figures, _how(samples.how, many))


def _how(how: str, ground: Stand) -> str:
    return (
        "Claim: the transaction of provisioning.claim, with the job it leaves; the time is that of its statements and "
        f"its commit as the driver sees it. The pool was filled in between, outside the time. {how} {ground.how}"
    )


@contextmanager
def _ways(names: dict[Flask, str]) -> Iterator[dict[str, Way]]:
    def way(app: Flask) -> Way:
        return lambda: _claim(app)

    yield {name: way(app) for app, name in names.items()}


def _claim(app: Flask) -> float:
    with app.app_context():
        provisioning.refill()
    spent = Spent()
    with app.app_context(), driver_time(app, spent, spent), transaction():
        tenant = provisioning.claim("Test & Sons", f"claim-{secrets.token_hex(8)}")
    if tenant.state != State.ACTIVE:
        raise RuntimeError("there was no spare schema to claim")
    return spent.clock
