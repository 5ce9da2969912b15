"""Workers that are restarted by SIGTERM, one after the other, or killed: each job is done, and a restart doubles none.

The receiver is called without a key here, so that a job which is begun twice shows as two calls; but for those jobs
that last longer than their worker may take to end, which are handed back.
"""

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from saas.core.jobs.endings import Verdict
from saas.core.settings import Settings
from tests.support import counts, live
from tests.support.killing import ground, jobs
from tests.support.killing.ground import Ground, begun, eventually_done
from tests.support.killing.processes import DISPATCH, FAST, Nursery, Process
from tests.support.people import unique

RESTARTS = 50 if counts.FULL else 4
KILLED = 20 if counts.FULL else 1  # workers in the middle of a job
AT_ONCE = 8  # jobs that wait for the next restart
IMPATIENT, FIRST_OF_THEM = 5, 2  # one worker in so many, beginning with which, has no time for its job to end
HURRIED = (*FAST, "--grace", "2")
GRACE = 110 if counts.FULL else 20  # seconds that a worker has to end
STARTED = "worker.started"  # in the log
WITHIN = 10 if counts.FULL else 20  # seconds after the lease's end
SHORTEST, LONGEST = 200, 500  # milliseconds of a job
TOO_LONG = 4000  # milliseconds of a job that is handed back
HALTING = 3500  # milliseconds of one whose worker is killed meanwhile

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def ready(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    with ground.ready(request.config, settings, tmp_path_factory.mktemp("rolling")) as made:
        yield made


@pytest.fixture(scope="module")
def nursery(ready: Ground) -> Iterator[Nursery]:
    with ready.nursery() as made:
        made.start("dispatcher", DISPATCH)
        yield made


def test_workers_that_are_restarted_by_turns_lose_no_job_and_double_none(
    ready: Ground, nursery: Nursery, record_property: Tell
) -> None:
    rolled = roll(ready, nursery, Process.terminate, [jobs.LONG], too_long=jobs.LONG_KEYED)
    effects, told, back = ready.effects(), ready.outside.told(), handed_back(ready)
    repeated = sum(told.calls[mark] - 1 for mark in back)
    print(f"{RESTARTS} workers ended in the middle of a job, {len(rolled.marks)} jobs")
    print(f"{back.total()} were handed back, {repeated} calls repeated")
    assert rolled.statuses == [0] * RESTARTS, "a worker did not end as it was asked to"
    assert {mark: effects[mark] for mark in rolled.marks} == dict.fromkeys(rolled.marks, 1)
    assert {mark: told.applied[mark] for mark in rolled.marks} == dict.fromkeys(rolled.marks, 1)
    assert {mark: told.calls[mark] for mark in rolled.of(jobs.LONG)} == dict.fromkeys(rolled.of(jobs.LONG), 1)
    assert set(back) <= set(rolled.of(jobs.LONG_KEYED)), "a worker did not wait for its job"
    assert 0 < repeated <= back.total()
    record_property("tried", len(rolled.marks))
    record_property("faults", RESTARTS)
    record_property("leaks", 0)


def test_control_workers_that_do_not_wait_for_their_job_double_it_or_without_a_lease_lose_it(
    ready: Ground, nursery: Nursery, record_property: Tell
) -> None:
    """They end as processes do that have no handler for the signal."""
    rolled = roll(ready, nursery, Process.kill, [jobs.BRIEF, jobs.LONG_UNLEASED])
    told = ready.outside.told()
    doubled = sum(told.calls[mark] > 1 for mark in rolled.of(jobs.BRIEF))
    lost = sum(state != "done" for state in ready.states(rolled.of(jobs.LONG_UNLEASED)).values())
    print(f"doubled: {doubled}, lost without a lease: {lost}, {len(rolled.marks)} jobs")
    assert rolled.statuses == [-signal.SIGKILL] * RESTARTS
    assert doubled
    assert lost
    record_property("tried", len(rolled.marks))
    record_property("control leaked", doubled + lost)


def test_the_job_of_a_killed_worker_runs_again_when_its_lease_is_over(
    ready: Ground, nursery: Nursery, record_property: Tell
) -> None:
    """The lease is as long as the platform makes it. A job without one stays where it was."""
    marks, unleased = [unique() for _ in range(KILLED)], unique()
    with working(nursery, KILLED + 1) as workers:
        ready.ask(jobs.TIMED, marks, HALTING)
        ready.ask(jobs.LONG_UNLEASED, [unleased], HALTING)
        live.eventually(lambda: begun(ready, [*marks, unleased]))
        for worker in workers:
            worker.kill()
    ends = {mark: due_at for mark, due_at, _began, _tries in leased(ready, marks)}
    with working(nursery, KILLED + 1):  # so that none waits for a worker
        live.eventually(lambda: all(tries >= 2 for *_rest, tries in leased(ready, marks)), 90)
    late = sorted((began - ends[mark]).total_seconds() for mark, _due, began, _tries in leased(ready, marks))
    print(f"begun again after the lease's end: {', '.join(f'{seconds:.2f} s' for seconds in late)}")
    assert late[0] >= 0, "a lease was not respected"
    assert late[-1] <= WITHIN, "it took too long until it ran again"
    assert ready.states([unleased]) == {unleased: "running"}, "the control ran again, though its lease never ends"
    record_property("tried", KILLED)
    record_property("faults", KILLED)
    record_property("leaks", 0)
    record_property("control leaked", 1)


@dataclass
class Rolled:
    """Which jobs were asked for, by their marks, and how the workers ended that were at them."""

    asked: dict[str, str] = field(default_factory=dict)  # to the job's name
    statuses: list[int] = field(default_factory=list)

    @property
    def marks(self) -> list[str]:
        return list(self.asked)

    def of(self, name: str) -> list[str]:
        return [mark for mark, found in self.asked.items() if found == name]


def roll(
    ready: Ground, nursery: Nursery, end: Callable[[Process], None], names: list[str], too_long: str = ""
) -> Rolled:
    """End the elder of two workers, both in the middle of a job, time and again; another one takes its place.

    Where there is a job that is `too_long`, one in five workers has no time for it.
    """
    rolled, chance = Rolled(), random.Random(counts.SEED)
    print(f"FREEHOLD_SEED={counts.SEED}")
    with working(nursery, 2) as workers:
        for number in range(RESTARTS):
            if too_long and is_impatient(number):
                ask_until_both_are_busy(ready, rolled, too_long, TOO_LONG, 2)
            else:
                ask_until_both_are_busy(ready, rolled, names[number % len(names)], chance.randint(SHORTEST, LONGEST))
            end(workers[0])
            workers.append(nursery.start("fast", HURRIED if too_long and is_impatient(number + 2) else FAST))
            rolled.statuses.append(workers.pop(0).wait(GRACE))
        eventually_done(ready, rolled.of(names[0]) + rolled.of(too_long))
    return rolled


def is_impatient(number: int) -> bool:
    """The worker that is ended as the how manieth; each has its turn in the order in which they were started."""
    return number % IMPATIENT == FIRST_OF_THEM


def ask_until_both_are_busy(
    ready: Ground, rolled: Rolled, name: str, milliseconds: int, at_once: int = AT_ONCE
) -> None:
    """With jobs of this name that are asked for now."""
    marks: list[str] = []

    def busy() -> bool:
        states = list(ready.states(marks).values())
        if not {"waiting", "leased"}.intersection(states):
            marks[:] = [unique() for _ in range(at_once)]
            ready.ask(name, marks, milliseconds)
            rolled.asked.update(dict.fromkeys(marks, name))
        return states.count("running") == 2

    live.eventually(busy)


@contextmanager
def working(nursery: Nursery, number: int) -> Iterator[list[Process]]:
    """So many workers of the fast queue; those that are in the list at the end are killed."""
    before = nursery.log("fast").count(STARTED)
    workers = [nursery.start("fast", FAST) for _ in range(number)]
    try:
        live.eventually(lambda: nursery.log("fast").count(STARTED) >= before + number)
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def handed_back(ready: Ground) -> Counter[str]:
    """By mark: how often."""
    told = "FROM platform.job_events event JOIN platform.jobs ON jobs.id = event.job WHERE event.kind = %s GROUP BY 1"
    return Counter(dict(ready.sql(f"SELECT args->>0, count(*) {told}", Verdict.HANDED_BACK.value)))


def leased(ready: Ground, marks: list[str]) -> list[tuple[Any, ...]]:
    """Of each job its mark, the end of its lease, when its last try began, and which one that was."""
    return ready.sql("SELECT args->>0, due_at, began_at, tries FROM platform.jobs WHERE args->>0 = ANY(%s)", marks)
