"""Who uses the platform while it is being killed: people who sign up, and somebody who asks for jobs.

Each asks again until there is an answer, as a person does whose page did not come.
"""

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

import requests

from saas.devstack.browser import Browser
from tests import conftest
from tests.support.killing import jobs
from tests.support.people import PASSWORD

THREADS = 2  # of each sort
_WEIGHTS = {jobs.KEPT: 4, jobs.OWNED: 2, jobs.KEYLESS: 1, jobs.CARELESS: 1, jobs.UNLEASED: 1, jobs.UNRELAYED: 1}
_PAUSE = 0.05  # seconds before somebody asks again
_AHEAD = 0.1  # part of the jobs by which those who ask for them may be ahead of those who sign up


@dataclass
class Crowd:
    """What they asked for and were told that they have."""

    site: str
    sign_ups: int  # at least
    kept: int  # jobs as ours are meant to be, at least; others besides
    seed: str
    over: threading.Event = field(default_factory=threading.Event)  # it may end once it has asked for so many
    emails: dict[str, str] = field(default_factory=dict)  # to the workspace's address
    marks: dict[str, str] = field(default_factory=dict)  # to the kind of job
    refused: int = 0  # without an earlier try whose answer was lost: somebody else has their address
    _working: list[Future[None]] = field(default_factory=list)
    _given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def progress(self) -> float:
        """How much of what they want they have; more than 1 where the storm lasts longer."""
        return len(self.emails) / self.sign_ups

    @property
    def satisfied(self) -> bool:
        return self.progress >= 1 and self._asked >= self.kept

    @property
    def _asked(self) -> int:
        return sum(kind in jobs.AS_MEANT for kind in list(self.marks.values()))

    @property
    def done(self) -> bool:
        return all(one.done() for one in self._working)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """They go on until they are satisfied and told that it is over; at the end they give up."""
        sorts: list[Callable[[int], None]] = [self._sign_ups, self._asks]
        with ThreadPoolExecutor(THREADS * 2) as pool:
            self._working = [pool.submit(sort, number) for sort in sorts for number in range(THREADS)]
            try:
                yield
            finally:
                self._given_up.set()
        for one in self._working:
            one.result()

    def _sign_ups(self, number: int) -> None:
        for turn in itertools.count():
            if self._given_up.is_set() or (self.over.is_set() and self.progress >= 1):
                return
            name = f"{self.seed}-{number}-{turn}"
            self._sign_up(f"owner-{name}@example.com", f"shop-{name}")

    def _sign_up(self, email: str, address: str) -> None:
        for attempt in itertools.count():
            browser = Browser(self.site, forwarded_for=conftest.network())
            with closing(browser.session):
                try:
                    answer = self._send(browser, email, address)
                except (requests.RequestException, LookupError):  # no answer, or a page without the form
                    answer = 0
            if answer in {303, 422}:
                self.refused += answer == 422 and not attempt
                self.emails[email] = address
                return
            if self._given_up.wait(_PAUSE):
                return

    def _send(self, browser: Browser, email: str, address: str) -> int:
        form = browser.open("/sign-up").form("", "business")
        filled = {"business": "Storm & Sons", "address": address, "email": email, "password": PASSWORD}
        headers = {"Origin": self.site}
        return browser.request("POST", form.action, data=form.fields | filled, headers=headers).status_code

    def _asks(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")
        browser = Browser(self.site, forwarded_for=conftest.network())
        with closing(browser.session):
            for turn in itertools.count():
                while self._asked > self.kept * (self.progress + _AHEAD) and not self.over.wait(_PAUSE):
                    pass
                if self._given_up.is_set() or (self.over.is_set() and self.satisfied):
                    return
                (kind,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
                mark, query = f"{self.seed}-{number}-{turn}", ""
                if kind == jobs.OWNED:
                    opened = list(self.emails.values())
                    kind, query = (kind, f"?address={chance.choice(opened)}") if opened else (jobs.KEPT, "")
                if self._ask(browser, f"{kind}/{mark}{query}"):
                    self.marks[mark] = kind

    def _ask(self, browser: Browser, what: str) -> bool:
        """Returns whether there was an answer."""
        while not self._given_up.is_set():
            with suppress(requests.RequestException):
                if browser.request("POST", f"/storm/{what}").status_code == 200:
                    return True
            self._given_up.wait(_PAUSE)
        return False
