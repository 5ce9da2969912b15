"""The platform as real processes, for the tests that need them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import requests

from saas.core.settings import Settings
from saas.devstack.browser import Browser

ROOT = Path(__file__).parents[2]
READY_WITHIN = 180  # seconds; a machine that is busy is slow, not broken
# On a machine that is busy a test's calls take any time, and a suite makes many a second as one business.
UNTHROTTLED: dict[str, Any] = {"tenant_calls_per_second": 0, "tenant_calls_at_once": 0, "tenant_time_share": 0}


@dataclass
class Running:
    settings: Settings
    site: str
    folder: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def browser(self, forwarded_for: str = "10.99.0.1") -> Browser:
        return Browser(self.site, forwarded_for=forwarded_for)

    def spawn(self, name: str, *command: str) -> "subprocess.Popen[bytes]":
        """Start one more process of the platform; its log is `<folder>/<name>.log`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment(self.settings, self.site),
                stdout=log,
                stderr=log,
            )
        self.processes[name] = process
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@contextlib.contextmanager
def start(settings: Settings, folder: Path) -> Iterator[Running]:
    """Web, dispatcher and both workers; ended by their own process ids."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Running(settings, f"http://localhost:{port}", folder)
    _let_go(settings)
    try:
        running.spawn("dispatcher", "worker.py", "dispatch")
        running.spawn("fast", "worker.py", "--queue", "fast")
        running.spawn("slow", "worker.py", "--queue", "slow")
        web = "--interface wsgi --host 127.0.0.1 --workers 1 --blocking-threads 64 wsgi:app"
        running.spawn("web", "-m", "granian", "--port", str(port), *web.split())
        _await_ready(running)
        with stripe_delivers(settings, f"http://127.0.0.1:{port}/billing/webhook"):
            yield running
    finally:
        for process in running.processes.values():
            process.terminate()
        for process in running.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _let_go(settings: Settings) -> None:
    """End what tests in this process have leased and left: it would count as lying before the workers for an hour."""
    left = "UPDATE platform.jobs SET state = 'cancelled', due_at = NULL, finished_at = now()"
    opened = contextlib.closing(psycopg2.connect(settings.database_url.replace("+psycopg2", "")))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{left} WHERE state IN ('leased', 'running')")


@contextlib.contextmanager
def stripe_delivers(settings: Settings, url: str) -> Iterator[None]:
    """Let the stand-in for Stripe send this worker's events to a URL, signed with the secret of its settings."""
    authorized = {"Authorization": f"Bearer {settings.stripe_secret_key}"}
    wanted = {"url": url, "secret": settings.stripe_webhook_secret}
    answer = requests.post(f"{settings.stripe_api_url}/_standin/endpoints", json=wanted, headers=authorized, timeout=60)
    answer.raise_for_status()
    try:
        yield
    finally:
        endpoint = f"{settings.stripe_api_url}/v1/webhook_endpoints/{answer.json()['id']}"
        requests.delete(endpoint, headers=authorized, timeout=60).raise_for_status()


def environment(settings: Settings, site: str) -> dict[str, str]:
    """The settings as a process of the platform reads them, with the outside network closed to it."""
    values = settings.model_dump() | {"site_url": site, "log_level": "info"}
    own = {name.upper(): str(value) for name, value in values.items() if value is not None}
    path = os.pathsep.join([str(Path(__file__).parent / "loopback"), str(ROOT)])
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **own, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def create_database(superuser_url: str, name: str) -> None:
    connection = psycopg2.connect(superuser_url.replace("+psycopg2", ""))
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} OWNER freehold_admin")


def eventually(what, seconds: float = READY_WITHIN):  # type: ignore[no-untyped-def]  # returns what `what` returns
    """Poll until `what()` is true; fails with its last value after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {value!r}"
        time.sleep(0.02)
    return value


def _await_ready(running: Running) -> None:
    parts = urlsplit(running.site)

    def ready() -> bool:
        for name, process in running.processes.items():
            assert process.poll() is None, f"{name} ended:\n{running.log(name)}"
        try:
            answer = requests.get(f"http://127.0.0.1:{parts.port}/healthz/ready", timeout=5)
        except (requests.ConnectionError, requests.Timeout):  # the port takes calls before there is who answers
            return False
        return answer.status_code == 200

    eventually(ready, READY_WITHIN)
