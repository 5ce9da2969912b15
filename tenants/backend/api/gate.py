"""In front of the application: how many requests it works on, and what it need not work on at all.

A call of the API that is beyond its tenant's share is refused here, before it costs what a request costs, by its key,
which was found to be good before, so that nobody can use up another's share.

What was refused is held for a moment before the answer goes out. A flood over some connections then comes at the pace
of these, where each refusal at once would ask for the next one: answering ten thousand a second takes the interpreter
from all others (docs/throttling.md has what it was measured to do). It holds a thread, of which a process therefore has
many more than it works on requests at the same time.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response

from saas.core import problems
from saas.core.edge import UNLOGGED
from saas.core.errors import PlatformError, Unavailable
from saas.core.settings import Settings
from tenants.backend.keys import service as keys
from tenants.backend.keys.errors import KeyNeeded
from tenants.errors import TooManyCalls
from tenants.usage import throttle

StartResponse = Callable[..., Any]


HELD = 0.25  # seconds
MOST_HELD = 40  # of the 64 threads that a process has
_BUSY = "There is more to do than can be done just now. Nothing was changed; try again in a moment."
PATIENCE = 5.0  # seconds that a request waits for its turn
_ALIVE = "/healthz/live"  # which says that there are threads, and no more


class Gate:
    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app, self._wsgi = app, app.wsgi_app
        # One fewer than there are connections. A request may need a second one for a moment (`database.separate`), and
        # as many as there are would each wait for another's.
        self._at_work = threading.BoundedSemaphore(max(1, 2 * settings.database_pool_size - 1))
        self._held = threading.BoundedSemaphore(MOST_HELD)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._refusal(environ) or self._work
            answered = answer(environ, start_response)
        finally:
            # Not as a function of Flask's teardown, which leaves out the rest where one of them fails.
            throttle.leave(self._app, environ)
        if throttle.was_refused(environ):
            self._hold()
        return answered

    def _refusal(self, environ: dict[str, Any]) -> Response | None:
        """Let in who comes with a key that is known; answer those who are too many."""
        header = environ.get("HTTP_AUTHORIZATION")
        if not header or not environ.get("PATH_INFO", "").startswith("/api/") or UNLOGGED in environ:
            return None
        structlog.contextvars.clear_contextvars()  # of this thread's last request, should the log hear of this one
        try:
            if tenant := throttle.of(self._app).tenant_of(keys.sent(header)):
                throttle.admit(self._app, environ, tenant)
        except TooManyCalls as error:
            return _answer(error)
        except KeyNeeded:
            return None  # which the API itself will say
        return None

    def _work(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == _ALIVE:
            return self._wsgi(environ, start_response)
        if not self._at_work.acquire(timeout=PATIENCE):
            return _answer(Unavailable(_BUSY, retry_after=5))(environ, start_response)
        try:
            return self._wsgi(environ, start_response)
        finally:
            self._at_work.release()

    def _hold(self) -> None:
        if self._held.acquire(blocking=False):
            time.sleep(HELD)
            self._held.release()


def _answer(error: PlatformError) -> Response:
    number = uuid4().hex
    body = problems.document(error.status, error.title, error.detail, error.code, request_id=number)
    response = Response(body, error.status.value, mimetype=problems.MIMETYPE)
    response.headers.update(
        {
            "Retry-After": str(error.retry_after),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-ID": number,
        }
    )
    return response
