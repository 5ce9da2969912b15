"""A storm: the platform's processes die at points by name and at any moment, Redis dies and is wiped, people go on."""

import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from tests.support.killing import fates, jobs
from tests.support.killing.clients import Crowd
from tests.support.killing.fates import Fate
from tests.support.killing.processes import DISPATCH, FAST, SLOW, Nursery, Process
from tests.support.killing.queue import Queue

KILLED, WIPED = "at any moment", "Redis wiped"
_EVENTS = ("web", "dispatcher", "fast", "slow", "Redis")
_SETTLED = 0.3  # seconds that a process lives at least before it is killed at any moment
_OUTLIVES = 1.0  # seconds for which a worker outlives its child before its slot is given to another
_WHOLE = 0.7  # of the deaths of workers are deaths of all of it

# Where a job that lacks a defence has to be when its process dies, for this to show.
_OF_CONTROLS = (
    Fate("after lease", jobs.UNLEASED),
    Fate("after the call", jobs.KEYLESS),
    Fate("after effect", jobs.CARELESS),
    Fate("after a request's commit", jobs.UNRELAYED),
)


@dataclass(frozen=True)
class Size:
    sign_ups: int
    kept: int
    hits: int  # at each point by name
    life: int  # at the how manieth time at a point a process dies, at most
    kills: int  # at any moment, of each sort of process
    wipes: int
    pause: float  # seconds between two of those, at most
    longest: float  # seconds, of the whole storm


@dataclass
class Slot:
    """One place of the platform's, in which a process follows the other."""

    name: str
    command: Sequence[str]
    fates: deque[Fate]
    process: Process | None = None
    fate: Fate | None = None
    since: float = 0.0

    def tend(self, nursery: Nursery, struck: Collection[int]) -> None:
        """Start the next one where the last one has ended, or where only its child did, a moment ago."""
        if self.process and self.process.pid in struck and self.fate:
            self.fate, self.since = None, time.monotonic()
        outlived = self.fate is None and self.fates and time.monotonic() - self.since > _OUTLIVES
        if self.process is None or outlived or not self.process.running():
            if self.process:
                self.process.kill()  # all of its group
            if self.fate:
                self.fates.append(self.fate)  # not met: it has ended of something else
            self.fate = self.fates.popleft() if self.fates else None
            self.process = nursery.start(self.name, self.command, self.fate)
            self.since = time.monotonic()

    @property
    def spared(self) -> bool:
        """Its processes have met what was meant for them."""
        return not self.fates and self.fate is None


@dataclass
class Storm:
    nursery: Nursery
    queue: Queue
    crowd: Crowd
    chance: random.Random
    slots: list[Slot]
    hits: Counter[str] = field(default_factory=Counter)
    last: float = 0.0  # when something was hit for the last time that we know of, on the monotonic clock
    _struck: int = 0

    def rage(self, size: Size) -> None:
        """Until each fate was met and everybody is satisfied; raises TimeoutError when that takes too long."""
        events = self._events(size)
        planned, deadline = len(events), time.monotonic() + size.longest
        next_event = time.monotonic() + 1.0
        while not self.crowd.done:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{events}, {[slot.fate or slot.fates for slot in self.slots if not slot.spared]}")
            self.tend()
            due = time.monotonic() > next_event and 1 - len(events) / planned <= self.crowd.progress
            if events and due and self._happen(events[0]):
                events.popleft()
                next_event = time.monotonic() + self.chance.uniform(0.2, size.pause)
            if not events and all(slot.spared for slot in self.slots):
                self.crowd.over.set()
            time.sleep(0.02)

    def tend(self) -> None:
        struck = self.nursery.struck()
        if len(struck) > self._struck:
            self._struck, self.last = len(struck), time.monotonic()
        for slot in self.slots:
            slot.tend(self.nursery, struck)

    def tell(self) -> Counter[str]:
        """How often what was hit."""
        return self.hits + Counter(point for point, _job in self.nursery.struck().values())

    def _events(self, size: Size) -> deque[str]:
        planned = [*_EVENTS * size.kills, *[WIPED] * size.wipes]
        self.chance.shuffle(planned)
        return deque(planned)

    def _happen(self, event: str) -> bool:
        """Whether it could happen now."""
        if event == "Redis":
            self.queue.kill()
            time.sleep(self.chance.uniform(0, 0.5))
            self.queue.start_again()
        elif event == WIPED:
            if not self.queue.waiting("fast"):
                return False  # there would be nothing to lose
            self.queue.wipe()
        elif not self._kill(event):
            return False
        self.hits[event if event == WIPED else f"{event}, {KILLED}"] += 1
        self.last = time.monotonic()
        return True

    def _kill(self, sort: str) -> bool:
        old = [slot for slot in self.slots if slot.name.startswith(sort) and time.monotonic() - slot.since > _SETTLED]
        if not old:
            return False
        slot = self.chance.choice(old)
        assert slot.process
        slot.process.kill()
        return True


def slots(port: int, size: Size, chance: random.Random) -> list[Slot]:
    """Two dispatchers, two workers of the fast queue, one of the slow one, and the site."""
    return [
        Slot("web", ("web", str(port)), deque(_fates(fates.REQUEST, size, chance))),
        *_dealt("dispatcher", DISPATCH, _fates(fates.DISPATCHER, size, chance)),
        *_dealt("fast", FAST, _fates(fates.WORKER, size, chance)),
        Slot("slow", SLOW, deque()),
    ]


def _dealt(name: str, command: Sequence[str], fates: list[Fate]) -> Iterable[Slot]:
    for number in range(2):
        yield Slot(f"{name}-{number}", command, deque(fates[number::2]))


def _fates(named: Sequence[str], size: Size, chance: random.Random) -> list[Fate]:
    """Each point as often as it is to be hit, and those of the controls, in any order."""
    in_requests: Callable[[], str] = lambda: chance.choice(["sign-up", jobs.KEPT])  # noqa: E731
    in_workers = itertools.cycle((jobs.KEPT, jobs.KEPT, jobs.OWNED))
    made = [
        Fate(
            point,
            in_requests() if point in fates.REQUEST else next(in_workers),
            chance.randint(1, size.life),
            whole=point not in fates.WORKER or chance.random() < _WHOLE,
        )
        for point in named
        for _ in range(size.hits)
    ]
    made += [fate for fate in _OF_CONTROLS if fate.point in named for _ in range(size.hits)]
    chance.shuffle(made)
    return made
