"""What a rule reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    path: str  # from the root of the checkout, with forward slashes
    line: int
    rule: str
    message: str  # what is wrong, and what to do instead

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"
