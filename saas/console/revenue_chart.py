"""The waterfall as a drawing: where each bar is, in the units of an SVG of `WIDTH` by `HEIGHT`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from billing.money import shown
from billing.revenue.movements import KINDS, MOVES
from billing.revenue.waterfall import Fall

WIDTH, HEIGHT = 960, 260
_LEFT, _BOTTOM, _TOP = 84, 24, 8
_FEWEST = 6  # months that the width is for, so that a single one is not a wall
_FILLED = 0.84  # of a month's width
_FROM_ZERO = 0.65  # the lowest level, as a part of the highest, up to which the scale begins at nothing


@dataclass(frozen=True)
class Bar:
    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Line:
    """Level: what came in between two movements, or one of the scale."""

    x1: float
    x2: float
    y: float
    words: str = ""


@dataclass(frozen=True)
class Label:
    x: float
    words: str


@dataclass(frozen=True)
class Chart:
    bars: Sequence[Bar]
    levels: Sequence[Line]
    scale: Sequence[Line]
    months: Sequence[Label]
    kinds: Sequence[str]  # that there are bars of, in their order


@dataclass(frozen=True)
class _Scale:
    low: int
    high: int
    step: int

    @classmethod
    def of(cls, levels: Sequence[int]) -> "_Scale":
        low, high = min(levels), max(levels)
        low = 0 if 0 < low <= high * _FROM_ZERO else low
        step = _step(max(high - low, 1))
        return cls(low // step * step, -(-max(high, low + 1) // step) * step, step)

    def y(self, amount: int) -> float:
        part = (amount - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - part * (HEIGHT - _BOTTOM - _TOP), 1)

    def lines(self, currency: str) -> list[Line]:
        return [
            Line(_LEFT, WIDTH, self.y(amount), shown(amount, currency))
            for amount in range(self.low, self.high + 1, self.step)
        ]


@dataclass(frozen=True)
class _Slot:
    """The place of a month, with a column for each kind that there is in any of them."""

    fall: Fall
    kinds: Sequence[str]
    x: float
    width: float

    @property
    def levels(self) -> list[int]:
        """What came in at the start, and after each movement."""
        return list(accumulate((self.fall.movements[name] for name in self.kinds), initial=self.fall.start))

    @property
    def edges(self) -> list[float]:
        """Where each column begins, and where the last one ends."""
        filled, count = self.width * _FILLED, len(self.kinds)
        return [self.x + (self.width - filled) / 2 + filled * n / count for n in range(count + 1)]

    def bars(self, scale: _Scale, currency: str) -> Iterator[Bar]:
        steps = zip(self.kinds, pairwise(self.levels), pairwise(self.edges), strict=True)
        for kind, (before, after), (left, right) in steps:
            if before != after:
                top, bottom = sorted((scale.y(before), scale.y(after)))
                words = f"{self.fall.month.words}: {shown(after - before, currency)}"
                yield Bar(kind, round(left, 1), top, round(right - left, 1), max(round(bottom - top, 1), 1), words)

    def lines(self, scale: _Scale) -> Iterator[Line]:
        """From each movement's end to the next one's beginning."""
        ends = [self.x, *self.edges[1:], self.x + self.width]
        for level, (left, right) in zip(self.levels, pairwise(ends), strict=True):
            yield Line(round(left, 1), round(right, 1), scale.y(level))


def draw(falls: Sequence[Fall], currency: str) -> Chart | None:
    """None: there is nothing to draw."""
    kinds = [name for name in (*KINDS, *MOVES) if any(fall.movements[name] for fall in falls)] or [*KINDS]
    width = (WIDTH - _LEFT) / max(len(falls), _FEWEST)
    slots = [_Slot(fall, kinds, _LEFT + n * width, width) for n, fall in enumerate(falls)]
    levels = [level for slot in slots for level in slot.levels]
    if not any(levels):
        return None
    scale = _Scale.of(levels)
    return Chart(
        bars=[bar for slot in slots for bar in slot.bars(scale, currency)],
        levels=[line for slot in slots for line in slot.lines(scale)],
        scale=scale.lines(currency),
        months=[Label(round(slot.x + width / 2, 1), slot.fall.month.short) for slot in slots],
        kinds=kinds,
    )


def _step(span: int) -> int:
    """Three to seven lines, at 1, 2 or 5 times a power of ten."""
    step = 1
    for factor in (1, 2, 5, 10) * 20:
        if span <= step * factor * 5:
            return step * factor
        step = step * 10 if factor == 10 else step
    return step
