"""Where a process of the platform dies, or stands still, by name, and at the how manieth time.

It writes that down and strikes.
"""

import mmap
import os
import signal
from dataclasses import asdict, dataclass
from typing import Any

from tests.support.killing import jobs

LEASE, ENQUEUE = ("before lease", "after lease"), ("before enqueue", "after enqueue")
PICK_UP, CALL = ("before pick-up", "after pick-up"), ("before the call", "after the call")
EFFECT, COMMIT = ("before effect", "after effect"), ("before commit", "after commit")
ACKNOWLEDGE = ("before acknowledge", "after acknowledge")
REQUEST = ("before a request's commit", "after a request's commit")
TICKING = "after a tick's insert"  # and before its commit; no point of a storm's

DISPATCHER = (*LEASE, *ENQUEUE)
WORKER = (*PICK_UP, *CALL, *EFFECT, *COMMIT, *ACKNOWLEDGE)
POINTS = (*DISPATCHER, *WORKER, *REQUEST)


@dataclass(frozen=True)
class Fate:
    point: str
    job: str = jobs.KEPT  # at a worker's points: while it is at such a one
    at: int = 1
    whole: bool = True  # with all of its group, as when its machine dies
    by: int = signal.SIGKILL  # or SIGSTOP, for a process without children
    patient: bool = False  # at a tick: without the bounds by which one that stands still there holds up nobody for long

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Doom:
    """Waits for its moment, and writes it down before it strikes."""

    def __init__(self, fate: Fate, ledger: str) -> None:
        self.fate, self.left, self.ledger = fate, fate.at, ledger
        self.struck = mmap.mmap(-1, 1)  # one for all processes that come of this one: a fate is met once

    def reach(self, point: str, job: str | None = None) -> None:
        if point != self.fate.point or (job is not None and job != self.fate.job) or self.struck[0]:
            return
        self.left -= 1
        if self.left > 0:
            return
        self.struck[0] = 1
        with open(self.ledger, "a") as ledger:  # noqa: PTH123  one write that is appended
            ledger.write(f"{os.getsid(0)}|{point}|{job or ''}\n")
        if self.fate.whole:
            os.kill(os.getsid(0), self.fate.by)  # whose other children die with it
        os.killpg(0, self.fate.by)
