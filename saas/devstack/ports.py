"""Free ports, and whether one is free."""

import socket
from collections.abc import Callable
from typing import TypeVar

from saas.devstack.errors import PortBusyError

_Started = TypeVar("_Started")
_TRIES = 5


def on_a_free_port(wanted: int | None, start: Callable[[int], _Started]) -> _Started:
    """Call `start` with the wanted port, or with free ones until none has been taken in between."""
    if wanted is not None:
        return start(wanted)
    for _ in range(_TRIES - 1):
        try:
            return start(free())
        except PortBusyError:
            continue
    return start(free())


def is_busy(port: int) -> bool:
    """Whether somebody listens on this port of the loopback; on IPv6 too, which browsers try first."""
    return any(_answers(host, port) for host in ("127.0.0.1", "::1")) or not _can_listen(port)


def free() -> int:
    """A port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
