"""Refuses connections beyond this machine: on `PYTHONPATH` of each process that a test starts, and of the tests."""

import ipaddress
import sys
from typing import Any


class OutsideNetworkError(RuntimeError):
    """A test reached for a host that is not this one."""


def install() -> None:
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not _is_loopback(str(arguments[1][0])):
        raise OutsideNetworkError(f"a test tried to connect to {arguments[1]}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "sitecustomize":
    install()
