"""Refuses connections beyond this machine: on `PYTHONPATH` of each process that a test starts, and of the tests.

With STRIPE_TEST_KEY set, the cases of tests/billing/golden are played at Stripe, which then may be reached.
"""

import ipaddress
import os
import sys
import threading
from typing import Any

_LOOKED_UP = threading.local()  # the last name, in each thread


class OutsideNetworkError(RuntimeError):
    """A test reached for a host that is not this one."""


def install() -> None:
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        _LOOKED_UP.name = arguments[0]
    if event != "socket.connect" or not isinstance(arguments[1], tuple) or _is_loopback(str(arguments[1][0])):
        return
    if not _is_stripe(arguments[1][1]):
        raise OutsideNetworkError(f"a test tried to connect to {arguments[1]}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_stripe(port: int) -> bool:
    """Connections are made to an address, and a name has another one each time: what counts is what was looked up."""
    looked_up = getattr(_LOOKED_UP, "name", None)
    return bool(os.environ.get("STRIPE_TEST_KEY")) and (looked_up, port) == ("api.stripe.com", 443)


if __name__ == "sitecustomize":
    install()
