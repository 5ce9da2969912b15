"""Somebody outside the platform, who only counts: `python -m tests.support.killing.receiver`, a process of its own.

`POST /<mark>` is one effect. With an `Idempotency-Key` that came before it is answered as then and not applied again.
Mails come by SMTP, and their key is the Message-ID. `GET /` tells all that came.
"""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.support import smtp

ROOT = Path(__file__).parents[3]
TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Told:
    """What it says: by mark how often it was called and how often it applied that; by Message-ID, who got a mail."""

    calls: Counter[str]
    applied: Counter[str]
    mails: list[tuple[str, str]]  # Message-ID, to whom


@dataclass(frozen=True)
class Receiver:
    """Where the process listens."""

    url: str
    smtp_url: str

    def told(self) -> Told:
        with urlopen(self.url, timeout=TIMEOUT) as answer:
            said = json.load(answer)
        return Told(Counter(said["calls"]), Counter(said["applied"]), [(key, to) for key, to in said["mails"]])


@contextmanager
def running() -> Iterator[Receiver]:
    with subprocess.Popen(
        [sys.executable, "-m", __spec__.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout
        yield Receiver(**json.loads(process.stdout.readline()))


def call(url: str, mark: str, key: str | None) -> None:
    """What the platform does. Raises OSError."""
    headers = {"Idempotency-Key": key} if key else {}
    with urlopen(Request(f"{url}/{mark}", method="POST", headers=headers), timeout=TIMEOUT):
        pass


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_POST(self) -> None:
        self.server.apply(self.path.strip("/"), self.headers.get("Idempotency-Key"))
        self._answer({})

    def do_GET(self) -> None:
        self._answer(self.server.told())

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, mails: smtp.Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mails, self.lock = mails, threading.Lock()
        self.calls, self.applied = Counter[str](), Counter[str]()
        self.keys = set[str]()

    def apply(self, mark: str, key: str | None) -> None:
        with self.lock:
            self.calls[mark] += 1
            if key is None or key not in self.keys:
                self.applied[mark] += 1
            if key is not None:
                self.keys.add(key)

    def told(self) -> dict[str, Any]:
        mails = [(mail["Message-ID"], mail["To"]) for mail in list(self.mails.received)]
        with self.lock:
            return {"calls": dict(self.calls), "applied": dict(self.applied), "mails": mails}


def main() -> None:
    """Serve until the input ends, as it does with whoever started this."""
    with smtp.server() as mails, _Server(mails) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        print(json.dumps({"url": url, "smtp_url": mails.url}), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
