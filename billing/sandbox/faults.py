"""What a test asked for: the next calls of a key fail, wait, or go unanswered; and how many calls there were."""

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    mode: str  # "500", "429", "timeout" (not done, no answer), "lost" (done, no answer) or "slow"
    seconds: float = 0.0
    call: str = ""  # the endpoint that it waits for, as "post /v1/customers"; "": the next one, whichever it is


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, deque[Fault]] = {}
        self._calls: dict[str, Counter[str]] = {}
        self._most: dict[str, int] = {}  # calls in a second
        self._last: dict[str, deque[float]] = {}  # when calls were let through, of the last second

    def plan(self, account: str, fault: Fault, times: int) -> None:
        with self._lock:
            self._next.setdefault(account, deque()).extend([fault] * times)

    def limit(self, account: str, per_second: int) -> None:
        """Let no more calls through in any second, until the faults are cleared."""
        with self._lock:
            self._most[account] = per_second

    def clear(self, account: str) -> None:
        with self._lock:
            self._next.pop(account, None)
            self._most.pop(account, None)

    def meet(self, account: str, call: str) -> str | None:
        """Count a call; wait where that was asked for; return the mode in which it is to fail."""
        with self._lock:
            self._calls.setdefault(account, Counter())[call] += 1
            fault = self._take(account, call)
            too_many = fault is None and self._is_over(account)
        if fault and fault.seconds:
            time.sleep(fault.seconds)
        if too_many:
            return "429"
        return fault.mode if fault and fault.mode != "slow" else None

    def calls(self, account: str) -> dict[str, int]:
        with self._lock:
            return dict(self._calls.get(account, {}))

    def forget(self, account: str) -> None:
        with self._lock:
            self._calls.pop(account, None)

    def _take(self, account: str, call: str) -> Fault | None:
        waiting = self._next.get(account, deque())
        found = next((fault for fault in waiting if fault.call in {"", call}), None)
        if found:
            waiting.remove(found)  # the first that is equal, which is this one
        return found

    def _is_over(self, account: str) -> bool:
        most = self._most.get(account)
        if most is None:
            return False
        now, last = time.monotonic(), self._last.setdefault(account, deque())
        while last and last[0] <= now - 1:
            last.popleft()
        if len(last) >= most:
            return True
        last.append(now)
        return False
