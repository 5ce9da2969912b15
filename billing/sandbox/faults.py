"""What a test asked for: the next calls of a key fail, wait, or go unanswered; and how many calls there were."""

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    mode: str  # "500", "timeout" (not done, no answer), "lost" (done, no answer) or "slow"
    seconds: float = 0.0


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, deque[Fault]] = {}
        self._calls: dict[str, Counter[str]] = {}

    def plan(self, account: str, fault: Fault, times: int) -> None:
        with self._lock:
            self._next.setdefault(account, deque()).extend([fault] * times)

    def clear(self, account: str) -> None:
        with self._lock:
            self._next.pop(account, None)

    def meet(self, account: str, call: str) -> str | None:
        """Count a call; wait where that was asked for; return "500" or "timeout" when it is to fail."""
        with self._lock:
            self._calls.setdefault(account, Counter())[call] += 1
            waiting = self._next.get(account)
            fault = waiting.popleft() if waiting else None
        if fault and fault.seconds:
            time.sleep(fault.seconds)
        return fault.mode if fault and fault.mode != "slow" else None

    def calls(self, account: str) -> dict[str, int]:
        with self._lock:
            return dict(self._calls.get(account, {}))

    def forget(self, account: str) -> None:
        with self._lock:
            self._calls.pop(account, None)
