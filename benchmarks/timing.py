"""Comparing ways of doing a thing on a machine that does other things too.

What disturbs a measurement comes and goes in milliseconds and in minutes. Against the first, a sample is the
quickest of a few repetitions in a row; against the second, the ways take turns, in one order and then in the opposite
one, so that whatever lasts disturbs them all alike. What is left shows in the spread of the ratio, which is told.
"""

import gc
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Way = Callable[[], float]  # does the thing once; returns the seconds that count


@dataclass(frozen=True)
class Samples:
    """Seconds, by way, in the order in which they were taken: two samples a round."""

    seconds: Mapping[str, list[float]]
    rounds: int
    each: int  # repetitions of which a sample is the quickest

    def median(self, way: str) -> float:
        return statistics.median(self.seconds[way])

    def ratio(self, way: str, base: str) -> float:
        """Of the medians."""
        return self.median(way) / self.median(base)

    def middle_half(self, way: str, base: str) -> tuple[float, float]:
        """Between which values the ratio lies in half of the turns."""
        pairs = zip(self.seconds[way], self.seconds[base], strict=True)
        low, _, high = quartiles([one / other for one, other in pairs])
        return low, high

    @property
    def how(self) -> str:
        """How they were taken, in a sentence."""
        return (
            f"Rounds: {self.rounds}; in each the ways take turns, in one order and then in the opposite one; "
            f"a sample is the quickest of {self.each} repetitions in a row, a ratio that of the medians."
        )


def interleave(ways: Mapping[str, Way], rounds: int, *, each: int = 5, warm_up: int = 20) -> Samples:
    """Do every way many times, in turns."""
    for way in ways.values():
        for _ in range(warm_up):
            way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with _no_collections():
        for _ in range(rounds):
            for name in (*ways, *reversed(ways)):
                seconds[name].append(min(ways[name]() for _ in range(each)))
    return Samples(seconds, rounds, each)


def percentile(values: list[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed, by the nearest rank."""
    ranked = sorted(values)
    rank = -(-len(ranked) * percent // 100)  # rounded up
    return ranked[max(0, int(rank) - 1)]


def quartiles(values: list[float]) -> tuple[float, float, float]:
    return percentile(values, 25), percentile(values, 50), percentile(values, 75)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector out of single measurements, as timeit does."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
