"""A process whose clock is off by the seconds in `CLOCK_OFF`; called before what tells the time is imported.

All of Python's ways to ask the wall clock are covered: the functions of `time`, and the classes of `datetime`. What
the database says arrives as it is.
"""

import datetime as dt
import os
import time
from collections.abc import Callable
from typing import Any

VARIABLE = "CLOCK_OFF"
_REAL = dt.datetime


def put_off() -> float:
    """Returns by how many seconds; the environment says so."""
    seconds = float(os.environ.get(VARIABLE, "0"))
    if seconds:
        _in_time(seconds)
        _Shifted.offset = dt.timedelta(seconds=seconds)
        dt.datetime = _Shifted  # type: ignore[misc]
    return seconds


def _in_time(seconds: float) -> None:
    now, nanoseconds = time.time, time.time_ns
    time.time = lambda: now() + seconds
    time.time_ns = lambda: nanoseconds() + int(seconds * 1e9)
    for name in ("gmtime", "localtime"):
        setattr(time, name, _of_now(getattr(time, name)))


def _of_now(split: Callable[[float], time.struct_time]) -> Callable[..., time.struct_time]:
    return lambda at=None: split(time.time() if at is None else at)


class _Like(type):
    """What the driver and the standard library make are datetimes, too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _REAL)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _REAL)


class _Shifted(_REAL, metaclass=_Like):
    offset = dt.timedelta()

    def __new__(cls, *values: Any, **named: Any) -> Any:
        return _REAL(*values, **named)

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _REAL.now(tz) + cls.offset

    @classmethod
    def today(cls) -> Any:
        return _REAL.today() + cls.offset

    @classmethod
    def utcnow(cls) -> Any:
        return _REAL.now(dt.UTC).replace(tzinfo=None) + cls.offset
