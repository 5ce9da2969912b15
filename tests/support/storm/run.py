"""A storm: a plan by a seed, and its run by some threads."""

import logging
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask

from tests.support.storm import faults
from tests.support.storm.asks import KINDS, Answer, Asking
from tests.support.storm.crowd import Business, marks
from tests.support.storm.faults import Fault, going_wrong

THREADS = 6
FAULTY = 0.5  # of all requests
LATEST = 6  # statement at which something breaks

# What a kind of fault needs a request to be, in order to happen at all.
_ONLY = {
    faults.REFUSED: ["a record there twice"],
    faults.SENDING: ["a new record"],
    faults.READING: ["a stream"],
    faults.TEMPLATE: ["a page", "the team's page", "a page of the bare host"],
    faults.JSON: ["a list", "nested services", "a call outside", "COPY", "executemany", "a new table"],
}
_ANYWHERE = [*faults.AT_A_STATEMENT, faults.AT_THE_COMMIT]
_IN_REQUESTS = [
    faults.BEFORE_VIEW,
    faults.AFTER_VIEW,
    faults.BEFORE_COMMIT,
    faults.AFTER_COMMIT,
    faults.REQUEST,
    faults.CONTEXT,
]
EVERY_FAULT = [*_ANYWHERE, *_IN_REQUESTS, *_ONLY]


@dataclass
class Asked:
    """One request of the plan, and what came of it."""

    serial: int
    kind: str
    who: Business
    other: Business
    fault: Fault | None
    answer: Answer = field(default_factory=lambda: Answer(0))

    @property
    def wrong(self) -> set[str]:
        """The tenants whose rows it shows and must not: all but its own; none may be shown without a tenant."""
        unbound = self.kind in {"code without a tenant", "a page of the bare host"}
        shown = marks(self.answer.text.partition('"found":')[2] if self.kind == "a thread without a tenant" else "")
        return shown | (marks(self.answer.text) - (set() if unbound else {self.who.id}))

    @property
    def empty(self) -> bool:
        """A good answer without a row of its own: the tenant was not bound."""
        return KINDS[self.kind].shows and self.answer.good and self.who.id not in marks(self.answer.text)

    @property
    def unharmed(self) -> bool:
        return self.fault is None and self.kind != "a record there twice"

    @property
    def stored(self) -> bool | None:
        """Whether what it writes has to be there afterwards; None: it may be."""
        if self.fault and self.fault.hit and self.fault.kind in faults.UNSURE:
            return None
        if self.kind == "a call outside" and not self.answer.good:
            return None  # committed before the call
        return self.answer.good


def plan(seed: str, n: int, crowd: list[Business]) -> list[Asked]:
    rng = random.Random(seed)
    names, weights = list(KINDS), [kind.weight for kind in KINDS.values()]
    made = []
    for serial in range(n):
        who, other = rng.sample(crowd, 2)
        kind, fault = rng.choices(names, weights)[0], None
        if rng.random() < FAULTY:
            fault = Fault(rng.choice(EVERY_FAULT), at=rng.randint(1, LATEST))
            kind = rng.choice(_ONLY[fault.kind]) if fault.kind in _ONLY else kind
        made.append(Asked(serial, kind, who, other, fault))
    return made


def run(app: Flask, planned: list[Asked]) -> None:
    """Let the threads ask; each answer is left in its request."""

    def one(asked: Asked) -> None:
        with going_wrong(asked.fault), suppress(SystemExit, Exception):  # as a server does; no answer comes then
            asked.answer = KINDS[asked.kind].ask(Asking(app, asked.serial, asked.who, asked.other))

    with quiet(), ThreadPoolExecutor(THREADS) as pool:
        for _done in pool.map(one, planned):
            pass


@contextmanager
def quiet() -> Iterator[None]:
    """Thousands of errors on purpose would be logged, each with its traceback."""
    before = structlog.get_config()["processors"]

    def drop(*_: Any) -> Any:
        raise structlog.DropEvent

    structlog.configure(processors=[drop])
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        structlog.configure(processors=before)
