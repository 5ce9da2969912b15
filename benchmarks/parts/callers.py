"""Who calls a web process over HTTP: businesses at a steady pace, and one that takes whatever it is given.

Each kind is a process of its own that is told what to do over a pipe. `businesses` keep to a timetable, and a call's
time counts from when it was due, so that one which has to wait for another is not left out.
"""

import contextlib
import http.client
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection

HOST = "127.0.0.1"
API = "/api/v1"
PACE = 5.0  # calls a second of one business
FLOOD = 10_000  # calls a second
LINES, _UNDERWAY, _TICK = 16, 64, 0.01  # connections of the flood; calls on one at a time; seconds
SLOW = {"count": 3, "sort": 3}  # how many ask for each of the slow routes at the same time
_AGAIN = 0.1  # seconds after which a refused one asks once more
_REFUSED, _HEAD = 429, b"HTTP/1.1 "


def businesses(told: Connection, port: int, keys: list[str], path: str, seed: int) -> None:
    """Told a number of seconds, call so long; answers with each call's seconds and status."""
    while True:
        seconds, found = told.recv(), list[tuple[float, int]]()
        start = time.monotonic() + 0.1
        _together([_caller(port, key, path, start, seconds, random.Random(f"{seed} {key}"), found) for key in keys])
        told.send(found)


def _caller(
    port: int, key: str, path: str, start: float, seconds: float, dice: random.Random, found: list[tuple[float, int]]
) -> Callable[[], None]:
    def call() -> None:
        line = http.client.HTTPConnection(HOST, port, timeout=60)
        due = start + dice.random() / PACE
        while due < start + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            status = _ask(line, key, path)
            found.append((time.monotonic() - due, status))
            due += dice.uniform(0.5, 1.5) / PACE

    return call


def neighbour(told: Connection, port: int) -> None:
    """Told a key, take what there is with it; told None, end, and answer with a count for each thing and status."""
    os.nice(10)  # it is another machine's: what it takes of this one should not be what is measured
    while key := told.recv():
        over, work = threading.Event(), list[Callable[[], None]]()
        found = [Counter[str]() for _ in range(LINES + sum(SLOW.values()))]
        counters = iter(found)
        work += [_flood(port, key, next(counters), over) for _ in range(LINES)]
        work += [_slow(port, key, what, next(counters), over) for what, n in SLOW.items() for _ in range(n)]
        threads = [threading.Thread(target=one, daemon=True) for one in work]
        for thread in threads:
            thread.start()
        told.recv()
        over.set()
        for thread in threads:
            thread.join()
        told.send(sum(found, Counter()))


def _slow(port: int, key: str, what: str, found: "Counter[str]", over: threading.Event) -> Callable[[], None]:
    def ask() -> None:
        line = http.client.HTTPConnection(HOST, port, timeout=60)
        while not over.is_set():
            status = _ask(line, key, f"{API}/bench/{what}")
            found[f"{what} {status}"] += 1
            if status == _REFUSED:
                over.wait(_AGAIN)

    return ask


def _ask(line: http.client.HTTPConnection, key: str, path: str) -> int:
    """One call on a connection that stays open; 0 where there was no answer."""
    try:
        line.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = line.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        line.close()
        return 0
    return answer.status


def _flood(port: int, key: str, found: "Counter[str]", over: threading.Event) -> Callable[[], None]:
    """A line's part of the flood: calls are sent ahead of their answers, as many as the pace and `_UNDERWAY` allow."""
    call = f"GET {API}/collections HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()

    def pour() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), socket.create_connection((HOST, port)) as line:
                line.setblocking(False)
                _pour(line, call, found, over)

    return pour


def _pour(line: socket.socket, call: bytes, found: "Counter[str]", over: threading.Event) -> None:
    underway, rest, due, owed = 0, b"", time.monotonic(), 0.0
    while not over.is_set():
        due += _TICK
        owed = min(owed + FLOOD / LINES * _TICK, _UNDERWAY)
        time.sleep(max(0.0, due - time.monotonic()))
        answered, rest = _read(line, rest, found)
        underway -= answered
        number = min(int(owed), _UNDERWAY - underway)
        line.sendall(call * number)  # so few that the kernel takes them at once
        underway += number
        owed -= number
        found["flood"] += number


def _read(line: socket.socket, rest: bytes, found: "Counter[str]") -> tuple[int, bytes]:
    """Count the answers that have come; what is left of the text may be the first part of a status line."""
    text = rest
    with contextlib.suppress(BlockingIOError):
        while more := line.recv(1 << 20):
            text += more
        raise ConnectionResetError("the server has closed it")
    heads = text.split(_HEAD)[1:]
    whole = [head for head in heads if len(head) >= 3]
    found.update(f"flood {head[:3].decode()}" for head in whole)
    return len(whole), text[-len(_HEAD) - 3 :] if len(whole) < len(heads) else text[1 - len(_HEAD) :]


def _together(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
