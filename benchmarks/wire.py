"""Counts what a client and PostgreSQL really say to each other."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_HEADER = 5  # bytes: a message's kind, and its length without the kind
_READY = b"Z"  # ReadyForQuery: the server has answered and waits


@dataclass
class Wire:
    """A way to the same server on which answers are counted."""

    url: str
    answers: int = 0

    @contextlib.contextmanager
    def count(self) -> Iterator[list[int]]:
        """Yields a list that holds, at the end, how many round trips there were inside."""
        before, counted = self.answers, []
        yield counted
        counted.append(self.answers - before)


@contextlib.contextmanager
def tapped(url: str) -> Iterator[Wire]:
    """Listen for connections and pass each on to the server that `url` names."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        netloc = parts.netloc.replace(f":{parts.port}", f":{listening.getsockname()[1]}")
        # Only what is not encrypted can be read; the answer to an offer of encryption would be no message.
        wire = Wire(parts._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable").geturl())
        threading.Thread(target=_accept, args=(listening, (parts.hostname, parts.port), wire), daemon=True).start()
        yield wire


def _accept(listening: socket.socket, server: tuple[str | None, int | None], wire: Wire) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:  # closed: the end
            return
        try:
            upstream = socket.create_connection(server)
        except OSError:
            client.close()
            continue
        threading.Thread(target=_pass_on, args=(client, upstream), daemon=True).start()
        threading.Thread(target=_count, args=(upstream, client, wire), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), target:
        while data := source.recv(65536):
            target.sendall(data)


def _count(server: socket.socket, client: socket.socket, wire: Wire) -> None:
    """Counted before it is passed on, so that who has got an answer sees it counted."""
    with contextlib.suppress(OSError), client, server.makefile("rb") as stream:
        while header := stream.read(_HEADER):
            wire.answers += header[:1] == _READY
            client.sendall(header + stream.read(int.from_bytes(header[1:], "big") - 4))
