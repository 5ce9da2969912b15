"""Between a process and its Redis: counts, from outside, how often the process waits for an answer, and how long."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_OPENING = {b"HELLO", b"AUTH", b"CLIENT", b"SELECT"}


@dataclass
class Wait:
    """One round trip: bytes were sent, and then came an answer, or whoever sent them gave up."""

    command: bytes  # the first of what was sent
    since: float
    until: float | None = None  # None: it is still waiting
    answered: bool = False

    @property
    def opens(self) -> bool:
        """Whether this only made a connection usable."""
        return self.answered and self.command in _OPENING

    @property
    def seconds(self) -> float:
        return (self.until or time.monotonic()) - self.since


@dataclass
class Relay:
    url: str  # of Redis as the process is to know it
    waits: list[Wait] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """Seconds of the wait that took, or is taking, longest."""
        return max((wait.seconds for wait in self.waits), default=0.0)

    @contextmanager
    def counting(self) -> Iterator[list[Wait]]:
        """The waits of what is done meanwhile."""
        before, seen = len(self.waits), list[Wait]()
        yield seen
        seen.extend(self.waits[before:])


@contextmanager
def running(redis_url: str) -> Iterator[Relay]:
    parts = urlsplit(redis_url)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        port = listening.getsockname()[1]
        relay = Relay(parts._replace(netloc=f":{parts.password}@127.0.0.1:{port}").geturl())
        accepting = threading.Thread(target=_accept, args=(relay, listening, int(parts.port or 0)))
        accepting.start()
        try:
            yield relay
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(relay: Relay, listening: socket.socket, port: int) -> None:
    threads = []
    with contextlib.suppress(OSError):  # it is closed at the end
        while True:
            client, _ = listening.accept()
            threads.append(threading.Thread(target=_serve, args=(relay, client, port)))
            threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(relay: Relay, client: socket.socket, port: int) -> None:
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        waits: list[Wait] = []
        answering = threading.Thread(target=_answer, args=(server, client, waits))
        answering.start()
        with contextlib.suppress(OSError):
            while sent := client.recv(65_536):
                if not waits or waits[-1].until is not None:
                    waits.append(Wait(_command(sent), time.monotonic()))
                    relay.waits.append(waits[-1])
                server.sendall(sent)
        _end(waits)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        answering.join()


def _answer(server: socket.socket, client: socket.socket, waits: list[Wait]) -> None:
    with contextlib.suppress(OSError):
        while answer := server.recv(65_536):
            _end(waits, answered=True)
            client.sendall(answer)


def _command(sent: bytes) -> bytes:
    """An array of bulk strings begins: *<parts> $<length> <name>, each on a line (the RESP protocol)."""
    return sent.split(b"\r\n", 3)[2].upper()


def _end(waits: list[Wait], *, answered: bool = False) -> None:
    if waits and waits[-1].until is None:
        waits[-1].until, waits[-1].answered = time.monotonic(), answered
