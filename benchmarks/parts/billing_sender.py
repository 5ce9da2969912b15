"""Sends webhooks by a timetable, as Stripe would, whether the ones before have been answered or not.

A process of its own, told over a pipe. The time of each counts from when it was due, so that one which has to wait for
others is not left out.
"""

import http.client
import queue
import threading
import time
from multiprocessing.connection import Connection

PATH = "/billing/webhook"
LINES = 16


def sender(told: Connection, host: str) -> None:
    """Told a port, how many a second, and bodies with their signatures: answers with seconds and status of each."""
    while True:
        port, rate, events = told.recv()
        due: queue.SimpleQueue[tuple[float, bytes, str] | None] = queue.SimpleQueue()
        found = list[tuple[float, int]]()
        threads = [threading.Thread(target=_line, args=(port, host, due, found)) for _ in range(LINES)]
        for thread in threads:
            thread.start()
        start = time.monotonic() + 0.2
        for number, (body, signature) in enumerate(events):
            at = start + number / rate
            time.sleep(max(0.0, at - time.monotonic()))
            due.put((at, body, signature))
        for _ in threads:
            due.put(None)
        for thread in threads:
            thread.join()
        told.send(found)


def _line(
    port: int,
    host: str,
    due: "queue.SimpleQueue[tuple[float, bytes, str] | None]",
    found: list[tuple[float, int]],
) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while (one := due.get()) is not None:
        at, body, signature = one
        headers = {"Host": host, "Content-Type": "application/json", "Stripe-Signature": signature}
        try:
            line.request("POST", PATH, body, headers)
            answer = line.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            line.close()
            status = 0
        found.append((time.monotonic() - at, status))
