"""What an operator can do to jobs, queues and schedules: each says what it changes, and asks a reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from saas.console.actions import Change


@dataclass(frozen=True)
class JobAction:
    name: str  # in the URL and of its operation
    label: str
    says: str  # what it does and what not
    find: Callable[[str], Any]  # what it is done to, by the URL's last part. Raises NotFound.
    home: str  # the endpoint it leads to
    fits: Callable[[Any], bool]  # whether there is something to do now
    changes: Callable[[Any], Sequence[Change]]
    carry_out: Callable[[Any, str, str], str]  # with reason and actor; returns what is told. Raises PlatformError.
    harsh: bool = False  # whether it takes something away
