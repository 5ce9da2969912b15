"""The signals by which a process is asked to end."""

import signal
import time
from types import FrameType

_TICK = 0.1  # seconds


class Stopping:
    """What was asked for by signals."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.at_once = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    @property
    def asked(self) -> bool:
        return self._first is not None

    def since(self) -> float:
        """For how many seconds."""
        return 0.0 if self._first is None else time.monotonic() - self._first

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(_TICK)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._first is None:
            self._first = time.monotonic()
        elif self.since() >= 1:  # whoever stops a group of processes may have sent both of the first two
            self.at_once = True
