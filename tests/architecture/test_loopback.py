"""Tests and the processes they start reach this machine and no other."""

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
