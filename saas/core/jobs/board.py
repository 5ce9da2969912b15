"""A page of memory that a worker's process writes and its supervisor reads.

Writing costs no system call and can't block, and what stands there outlives the writer, in whatever way that ends.
"""

import mmap
import time
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Held:
    """The job that the process is at."""

    job: UUID
    lease: int
    until: float  # its limit, by the clock that all processes of a machine share


class Board:
    """Made before the fork. Each of its numbers is eight bytes in their place, which a processor writes as one."""

    def __init__(self) -> None:
        page = memoryview(mmap.mmap(-1, mmap.PAGESIZE))
        self._times = page[:16].cast("d")  # the job's limit, 0 for no job; the last beat
        self._lease = page[16:24].cast("q")
        self._job = page[24:40]

    def begin(self, job: UUID, lease: int, limit: float) -> None:
        """A job has been taken up; it may take so many seconds."""
        self._job[:] = job.bytes
        self._lease[0] = lease
        self._times[0] = time.monotonic() + limit  # last: now there is one

    def end(self) -> None:
        self._times[0] = 0.0
        self.beat()

    def beat(self) -> None:
        self._times[1] = time.monotonic()

    def clear(self) -> None:
        """For the next process."""
        self._times[0] = self._times[1] = 0.0

    @property
    def held(self) -> Held | None:
        until = self._times[0]
        return Held(UUID(bytes=bytes(self._job)), self._lease[0], until) if until else None

    @property
    def beaten(self) -> float:
        """When its process last said that it lives; 0 before it has."""
        return self._times[1]
