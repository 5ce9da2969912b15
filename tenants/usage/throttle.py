"""What one tenant may take of one web process, so that the others find it as quick as ever (docs/throttling.md).

Three bounds, each known to the process alone, since to ask a server for them would cost more than what they refuse:
calls a second, calls at once, and time: the processor's, and that of waiting for the database's answers, whoever made
it slow. How long a call takes by the clock says less of its tenant: a slow network and others' calls make it long too.
"""

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import structlog
from flask import Flask, current_app, request
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from saas.core.edge import UNLOGGED
from saas.core.settings import Settings
from tenants.errors import TooManyCalls
from tenants.isolation.connection import waited

BURST = 2.0  # seconds of calls that may come in one moment
SAVED = 20.0  # seconds of its share of time that a quiet tenant has saved up
LONGEST_DEBT = 20.0  # seconds after which calls that took ever so long are forgiven
PATIENCE = 1.0  # seconds that a call waits for one of its tenant's to end
MOST_WAITING, MOST_WAITING_IN_ALL = 3, 6  # calls of a tenant, and of all, that wait so; each keeps a thread
TOLD_EVERY = 10.0  # seconds between two lines of the log on the same tenant
REMEMBERED = 10_000  # tenants, and keys

_KEY = "freehold.throttle"  # in the application's extensions
_ENTERED, _REFUSED = "freehold.entered", "freehold.refused"  # in a request's environment
_NO_BOUND = 1_000_000_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Bounds:
    """Of one tenant in one process."""

    calls: float  # a second
    at_once: int
    share: float  # seconds of calls' time a second

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        return cls(
            settings.tenant_calls_per_second or _NO_BOUND,
            settings.tenant_calls_at_once or _NO_BOUND,
            settings.tenant_time_share or _NO_BOUND,
        )

    @cached_property
    def burst(self) -> float:
        return max(1.0, self.calls * BURST)

    @cached_property
    def saved(self) -> float:
        return self.share * SAVED

    @property
    def as_new(self) -> float:
        """Seconds after which a tenant has whatever it may have."""
        return max(LONGEST_DEBT + SAVED, self.burst / self.calls)

    @property
    def sentences(self) -> dict[str, str]:
        return {
            "calls": f"The most requests a second are {self.calls:g}.",
            "at_once": f"The most requests at the same time are {self.at_once}.",
            "time": f"Its requests took more than {self.share:g} seconds of each second.",
        }


@dataclass(slots=True)
class _Account:
    """What a tenant has left, as it was at a time of the clock."""

    at: float
    calls: float
    seconds: float  # below zero: it has taken more than its share, and pays it off
    running: int = 0
    waiting: int = 0
    told: float = -math.inf  # when the log heard last that a call was refused


class _Entered(NamedTuple):
    """What a request was let in with."""

    tenant: str
    left: float  # seconds of its tenant
    taken: float  # seconds by its thread until then


class Throttle:
    def __init__(self, bounds: Bounds, clock: Callable[[], float] = time.monotonic) -> None:
        self.refused = Counter(dict.fromkeys(bounds.sentences, 0))
        self._bounds, self._clock = bounds, clock
        self._accounts: dict[str, _Account] = {}
        self._waiting = 0
        self._sweep_above = REMEMBERED
        self._keys: OrderedDict[bytes, str] = OrderedDict()
        self._turn = threading.Condition()

    def enter(self, tenant: str) -> float:
        """Begin a call; `leave` must follow. Returns what is `left`. Raises TooManyCalls, and then it must not."""
        with self._turn:
            account = self._account(tenant)
            if not (bound := self._overdrawn(account)):
                account.calls -= 1  # of one that is refused now as well, or a flood of those would cost nothing
                if account.running >= self._bounds.at_once:
                    bound = self._wait(tenant, account)
            if not bound:
                account.running += 1
                return account.seconds
            refused = self._refuse(account, bound)
        self._tell(tenant, account, bound)
        raise refused

    def leave(self, tenant: str, seconds: float) -> None:
        """End a call that took so much."""
        with self._turn:
            account = self._account(tenant)
            account.seconds = max(account.seconds - seconds, -LONGEST_DEBT * self._bounds.share)
            account.running -= 1
            if account.waiting:
                self._turn.notify_all()

    def left(self, tenant: str) -> float:
        """Seconds that its calls may still take before it has used up its share; below zero when it has."""
        with self._turn:
            return self._account(tenant).seconds

    def remember(self, key: str, tenant: str) -> None:
        """Note that a key was found to be good, and whose it is."""
        digest = _digest(key)
        with self._turn:
            self._keys[digest] = tenant
            self._keys.move_to_end(digest)
            if len(self._keys) > REMEMBERED:
                self._keys.popitem(last=False)

    def forget(self, key: str) -> None:
        """It is good no more: what comes with it is nobody's from now on."""
        with self._turn:
            self._keys.pop(_digest(key), None)

    def tenant_of(self, key: str) -> str | None:
        """Whose a key was when it was found to be good; of another it would be a stranger's to say."""
        with self._turn:
            return self._keys.get(_digest(key))

    def _overdrawn(self, account: _Account) -> str | None:
        """The bound that it has passed."""
        if account.calls < 1:
            return "calls"
        return "time" if account.seconds <= 0 else None

    def _wait(self, tenant: str, account: _Account) -> str | None:
        """For one of the tenant's own calls to end, as when a page loads several parts at once."""
        if account.waiting >= MOST_WAITING or self._waiting >= MOST_WAITING_IN_ALL:
            return "at_once"
        self._waiting += 1
        account.waiting += 1
        try:
            if not self._turn.wait_for(lambda: account.running < self._bounds.at_once, PATIENCE):
                return "at_once"
        finally:
            self._waiting -= 1
            account.waiting -= 1
        return "time" if self._account(tenant).seconds <= 0 else None

    def _refuse(self, account: _Account, bound: str) -> TooManyCalls:
        self.refused[bound] += 1
        waits = {
            "calls": (1 - account.calls) / self._bounds.calls,
            "time": -account.seconds / self._bounds.share,
            "at_once": PATIENCE,
        }
        return TooManyCalls(self._bounds.sentences[bound], max(1, math.ceil(waits[bound])))

    def _tell(self, tenant: str, account: _Account, bound: str) -> None:
        """Without the lock, which a log that nobody reads on would keep from all."""
        if account.at >= account.told + TOLD_EVERY:
            account.told = account.at
            log.warning("tenant.throttled", tenant=tenant, bound=bound)

    def _account(self, tenant: str) -> _Account:
        now, most = self._clock(), self._bounds
        account = self._accounts.get(tenant)
        if account is None:
            self._sweep(now)
            account = self._accounts[tenant] = _Account(now, most.burst, most.saved)
        passed, account.at = now - account.at, now
        account.calls = min(account.calls + passed * most.calls, most.burst)
        account.seconds = min(account.seconds + passed * most.share, most.saved)
        return account

    def _sweep(self, now: float) -> None:
        """Forget those that would be as new by now."""
        if len(self._accounts) < self._sweep_above:
            return
        old = now - self._bounds.as_new
        self._accounts = {
            tenant: account
            for tenant, account in self._accounts.items()
            if account.at > old or account.running or account.waiting
        }
        self._sweep_above = max(REMEMBERED, 2 * len(self._accounts))


def init_app(app: Flask, settings: Settings) -> None:
    app.extensions[_KEY] = Throttle(Bounds.of(settings))


def of(app: Flask) -> Throttle:
    throttle: Throttle = app.extensions[_KEY]
    return throttle


def enter(tenant: str) -> None:
    """Let this request begin its work for a tenant that it has proven to be of. Raises TooManyCalls."""
    environ = request.environ
    if UNLOGGED not in environ:
        admit(current_app, environ, tenant)


def left(tenant: str) -> float:
    """Seconds that this request's tenant had left as it was let in, or has where it was not yet."""
    entered = request.environ.get(_ENTERED)
    return entered.left if entered and entered.tenant == tenant else of(current_app).left(tenant)


def admit(app: Flask, environ: dict[str, Any], tenant: str) -> None:
    """The same, once for each request. Raises TooManyCalls."""
    if _ENTERED in environ:
        return
    try:
        left = of(app).enter(tenant)
    except TooManyCalls:
        environ[_REFUSED] = True
        raise
    environ[_ENTERED] = _Entered(tenant, left, _taken())


def was_refused(environ: dict[str, Any]) -> bool:
    return _REFUSED in environ


def leave(app: Flask, environ: dict[str, Any]) -> None:
    """Behind each request, however it ended, in the thread that began it."""
    if entered := environ.pop(_ENTERED, None):
        of(app).leave(entered.tenant, _taken() - entered.taken)


def _taken() -> float:
    """Seconds of the processor and of the database that this thread has taken so far."""
    return time.thread_time() + waited.seconds


def measures() -> Iterator[Metric]:
    """For /metrics: of this process."""
    refused = CounterMetricFamily("freehold_throttled", "Calls refused for their tenant's sake", labels=["bound"])
    for bound, count in of(current_app).refused.items():
        refused.add_metric([bound], count)
    yield refused


def _digest(key: str) -> bytes:
    return blake2b(key.encode(errors="replace"), digest_size=16).digest()
