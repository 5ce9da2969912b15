"""A web process that could not ask its database at start serves nobody until it has asked, and found it in order."""

import threading
import time
from collections.abc import Callable

import structlog
from flask import Flask, request
from sqlalchemy.exc import OperationalError

from saas.core.errors import Unavailable

log = structlog.get_logger()

_ANSWER = {"health.live", "health.ready", "health.metrics", "static"}  # endpoints that nobody waits for
_APART = 1.0  # seconds between the end of one question and the next one, whoever calls
_AWAY = "This site has not been able to ask its database since it was started. Nothing was changed; try again soon."
_UNFIT = "This site's database is not as it has to be. Nothing was changed. Those who run the site find why in its log."


class Waiting:
    """What is known of the database, and whether requests wait for it. Where they don't, Flask asks nothing here."""

    def __init__(self, app: Flask, ask: Callable[[], list[str]]) -> None:
        """`ask` returns the names of what keeps the process from serving, and calls `end` when that is nothing.

        Requests are refused behind what was registered up to now, and before all that is registered later.
        """
        self.in_order = False
        self.closed = False
        self._hooks = app.before_request_funcs
        self._place = len(self._hooks.setdefault(None, []))
        self._ask = ask
        self._asking = threading.Lock()
        self._next = 0.0
        self._told = _AWAY

    def begin(self) -> None:
        """Before the first request."""
        if not (self.closed or self.in_order):
            self.closed = True
            self._hooks[None].insert(self._place, self._refuse)

    def end(self) -> None:
        """Everything was found in order, and need not be asked for again."""
        self.in_order = True
        if self.closed:
            self.closed = False  # for requests that are going through the old list now
            self._hooks[None] = [hook for hook in self._hooks[None] if hook != self._refuse]

    def _refuse(self) -> None:
        if not self.closed or request.endpoint in _ANSWER:
            return
        if self._asking.acquire(blocking=False):  # the others are refused meanwhile
            try:
                self._look()
            finally:
                self._asking.release()
        if self.closed:
            raise Unavailable(self._told, retry_after=5)

    def _look(self) -> None:
        if time.monotonic() < self._next:
            return
        try:
            if names := self._ask():
                self._told = _UNFIT
                log.error("database.unenforced", names=names, mend="run `saas doctor`")
        except OperationalError as error:
            log.warning("database.unavailable", error=str(error.orig).strip())
            self._told = _AWAY
        finally:
            self._next = time.monotonic() + _APART
