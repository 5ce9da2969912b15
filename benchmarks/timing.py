"""Comparing ways of doing a thing on a machine that does other things too.

What disturbs a measurement comes and goes in milliseconds and in minutes. Against the first, a sample is the
quickest of a few repetitions in a row; against the second, the ways take turns, in one order and then in the opposite
one, so that whatever lasts disturbs them all alike.

A ratio is therefore taken in each turn, between neighbours, and the median of these is told. The ratio of the two
medians would not do: a round trip is quick, or half as long again, as the kernel has put client and server on one core
or on two; where that changes during a run, one way's median may be of the quick kind and the other's of the slow one.
On a busy machine it wandered between 1.07 and 1.16 while the median ratio stayed between 1.10 and 1.11.
"""

import gc
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Way = Callable[[], float]  # does the thing once; returns the seconds that count


@dataclass(frozen=True)
class Samples:
    """Seconds, by way; those at the same place of each list were taken in the same turn, of which a round has two."""

    seconds: Mapping[str, list[float]]
    rounds: int
    each: int  # repetitions of which a sample is the quickest

    def median(self, way: str) -> float:
        return statistics.median(self.seconds[way])

    def ratio(self, way: str, base: str) -> float:
        """The median of the turns' ratios."""
        return statistics.median(self._ratios(way, base))

    def middle_half(self, way: str, base: str) -> tuple[float, float]:
        """Between which values the ratio was in half of the turns."""
        low, _, high = quartiles(self._ratios(way, base))
        return low, high

    @property
    def how(self) -> str:
        """How they were taken, in a sentence."""
        return (
            f"Rounds: {self.rounds}; in each the ways take turns, in one order and then in the opposite one; "
            f"a sample is the quickest of {self.each} repetitions in a row, a ratio the median of the turns' ratios."
        )

    def _ratios(self, way: str, base: str) -> list[float]:
        return [one / other for one, other in zip(self.seconds[way], self.seconds[base], strict=True)]


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
