"""HTTP over connections that stay open, as Stripe's do: to open one for each call costs more than most calls.

Werkzeug's own server closes each connection, and waits for a hundredth of a second before it does.
"""

import io
from collections.abc import Iterable
from typing import Any

from werkzeug.serving import WSGIRequestHandler

_LONGEST_BODY = 2_097_152  # bytes; the application refuses shorter ones
_WITHOUT_BODY = {"204", "304"}


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request. What has no length that is known and small is left to the server that closes."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _LONGEST_BODY:
            super().run_wsgi()
            return
        body = self.rfile.read(int(length))  # all of it, so that the next request begins behind it
        self.environ = self.make_environ() | {"wsgi.input": io.BytesIO(body)}
        status, headers, answer = self._answered()
        if status[:3] not in _WITHOUT_BODY and "content-length" not in {name.lower() for name, _ in headers}:
            headers.append(("Content-Length", str(len(answer))))
        headers.append(("Date", self.date_time_string()))
        lines = [f"{self.protocol_version} {status}", *(f"{name}: {value}" for name, value in headers)]
        self.log_request(status[:3])
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer)  # in one packet, if it fits in

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Only what failed: a log of each call would hide it."""
        if str(code).startswith("5"):
            super().log_request(code, size)

    def _answered(self) -> tuple[str, list[tuple[str, str]], bytes]:
        begun: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
            begun[:] = [status, list(headers)]
            return None

        chunks: Iterable[bytes] = self.server.app(self.environ, start)
        try:
            answer = b"".join(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        return begun[0], begun[1], answer
