"""The stand-in for Stripe (billing/sandbox), a process of its own, its state in `stripe/` of a folder."""

import contextlib
import http.client
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from saas.devstack import ports, processes
from saas.devstack.errors import DevstackError, PortBusyError
from saas.devstack.processes import Child, Program
from saas.devstack.secrets_kept import write_private
from saas.devstack.state import ROOT

_READY_WITHIN = 30.0  # seconds


@dataclass(frozen=True)
class Server:
    """A stand-in that has been started; `await_ready` says when it answers."""

    process: Child
    url: str
    key: str
    webhook_secret: str

    def settings(self) -> dict[str, str]:
        """What the platform needs to know of it."""
        return {
            "STRIPE_SECRET_KEY": self.key,
            "STRIPE_API_URL": self.url,
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
        }

    def await_ready(self) -> None:
        """Raises DevstackError when it doesn't come up."""
        deadline = time.monotonic() + _READY_WITHIN
        while not self._answers():
            if self.process.poll() is not None:
                raise _why(self.process)
            if time.monotonic() > deadline:
                raise DevstackError(f"The stand-in for Stripe was not ready in time: see {self.process.log}.")
            time.sleep(0.01)

    def stop(self) -> None:
        """What was not delivered yet is delivered after the next start."""
        self.process.stop()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=1.0)
        try:
            connection.request("GET", "/_standin/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def start(folder: Path, *, webhook: str | None = None, port: int | None = None) -> Server:
    """Start the stand-in of `folder` without waiting for it; `webhook` receives its events.

    It keeps its port from one start to the next, where that is still free, as its objects hold links to it.
    """
    home = folder.resolve() / "stripe"
    home.mkdir(parents=True, exist_ok=True)
    port = port or _port(home / "port")
    key = _kept(home / "key", "sk_test_standin_")
    signing = _kept(home / "webhook_secret", "whsec_standin_")
    # Not on the command line, which everybody on the machine can read.
    env = {
        "STRIPE_STANDIN_PORT": str(port),
        "STRIPE_STANDIN_STATE": str(home / "state.sqlite"),
        "STRIPE_STANDIN_WEBHOOK_SECRET": signing,
        "STRIPE_STANDIN_DELIVERY_RETRIES": "0.5,1,2,5,10,30,60,300,900,3600",  # who waits for it sits at this machine
        "STRIPE_STANDIN_AFTER_RETRIES": "past_due",  # the catalogue's dunning says when a plan ends, not Stripe
        **({"STRIPE_STANDIN_WEBHOOK": webhook} if webhook else {}),
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-m", "billing.sandbox"]
    child = processes.start(Program("stripe", command, folder.resolve() / "log" / "stripe.log", env, cwd=ROOT))
    return Server(child, f"http://127.0.0.1:{port}", key, signing)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A stand-in that answers, for tests."""
    server = ports.on_a_free_port(None, lambda free: _ready(folder, free))
    try:
        yield server
    finally:
        server.stop()


def _ready(folder: Path, port: int) -> Server:
    server = start(folder, port=port)
    try:
        server.await_ready()
    except BaseException:
        server.stop()
        raise
    return server


def _port(file: Path) -> int:
    kept = int(file.read_text()) if file.exists() else 0
    if not kept or ports.is_busy(kept):
        kept = ports.free()
        file.write_text(str(kept))
    return kept


def _kept(file: Path, prefix: str) -> str:
    """A secret of letters and digits only, as Stripe's are."""
    if not file.exists():
        write_private(file, prefix + secrets.token_hex(16))
    return file.read_text()


def _why(child: Child) -> DevstackError:
    tail = child.tail()
    if "Address already in use" in tail or "is in use by another program" in tail:
        return PortBusyError("The port of the stand-in for Stripe is in use: stop what listens there.")
    return DevstackError(f"The stand-in for Stripe did not start:\n{tail}")
