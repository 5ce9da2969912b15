"""Jobs that a worker has to be kept from, and jobs that say where they are done."""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from saas.core import audit
from saas.core.jobs import handler
from tests.support.jobs import halt

_leaked: list[bytearray] = []


@handler("tests.worker.swallowing", limit_seconds=1, max_tries=3)
def swallowing(folder: str) -> None:
    """Lets nothing end it."""
    while True:
        try:
            halt(Path(folder))
        except BaseException:  # noqa: BLE001
            (Path(folder) / "swallowed").touch()


@handler("tests.worker.deaf", limit_seconds=1, max_tries=3)
def deaf(folder: str) -> None:
    """Waits in C, with Python's own lock in its hands, for a mutex that it holds itself."""
    mutex = ctypes.create_string_buffer(256)  # all zero: PTHREAD_MUTEX_INITIALIZER
    lock = ctypes.PyDLL(None).pthread_mutex_lock
    lock(mutex)
    (Path(folder) / "started").touch()
    lock(mutex)


@handler("tests.worker.slow", limit_seconds=1, max_tries=3)
def slow(folder: str) -> None:
    """As most that take too long: it tidies up, and thinks that it can go on whatever happens."""
    try:
        halt(Path(folder))
    except Exception:  # noqa: BLE001
        (Path(folder) / "swallowed").touch()


@handler("tests.worker.greedy", max_tries=3)
def greedy(folder: str, mib: int) -> None:
    taken = bytearray(mib * 1024 * 1024)
    halt(Path(folder))
    del taken


@handler("tests.worker.leaking")
def leaking(mib: int) -> None:
    _leaked.append(bytearray(mib * 1024 * 1024))


@handler("tests.worker.failing", max_tries=3)
def failing(value: str) -> None:
    raise ValueError(f"on purpose\nDETAIL:  Key (mark)=({value}) already exists.")


@handler("tests.worker.crashing", max_tries=3)
def crashing() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@handler("tests.worker.parenting", limit_seconds=1, max_tries=3)
def parenting(folder: str) -> None:
    with subprocess.Popen(["sleep", "1000"]) as started:
        (Path(folder) / "pid").write_text(str(started.pid))
        swallowing.effect(folder)


@handler("tests.worker.halting", scope="tenant")
def halting(folder: str) -> None:
    halt(Path(folder))


@handler("tests.worker.whoami")
def whoami(mark: str) -> None:
    audit.record("tests.effect", actor="system", tenant=None, mark=mark, pid=os.getpid())
