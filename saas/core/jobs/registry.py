"""Which jobs there are: one registry of names, filled as the rooms' `tasks` modules are imported."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

from saas.core.jobs.queues import Queue
from saas.core.jobs.times import Cron, Every

Scope = Literal["platform", "tenant"]
Missed = Literal["skip", "catch_up"]
LONGEST_TEXT = 200  # characters of one argument


class UnknownJob(LookupError):
    """No handler has this name; it is registered where its module is imported, in `saas/app.py`."""


class BadArguments(ValueError):
    """They are no ids, or the job takes others."""


@dataclass(frozen=True)
class Backoff:
    """How long a job waits before its next try, in seconds: `first`, doubled with each try, but never beyond `most`."""

    first: float = 2.0
    most: float = 3600.0


BACKOFF = Backoff()


@dataclass(frozen=True)
class Handler:
    """One kind of job.

    `effect` runs in one transaction with the mark that the job is done. What reaches outside the application's own
    database belongs into `outside`, which runs before that with no transaction open, at least once, and gets the
    job's id as a stable key; its result is handed to `effect`.

    A periodic job says `every` how many seconds it runs, counted from 1970, or when by a `cron` expression in a time
    `zone`. Of the ticks `missed` while nobody was there to add them, the newest is made up for, or each of them.
    `tolerates` names the standings of a tenant, besides an open one, in which its job runs all the same: one that
    writes nothing of the tenant's tolerates "read_only".
    """

    name: str
    effect: Callable[..., None]
    path: str = ""  # where RQ finds it
    queue: Queue = "fast"
    scope: Scope = "platform"
    limit_seconds: int = 60  # of one try
    max_tries: int = 8
    backoff: Backoff = BACKOFF
    every: int | None = None
    cron: str | None = None
    zone: str = "UTC"
    missed: Missed = "skip"
    tolerates: tuple[str, ...] = ()
    outside: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where its times are none, when it is registered and not at its first tick."""
        if self.every is not None and self.cron is not None:
            raise ValueError(f"{self.name}: say `every` or `cron`, not both")
        _ = self.times

    def __call__(self, job_id: str, lease: int) -> None:
        """What a worker calls, ours or a stock one."""
        _runners[0](self, UUID(job_id), lease)

    @cached_property
    def times(self) -> Every | Cron | None:
        """Of its ticks, when it is a periodic job."""
        if self.every is not None:
            return Every(self.every)
        return Cron(self.cron, self.zone) if self.cron is not None else None

    def check(self, args: Sequence[Any]) -> None:
        """Raises BadArguments, which says what the job takes."""
        for position, value in enumerate(args, 1):
            if not _is_id(value):
                raise BadArguments(f"{self.name}: argument {position} is no id, which is a line of text or a number")
        try:
            for signature, before, after in self._signatures:
                signature.bind(*before, *args, *after)
        except TypeError as error:
            raise BadArguments(f"{self.name} takes {self.takes}, not {len(args)} arguments: {error}") from None

    @property
    def takes(self) -> str:
        """Its arguments in words, as they are enqueued: "(mail_id: str)"."""
        parameters = list(self._signatures[0][0].parameters.values())
        return f"({', '.join(str(known) for known in (parameters[:-1] if self.outside else parameters))})"

    @cached_property
    def _signatures(self) -> list[tuple[inspect.Signature, tuple[Any, ...], tuple[Any, ...]]]:
        """Of each function that gets the arguments, with what it gets before and after them."""
        if self.outside is None:
            return [(inspect.signature(self.effect), (), ())]
        return [(inspect.signature(self.effect), (), (None,)), (inspect.signature(self.outside), (None,), ())]


Perform = Callable[[Handler, UUID, int], None]

_NAME = re.compile(r"[a-z0-9_.-]{1,80}")  # RQ takes no more than that in a job's id

_handlers: dict[str, Handler] = {}
_runners: list[Perform] = []  # one: the runner, which stands above this module


def runs(perform: Perform) -> Perform:
    """Decorates the function that runs a job of a handler under a lease."""
    _runners[:] = [perform]
    return perform


def handler(  # noqa: PLR0913  here is said all that there is to say of a kind of job
    name: str,
    *,
    queue: Queue = "fast",
    scope: Scope = "platform",
    limit_seconds: int = 60,
    max_tries: int = 8,
    backoff: Backoff = BACKOFF,
    every: int | None = None,
    cron: str | None = None,
    zone: str = "UTC",
    missed: Missed = "skip",
    tolerates: tuple[str, ...] = (),
    outside: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., None]], Handler]:
    """Register the decorated function as the effect of jobs called `name`; the rest is as Handler says."""

    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a job: write small letters, digits, '.', '_' and '-'")

    def register(effect: Callable[..., None]) -> Handler:
        path = f"{effect.__module__}.{effect.__name__}"
        made = Handler(
            name, effect, path, queue, scope, limit_seconds, max_tries, backoff, every, cron, zone, missed, tolerates,
            outside,
        )  # fmt: skip
        if _handlers.setdefault(name, made).path != path:
            raise ValueError(f"two handlers are called {name}")
        return made

    return register


def get(name: str) -> Handler:
    """Raises UnknownJob."""
    try:
        return _handlers[name]
    except KeyError:
        raise UnknownJob(name) from None


def handlers() -> list[Handler]:
    return list(_handlers.values())


def _is_id(value: object) -> bool:
    """What JSON keeps as it is and fits a column, without control characters; a bool is a whole number in Python."""
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT and value.isprintable()
    return value is None or (isinstance(value, int) and value.bit_length() < 64)
