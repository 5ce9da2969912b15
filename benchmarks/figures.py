"""What a benchmark finds: figures, the bars that some of them have to meet, and how it all was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AtMost:
    limit: float

    def holds(self, value: float) -> bool:
        return value <= self.limit

    def __str__(self) -> str:
        return f"≤ {self.limit:g}"


@dataclass(frozen=True)
class AtLeast:
    limit: float

    def holds(self, value: float) -> bool:
        return value >= self.limit

    def __str__(self) -> str:
        return f"≥ {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    unit: str  # "ms", "trips"; "ratio" for one quantity over another
    bar: AtMost | AtLeast | None = None  # None: told for information

    @property
    def holds(self) -> bool | None:
        """None where there is no bar. Not-a-number meets none."""
        return self.bar.holds(self.value) if self.bar else None


@dataclass(frozen=True)
class Part:
    """What one measurement of several adds to a result."""

    figures: Sequence[Figure]
    how: str


@dataclass(frozen=True)
class Result:
    bench: str
    figures: Sequence[Figure]
    how: str  # a few sentences

    @classmethod
    def of(cls, bench: str, *parts: Part) -> "Result":
        """Several parts as one."""
        figures = [figure for part in parts for figure in part.figures]
        return cls(bench, figures, "\n\n".join(part.how for part in parts))

    @property
    def status(self) -> int:
        """The exit status: 1 when a bar does not hold."""
        return int(any(figure.holds is False for figure in self.figures))

    def as_json(self) -> dict[str, Any]:
        return {
            "bench": self.bench,
            "figures": [
                {
                    "name": figure.name,
                    "value": round(figure.value, 4),
                    "unit": figure.unit,
                    "bar": str(figure.bar) if figure.bar else None,
                    "holds": figure.holds,
                }
                for figure in self.figures
            ],
            "how": self.how,
        }
