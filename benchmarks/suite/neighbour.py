"""What others notice of one tenant that takes all it can get.

Businesses call one web process at a steady pace while a neighbour of theirs floods it with calls, and asks without end
for the slowest counts and the largest sorts that a tenant's statement may be.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks import children, stand
from benchmarks.figures import AtMost, Figure, Result
from benchmarks.parts import callers
from benchmarks.registry import Benchmark, Size
from benchmarks.stand import Stand
from benchmarks.timing import percentile
from saas.core.database import db, transaction
from saas.core.settings import Settings
from saas.devstack import ports, processes, stack
from saas.devstack.errors import DevstackError
from saas.devstack.processes import Child, Program
from saas.devstack.state import ROOT
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.backend.keys import service as keys

BAR = AtMost(1.2)
SEED = 4
_BUSINESSES, _ROUNDS = 8, 8
_WINDOW = 15.0  # seconds
_ROWS = 50
_PATH = f"{callers.API}/collections"
_GRANIAN = "--interface wsgi --host 127.0.0.1 --workers 1 --blocking-threads 64"
_SITE = "benchmarks.parts.slow_site:app"
_ENDED = (422, 500, 503)
_MEASURES: dict[str, Callable[[list[float]], float]] = {
    "median": statistics.median,
    "p99": lambda calls: percentile(calls, 99),
}
_BOUNDS = ("tenant_calls_per_second", "tenant_calls_at_once", "tenant_time_share")


@dataclass
class Windows:
    """What the businesses saw, a list for each window: seconds of their calls."""

    seconds: float  # of one window
    alone: list[list[float]] = field(default_factory=list)
    beside: list[list[float]] = field(default_factory=list)
    errors: int = 0
    taken: "Counter[str]" = field(default_factory=Counter)  # by the neighbours

    def ratios(self, of: Callable[[list[float]], float]) -> list[float]:
        """Of each pair of windows."""
        return [of(one) / of(other) for one, other in zip(self.beside, self.alone, strict=True)]

    def a_second(self, *what: str) -> float:
        return sum(self.taken[name] for name in what) / (len(self.beside) * self.seconds)


def measure(size: Size) -> Result:
    """At a tiny size for seconds only."""
    seconds = _WINDOW if size.tenants > _BUSINESSES else 1.0
    with stand.ready(size.tenants) as ground:
        keys_ = [_open(ground, tenant) for tenant in ground.tenants]
        others = keys_[:_BUSINESSES] if size.tenants > _BUSINESSES else keys_[:1]
        neighbours = keys_[len(others) :]
        held = _watch(ground, others, neighbours, size.rounds, seconds)
        free = _watch(ground, others, neighbours, 2, seconds, throttled=False)
        return Result("neighbour", _figures(held, free), _how(held, len(others), ground))


def _figures(held: Windows, free: Windows) -> list[Figure]:
    return [
        *_ratios("", held, BAR),
        Figure("others' errors", held.errors, "calls", AtMost(0)),
        *(Figure(f"others' {name}, alone", of(_calls(held.alone)) * 1000, "ms") for name, of in _MEASURES.items()),
        Figure("the neighbour's calls, sent", held.a_second("flood"), "a second"),
        Figure("of these let in", held.a_second("flood 200"), "a second"),
        Figure("of these refused", held.a_second("flood 429"), "a second"),
        *(
            Figure(f"its slow {what}s, {said}", sum(held.taken[f"{what} {status}"] for status in statuses), "calls")
            for what in callers.SLOW
            for said, statuses in (("refused", (429,)), ("ended by a bound", _ENDED), ("done", (200,)))
        ),
        *_ratios("without the throttle: ", free),
        Figure("without the throttle: others' errors", free.errors, "calls"),
    ]


def _ratios(where: str, windows: Windows, bar: AtMost | None = None) -> Iterator[Figure]:
    for name, of in _MEASURES.items():
        ratio = of(_calls(windows.beside)) / of(_calls(windows.alone))
        yield Figure(f"{where}others' {name}, beside the neighbour / alone", ratio, "ratio", bar)
        yield Figure(f"{where}the same in the worst pair", max(windows.ratios(of)), "ratio")


def _calls(windows: list[list[float]]) -> list[float]:
    return list(chain.from_iterable(windows))


def _how(held: Windows, others: int, ground: Stand) -> str:
    return (
        f"{others} businesses call a web process over HTTP, {callers.PACE:g} times a second each, in "
        f"{len(held.beside)} pairs of windows of {held.seconds:g} s, alone and beside a neighbour, in one order and "
        "then in the opposite one; a ratio is of all windows' calls, and a call's time counts from when it was due "
        f"(seed {SEED}). Each pair has another neighbour, whose savings are whole: it aims at {callers.FLOOD:,} calls "
        f"a second over {callers.LINES} connections with its key, and asks for slow counts and large sorts in six "
        "more lines, all from this machine at a lower priority. " + ground.how
    )


def _watch(
    ground: Stand, others: list[str], neighbours: list[str], rounds: int, seconds: float, *, throttled: bool = True
) -> Windows:
    found = Windows(seconds)
    with (
        _web(ground, throttled=throttled) as port,
        children.running(callers.businesses, port, others, _PATH, SEED) as businesses,
        children.running(callers.neighbour, port) as neighbour,
    ):
        _window(businesses, Windows(seconds), [])  # for warm-up
        for number in range(rounds):
            alone, beside = (partial(_window, businesses, found, into) for into in (found.alone, found.beside))
            with_neighbour = partial(_beside, ground, neighbour, neighbours[number % len(neighbours)], found, beside)
            for window in (alone, with_neighbour) if number % 2 == 0 else (with_neighbour, alone):
                window()
    return found


def _beside(ground: Stand, neighbour: Connection, key: str, found: Windows, window: Callable[[], None]) -> None:
    neighbour.send(key)
    window()
    neighbour.send(None)
    # What it still runs should not be in the next window.
    ground.as_superuser("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'freehold_app'")
    found.taken.update(neighbour.recv())


def _window(businesses: Connection, found: Windows, into: list[list[float]]) -> None:
    businesses.send(found.seconds)
    calls = businesses.recv()
    into.append([took for took, _ in calls])
    found.errors += sum(status != 200 for _, status in calls)


@contextmanager
def _web(ground: Stand, *, throttled: bool) -> Iterator[int]:
    port = ports.free()
    command = [sys.executable, "-m", "granian", *_GRANIAN.split(), "--port", str(port), _SITE]
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder:
        web = processes.start(Program("web", command, Path(folder) / "web.log", _environment(ground, throttled), ROOT))
        try:
            _await(port, web)
            yield port
        finally:
            web.stop()


def _environment(ground: Stand, throttled: bool) -> dict[str, str]:
    """The stand's settings, which know no bound; where there are to be some, they are the platform's own."""
    bounds = {name: Settings.model_fields[name].default for name in _BOUNDS} if throttled else {}
    values = ground.settings.model_dump() | bounds
    return os.environ | {name.upper(): str(value) for name, value in values.items() if value is not None}


def _await(port: int, web: Child) -> None:
    while not stack.is_ready(port):
        if web.poll() is not None:
            raise DevstackError(stack.ended(web))
        time.sleep(0.02)


def _open(ground: Stand, tenant: str) -> str:
    """Give a business some rows and a key; returns the key."""
    with ground.app.test_request_context("/"), transaction():
        isolation.bind(tenant)
        for number in range(_ROWS):
            db.session.add(CatalogueEntry(name=f"collection_{number}", label=f"Collection {number}", fields=[]))
        return keys.create("bench", actor="bench")


BENCHMARK = Benchmark(
    "neighbour",
    "what others notice of one tenant that takes all it can get",
    Size(_ROUNDS, _BUSINESSES + _ROUNDS),
    measure,
)
