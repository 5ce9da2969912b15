"""What one process of a worker may take: time, memory and age."""

import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


class OverLimit(BaseException):
    """A job has taken longer than its limit. No `except Exception` in its code keeps it from ending."""


@dataclass(frozen=True)
class Bounds:
    """Of the process that does the jobs, as its supervisor holds it to them. Seconds, and bytes."""

    grace: float = 25.0  # from SIGTERM until all is over
    age: float = 3600.0  # then it is replaced, between two jobs
    memory: int = 400 * MIB  # beyond this it is killed; beyond three quarters replaced, between two jobs
    over: float = 3.0  # a job may be over its limit, at which it is told to end, before it is killed
    stuck: float = 60.0  # it may say nothing while it has no job

    @property
    def much(self) -> int:
        return self.memory * 3 // 4

    @property
    def patience(self) -> float:
        """From SIGTERM until the job is killed; the rest of the grace is for handing it back."""
        return max(self.grace - 5, self.grace / 2)


def resident(pid: int) -> int | None:
    """The bytes of memory that a process has, with those it shares; None where the system does not tell."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_bytes().split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
