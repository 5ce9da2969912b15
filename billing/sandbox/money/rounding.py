"""Whole minor units: rounding half up, and a total shared out so that the shares add up to it."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor


def half_up(amount: Fraction) -> int:
    """Half a unit goes away from zero."""
    size = floor(abs(amount) + Fraction(1, 2))
    return size if amount >= 0 else -size


def percent(amount: int, rate: float) -> Fraction:
    """`rate` as it is written: 19.6 is 19.6 hundredths, not the nearest binary fraction."""
    return amount * Fraction(str(rate)) / 100


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in proportion to the weights; what rounding leaves goes to the largest remainders."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    found = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % whole))
    for at in by_remainder[: total - sum(found)]:
        found[at] += 1
    return found
