"""One run: every way, from each side to the other."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import structlog

from tenants.probe import canaries
from tenants.probe.outcomes import Attempt, Outcome, blind
from tenants.probe.sides import Side
from tenants.probe.ways import caches, changes, jobs, keys, pages, rows, site, statements

MOST_SECONDS = 100

Way = Callable[[Side, Side], Iterator[Attempt]]

WAYS: dict[str, Way] = {
    "pages": pages.attempts,  # and "sessions"
    "site": site.attempts,
    "keys": keys.attempts,
    "changes": changes.attempts,
    "jobs": jobs.attempts,
    "rows": rows.attempts,
    "caches": caches.attempts,
    "sql": statements.attempts,
    "server": statements.past_the_guard,
}

log = structlog.get_logger()


@dataclass(frozen=True)
class Report:
    attempts: tuple[Attempt, ...]
    seconds: float

    def count(self, outcome: Outcome) -> int:
        return sum(attempt.outcome is outcome for attempt in self.attempts)

    def ways(self) -> dict[str, dict[str, int]]:
        """How often each way had which outcome; an outcome that it never had is 0."""
        found = Counter((attempt.way, attempt.outcome.value) for attempt in self.attempts)
        names = dict.fromkeys(attempt.way for attempt in self.attempts)
        return {name: {outcome.value: found[name, outcome.value] for outcome in Outcome} for name in names}

    def findings(self) -> list[Attempt]:
        """What crossed, then what was blind."""
        return [
            attempt
            for outcome in (Outcome.CROSSED, Outcome.BLIND)
            for attempt in self.attempts
            if attempt.outcome is outcome
        ]


def run() -> Report:
    """Try everything, in transactions of its own. The caller's context has none open and is bound to nobody."""
    begun = time.monotonic()
    first, second = canaries.ready()
    found = [
        attempt
        for mine, theirs in ((first, second), (second, first))
        for name, way in WAYS.items()
        for attempt in _within(begun + MOST_SECONDS, name, _safely(name, way(mine, theirs)))
    ]
    return Report(tuple(found), time.monotonic() - begun)


def _within(until: float, name: str, attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    for attempt in attempts:
        yield attempt
        if time.monotonic() > until:
            yield blind(name, "all that follows", "the time for one run was over")
            return


def _safely(name: str, attempts: Iterator[Attempt]) -> Iterator[Attempt]:
    """An attempt that fails by itself has shown nothing; the other ways are tried all the same."""
    try:
        yield from attempts
    except Exception as error:
        log.exception("probe.failed", way=name)
        yield blind(name, "all that follows", f"it failed: {type(error).__name__}")
