"""The stand-in for Stripe as the development stack starts it."""

import re
import socket
from pathlib import Path

import pytest
import requests

from saas.devstack import processes, stripe, surroundings
from saas.devstack.errors import DevstackError
from saas.devstack.processes import Program
from saas.devstack.state import State
from tests.devstack.conftest import PATIENCE


def call(server: stripe.Server, verb: str, path: str, **data: str) -> requests.Response:
    authorized = {"Authorization": f"Bearer {server.key}"}
    return requests.request(verb, server.url + path, data=data, headers=authorized, timeout=PATIENCE)


def test_state_key_and_port_outlive_a_stop(tmp_path: Path) -> None:
    first = stripe.start(tmp_path)
    first.await_ready()
    made = call(first, "POST", "/v1/customers", name="Ada").json()["id"]
    first.stop()
    second = stripe.start(tmp_path)
    second.await_ready()
    try:
        assert (second.url, second.key, second.webhook_secret) == (first.url, first.key, first.webhook_secret)
        assert call(second, "GET", f"/v1/customers/{made}").json()["name"] == "Ada"
    finally:
        second.stop()
    assert re.fullmatch(r"(sk|rk)_(test|live)_\w+", first.key)  # what the settings ask for
    assert first.webhook_secret.startswith("whsec_")
    State(tmp_path).remove()
    assert not (tmp_path / "stripe").exists()


def test_secrets_are_on_no_command_line_and_read_by_nobody_else(tmp_path: Path) -> None:
    with stripe.running(tmp_path) as server:
        command = Path(f"/proc/{server.process.pid}/cmdline")
        assert not command.exists() or b"whsec_" not in command.read_bytes()
        for name in ("key", "webhook_secret", "state.sqlite"):
            assert (tmp_path / "stripe" / name).stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "stripe").mkdir()
        (tmp_path / "stripe" / "port").write_text(str(port))
        with stripe.running(tmp_path) as server:
            assert not server.url.endswith(f":{port}")
        other = stripe.start(tmp_path, port=port)
        with pytest.raises(DevstackError, match="in use"):
            other.await_ready()
        other.stop()


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    failing = processes.start(Program("stripe", ["/bin/sh", "-c", "echo broken; exit 1"], tmp_path / "log", {}))
    failing.process.wait()
    with pytest.raises(DevstackError, match="did not start:\nbroken"):
        stripe.Server(failing, "http://127.0.0.1:9", "sk_test_x", "whsec_x").await_ready()
    failing.stop()


def test_a_key_in_the_shell_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    assert not surroundings.brings_stripe()
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_mine")
    assert surroundings.brings_stripe()
