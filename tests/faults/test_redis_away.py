"""Redis hangs: it takes connections and answers nobody. Requests don't notice, and work goes on when it is back.

How often a request waits for Redis, and how long, is counted between the two, by a relay that only the site talks to.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from saas.core.settings import Settings
from saas.devstack import stack
from saas.devstack.browser import Browser
from tests import conftest
from tests.support import counts, live, operators
from tests.support.killing import ground, jobs, relay
from tests.support.killing.ground import Ground, eventually_done
from tests.support.killing.processes import DISPATCH, FAST, SLOW, Process
from tests.support.killing.relay import Relay, Wait
from tests.support.people import PASSWORD, unique

HUNG = 10.0 if counts.FULL else 2.5  # seconds, each time
TIMES = 3 if counts.FULL else 1
LONGEST_WAIT = 1.0  # seconds, that a request's only call may take
NOTICED = 0.5 if counts.FULL else 2.0  # seconds by which its end may be seen too late
P99 = 1.5  # seconds of a request, judged at full counts

Tell = Callable[[str, object], None]


@dataclass(frozen=True)
class Asked:
    """One request, and what of it the relay saw."""

    path: str
    status: int
    seconds: float
    waits: list[Wait]

    @property
    def calls(self) -> int:
        """To Redis; what only opens a connection counts where there is no answer, and is tried again."""
        return sum(not wait.opens for wait in self.waits)

    @property
    def faulty(self) -> bool:
        """Whether it did what none may: more than one call to Redis, or one without a limit of a second."""
        return self.calls > 1 or any(wait.seconds > LONGEST_WAIT + NOTICED for wait in self.waits)


class Measured(Browser):
    """Notes what becomes of each request; one at a time."""

    def __init__(self, place: "Place") -> None:
        super().__init__(place.ground.settings.site_url, forwarded_for=conftest.network())
        self.relay, self.asked = place.relay, list[Asked]()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        began = time.monotonic()
        with self.relay.counting() as waits:
            answer = super().request(method, url, **options)
        self.asked.append(Asked(urlsplit(url).path, answer.status_code, time.monotonic() - began, waits))
        return answer


@dataclass
class Place:
    """The platform: its site behind the relay, the others at Redis itself."""

    ground: Ground
    relay: Relay
    others: list[Process]


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with ExitStack() as ending:
        ready = ending.enter_context(ground.ready(request.config, settings, tmp_path_factory.mktemp("away")))
        between = ending.enter_context(relay.running(ready.queue.url))
        sites = ending.enter_context(ready.nursery(redis_url=between.url))
        others = ending.enter_context(ready.nursery())
        sites.start("web", ["web", str(ready.port)])
        started = [others.start(command[-1], command) for command in (DISPATCH, FAST, SLOW)]
        live.eventually(lambda: stack.is_ready(ready.port))
        yield Place(ready, between, started)


def test_no_request_waits_for_a_redis_that_hangs_and_work_goes_on_when_it_is_back(
    place: Place, record_property: Tell
) -> None:
    operator = Measured(place)
    operators.operator(place.ground.app, operator)
    operator.open("/console/jobs")
    asked, marks = use(place, unique()), list[str]()
    asked += operator.asked
    for _ in range(TIMES):
        with place.ground.queue.hung():
            ends = time.monotonic() + HUNG
            while time.monotonic() < ends:
                marks.append(unique())
                asked += use(place, marks[-1])
            operator.asked.clear()
            operator.open("/console/jobs")  # which asks Redis who works
            asked += operator.asked
    operator.session.close()
    p99 = statistics.quantiles([one.seconds for one in asked], n=100)[98]
    print(f"{len(asked)} requests, {sum(one.calls for one in asked)} calls to Redis, p99 {p99:.3f} s")
    assert [one for one in asked if one.faulty or one.status >= 400] == []
    if counts.FULL:
        assert p99 <= P99
    eventually_done(place.ground, marks)
    effects, told = place.ground.effects(), place.ground.outside.told()
    assert {mark: (effects[mark], told.applied[mark]) for mark in marks} == dict.fromkeys(marks, (1, 1))
    assert all(process.running() for process in place.others), "a process did not outlive it"
    record_property("tried", len(asked))
    record_property("faults", TIMES)
    record_property("leaks", 0)


@pytest.mark.parametrize(("how", "faulty"), [("briefly", False), ("patiently", True)])
def test_control_a_request_that_talks_to_redis_is_counted_and_without_a_limit_it_waits(
    place: Place, record_property: Tell, how: str, *, faulty: bool
) -> None:
    browser = Measured(place)
    with closing(browser.session), ThreadPoolExecutor(1) as pool:
        with place.ground.queue.hung(), place.relay.counting() as waits:
            asking = pool.submit(browser.request, "GET", f"/storm/redis/{how}")
            live.eventually(lambda: asking.done() or place.relay.longest > LONGEST_WAIT + NOTICED)
        assert asking.result().status_code == 200
    assert len(waits) == 1, "the wait was not seen, or it was tried again"
    assert browser.asked[0].faulty == faulty, browser.asked
    record_property("tried", 1)
    record_property("control leaked", int(faulty))


def use(place: Place, mark: str) -> list[Asked]:
    """What people do: they look at pages, sign up, open their workspace, and something asks for a job."""
    browser = Measured(place)
    with closing(browser.session):
        browser.open("/pricing")
        page = browser.open("/sign-up")
        names = {"business": "Away & Sons", "address": f"shop-{mark}", "email": f"{mark}@example.com"}
        home = browser.send(page, "", "business", **names, password=PASSWORD)
        browser.open(f"{home.url.removesuffix('/home')}/keys")
        browser.open("/metrics")
        browser.request("POST", f"/storm/{jobs.KEPT}/{mark}")
    return browser.asked
