"""Tests and the processes they start reach this machine and no other."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

GUARD = Path(__file__).parents[1] / "support" / "loopback"
REACH = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=0.2)"  # TEST-NET-1 (RFC 5737)


def test_a_test_reaches_no_other_machine() -> None:
    with socket.socket() as outward, pytest.raises(RuntimeError, match=r"tried to connect to \('192\.0\.2\.1', 9\)"):
        outward.connect(("192.0.2.1", 9))
    with socket.create_server(("127.0.0.1", 0)) as here:  # the control
        socket.create_connection(here.getsockname(), timeout=1).close()


def test_nor_does_a_process_that_a_test_starts() -> None:
    env = {**os.environ, "PYTHONPATH": str(GUARD)}
    done = subprocess.run([sys.executable, "-c", REACH], env=env, capture_output=True, text=True, check=False)
    assert "OutsideNetworkError" in done.stderr


@pytest.mark.parametrize(
    ("key", "name", "port", "let"),
    [
        ("sk_test_yours", "api.stripe.com", 443, True),
        ("sk_test_yours", "api.stripe.com", 80, False),
        ("sk_test_yours", "example.com", 443, False),
        ("", "api.stripe.com", 443, False),
    ],
)
def test_only_stripe_is_let_through_and_only_with_a_key_for_it(
    monkeypatch: pytest.MonkeyPatch, key: str, name: str, port: int, let: bool
) -> None:
    monkeypatch.setenv("STRIPE_TEST_KEY", key)
    with contextlib.nullcontext() if let else pytest.raises(RuntimeError, match="tried to connect"):
        sys.audit("socket.getaddrinfo", name, port, 0, 0, 0)  # what the interpreter says of a connection, without one
        sys.audit("socket.connect", None, ("192.0.2.1", port))
