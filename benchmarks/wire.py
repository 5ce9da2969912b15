"""What an application really says to PostgreSQL, seen from outside: a proxy that notes each Query message."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_QUERY = b"Q"


@dataclass
class Wire:
    """`url` leads to the same database; `queries` are the texts of all messages so far, each one round trip."""

    url: str
    queries: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """Yields a list that holds, at the end, what was sent inside."""
        before, found = len(self.queries), list[str]()
        yield found
        found.extend(self.queries[before:])

    @contextlib.contextmanager
    def count(self) -> Iterator[list[int]]:
        """Yields a list that holds, at the end, how many round trips there were inside."""
        counted: list[int] = []
        with self.recorded() as queries:
            yield counted
        counted.append(len(queries))


@contextlib.contextmanager
def tapped(url: str) -> Iterator[Wire]:
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        netloc = parts.netloc.replace(f":{parts.port}", f":{listening.getsockname()[1]}")
        # What is encrypted can't be read, and the question whether to encrypt is no message of the usual form.
        wire = Wire(parts._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable").geturl())
        server = (parts.hostname, parts.port)
        thread = threading.Thread(target=_accept, args=(listening, server, wire), daemon=True)
        thread.start()
        yield wire
        listening.shutdown(socket.SHUT_RDWR)  # wakes up the thread
        thread.join()


def _accept(listening: socket.socket, server: tuple[str | None, int | None], wire: Wire) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            try:
                upstream = socket.create_connection(server)
            except OSError:
                client.close()
                continue
            threading.Thread(target=_note, args=(client, upstream, wire), daemon=True).start()
            threading.Thread(target=_pass_on, args=(upstream, client), daemon=True).start()


def _note(client: socket.socket, server: socket.socket, wire: Wire) -> None:
    """Noted before it is passed on: who has got an answer finds the question noted."""
    with contextlib.suppress(OSError), client, server, client.makefile("rb") as stream:
        start = stream.read(4)  # the first message has no kind
        server.sendall(start + stream.read(int.from_bytes(start, "big") - 4))
        while header := stream.read(5):
            body = stream.read(int.from_bytes(header[1:], "big") - 4)
            if header[:1] == _QUERY:
                wire.queries.append(body.rstrip(b"\0").decode())
            server.sendall(header + body)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source, target:
        while data := source.recv(65536):
            target.sendall(data)
