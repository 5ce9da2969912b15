"""A stack: the services a laptop does not have, and the platform's own processes on top of them."""

import contextlib
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from saas.devstack import cluster, guard, postgres, processes, stripe, surroundings, valkey
from saas.devstack.errors import DevstackError
from saas.devstack.processes import Child, Program
from saas.devstack.state import ROOT, State

_READY_WITHIN = 90.0  # seconds; a laptop that is busy with something else is slow, not broken
_WEBHOOK = "/billing/webhook"  # where the platform takes events of Stripe
_GRANIAN = "--interface wsgi --host 127.0.0.1 --workers 1 --blocking-threads 64"
_GRACE = ("--grace", f"{guard.GRACE - 2:g}")  # so that what a worker is at is handed back before it is killed


@dataclass(frozen=True)
class Services:
    """PostgreSQL and Valkey, running."""

    postgres: postgres.Server
    valkey: valkey.Server


@contextlib.contextmanager
def services(folder: Path, fsync: bool = False) -> Iterator[Services]:
    """Only PostgreSQL and Valkey, for tests and benchmarks. What PostgreSQL stored is removed at the end."""
    with contextlib.ExitStack() as ending:
        ending.callback(postgres.remove, folder)
        database = postgres.start(folder, fsync=fsync)
        ending.callback(database.stop)
        queue = valkey.start(folder, durable=fsync)
        ending.callback(queue.stop)
        yield Services(database, queue)


@dataclass
class Stack:
    """What has been started, in that order; it is stopped in the opposite one."""

    state: State
    port: int
    children: list[Child] = field(default_factory=list)
    errands: list[Child] = field(default_factory=list)  # which end by themselves
    settings: Mapping[str, str] = field(default_factory=dict)
    standin: stripe.Server | None = None

    def start_services(self) -> None:
        """Start what the shell does not bring, and write all settings down."""
        urls: dict[str, str] = {}
        if not surroundings.brings_stripe():
            self.standin = stripe.start(self.state.folder, webhook=f"http://127.0.0.1:{self.port}{_WEBHOOK}")
            self.children.append(self.standin.process)
            urls |= self.standin.settings()
        if not surroundings.brings_database():
            database = postgres.start(self.state.folder)
            self.children.append(database.process)
            urls["DATABASE_URL"] = database.url(cluster.APP)
            urls["DATABASE_ADMIN_URL"] = database.url(cluster.ADMIN)
        if not surroundings.brings_queue():
            queue = valkey.start(self.state.folder)
            self.children.append(queue.process)
            urls["REDIS_URL"] = queue.url
        self.settings = surroundings.settings(self.state, self.port, urls)
        self.state.write_env(self.settings)

    def start_platform(self) -> str:
        """Start all processes over schemas of the latest revision; return what the demo printed.

        Loading the platform's code takes longer than what most steps do with it. So the steps that must follow
        each other (migrate, refill, demo) each share their time with the start of a process that stays. Until
        the schemas are there, the site itself says that it isn't ready.
        """
        self.begin("web", "-m", "granian", *_GRANIAN.split(), "--port", str(self.port), "wsgi:app")
        self.finish(self.begin("migrate", "-m", "saas.app", "migrate", administrator=True))
        self.begin("dispatcher", "worker.py", "dispatch")
        self.finish(self.begin("refill", "-m", "saas.app", "tenants", "refill", administrator=True))
        self.begin("worker-fast", "worker.py", *_GRACE, "--queue", "fast")
        self.begin("worker-slow", "worker.py", *_GRACE, "--queue", "slow", administrator=True)
        if self.standin:
            self.standin.await_ready()  # the demo's step brings it our plans
        printed = self.finish(self.begin("demo", "-m", "saas.app", "demo", administrator=True))
        self._await_site()
        self.begin("worker-webhooks", "worker.py", *_GRACE, "--queue", "webhooks")
        return printed

    def begin(self, name: str, *arguments: str, administrator: bool = False) -> Child:
        """Start a Python process in the checkout with the stack's settings."""
        child = self._spawn(name, *arguments, administrator=administrator)
        self.children.append(child)
        return child

    def send(self, name: str, *arguments: str, administrator: bool = False) -> None:
        """Start one that does its work beside the others and ends; `failed_errand` says when that went wrong."""
        self.errands.append(self._spawn(name, *arguments, administrator=administrator))

    def failed_errand(self) -> Child | None:
        """One that has ended and not done its work, told once."""
        over = [child for child in self.errands if child.poll() is not None]
        self.errands = [child for child in self.errands if child not in over]
        return next((child for child in over if child.poll()), None)

    def _spawn(self, name: str, *arguments: str, administrator: bool) -> Child:
        env = surroundings.for_process(self.settings, administrator=administrator)
        log = self.state.logs / f"{name}.log"
        return processes.start(Program(name, [sys.executable, *arguments], log, env, cwd=ROOT))

    def finish(self, child: Child) -> str:
        """Wait until a process has done its work; return what it printed. Raises DevstackError."""
        status = child.process.wait()
        child.stop()
        self.children.remove(child)
        if status:
            raise DevstackError(ended(child))
        return child.log.read_text(errors="replace")

    def dead(self) -> Child | None:
        """A process that has ended though nobody asked it to."""
        return next((child for child in self.children if child.poll() is not None), None)

    def stop(self) -> None:
        """Stop everything; errands and workers first, the database last."""
        while self.errands:
            self.errands[-1].stop()
            self.errands.pop()
        while self.children:
            self.children[-1].stop()
            self.children.pop()
        self.state.env_file.unlink(missing_ok=True)

    def _await_site(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while not is_ready(self.port):
            if child := self.dead():
                raise DevstackError(ended(child))
            if time.monotonic() > deadline:
                raise DevstackError(f"The site isn't ready after {_READY_WITHIN:.0f} s: see {self.state.logs}.")
            time.sleep(0.02)


def ended(child: Child) -> str:
    """What to say of a process that ended by itself: its status and the last lines of its log."""
    return f"{child.name} ended with status {child.poll()}. Its log, {child.log}, ends with:\n{child.tail()}"


def is_ready(port: int) -> bool:
    """Whether a web process serves there."""
    request = f"GET /healthz/ready HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5.0) as connection:
            connection.sendall(request.encode())
            return b" 200 " in connection.recv(32)
    except OSError:
        return False
